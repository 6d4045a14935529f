"""Kernels of powers and convolutions by transforms, as layers of S4 and Hyena have
them in JAX, against NumPy in float64."""

import numpy as np
import pytest
from mlir_ssm._compile import core

jax = pytest.importorskip("jax", reason="jax is not installed")
if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import jax.numpy as jnp
import mlir_ssm
import mlir_ssm.jax as ssm

RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def lowered(f, *args):
    """The text, and what it computes."""
    text = ssm.lower(f, *args)
    return text, mlir_ssm.compile(text, entry="main")(*args)


def close(got, want, bar=1e-6):
    assert got.shape == want.shape and np.linalg.norm(got - want) <= bar * np.linalg.norm(want)


def convolution(u, k, axis=-1):
    """y_t = sum of k_l u_{t - l}, in float64."""
    u, k = np.moveaxis(u.astype(np.result_type(u, "f8")), axis, -1), np.moveaxis(k.astype(np.result_type(k, "f8")), axis, -1)
    y = sum(k[..., l, None] * np.concatenate([np.zeros_like(u[..., :l]), u[..., :u.shape[-1] - l]], -1)
            for l in range(min(k.shape[-1], u.shape[-1])))
    return np.moveaxis(y, -1, axis)


def by_transforms(u, k, points, steps, axis=-1, change=lambda spectrum: spectrum):
    product = jnp.fft.rfft(u, points, axis=axis) * change(jnp.fft.rfft(k, points, axis=axis))
    return jax.lax.slice_in_dim(jnp.fft.irfft(product, points, axis=axis), 0, steps, axis=axis)


@pytest.mark.parametrize("taps, points", [(50, 100), (50, 99), (20, 69), (20, 128), (2, 51)])
def test_causal(taps, points):
    u, k = normal(2, 3, 50), normal(3, taps)
    text, y = lowered(lambda u, k: by_transforms(u, k, points, 50), u, k)
    assert text.count("ssm.long_conv %arg0, %arg1 {indexing_maps") == 1 and "ssm.fft" not in text
    close(y, convolution(u, k))


@pytest.mark.parametrize("signal, kernel", [((1, 3), (3,)), ((2, 1), (1,)), ((1, 1), (1,)), ((), ()), ((4,), ()), ((2, 3), (2, 3))])
def test_shapes(signal, kernel):
    u, k = normal(*signal, 50), normal(*kernel, 50)
    text, y = lowered(lambda u, k: by_transforms(u, k, 100, 50), u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text and "two_sided" not in text
    close(y, convolution(u, np.broadcast_to(k, u.shape)))


def test_mapped_over_channels():
    u, k = normal(2, 3, 50), normal(2, 3, 50)
    text, y = lowered(jax.vmap(lambda u, k: by_transforms(u, k, 100, 50), (1, 1), 1), u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text and "two_sided" not in text
    close(y, convolution(u, k))


def test_channels_last():
    u, k = normal(2, 50, 3), normal(50, 3)
    text, y = lowered(lambda u, k: by_transforms(u, k, 100, 50, axis=-2), u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    close(y, convolution(u, k, -2))


@pytest.mark.parametrize("steps", [30, 50, 80, 99])
def test_as_many_steps_as_asked_for(steps):
    u, k = normal(2, 3, 50), normal(3, 50)
    text, y = lowered(lambda u, k: by_transforms(u, k, 100, steps), u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    close(y, convolution(np.pad(u, ((0, 0), (0, 0), (0, 50))), k)[..., :steps])


def test_all_steps():
    u, k = normal(2, 3, 50), normal(3, 50)
    text, y = lowered(lambda u, k: jnp.fft.irfft(jnp.fft.rfft(u, 100) * jnp.fft.rfft(k, 100), 100), u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    close(y, convolution(np.pad(u, ((0, 0), (0, 0), (0, 50))), k))


def test_scaled_as_in_hyena():
    u, k = normal(2, 3, 50), normal(3, 50)
    text, y = lowered(lambda u, k: jnp.fft.irfft(jnp.fft.rfft(u, 100) * (jnp.fft.rfft(k, 100) / 100), 100,
                                                 norm="forward")[..., :50], u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    close(y, convolution(u, k))


def test_of_past_and_future():
    """The kernel of the future lies at the end, as in bidirectional S4."""
    u, past, future = normal(2, 3, 50), normal(3, 50), normal(3, 50)

    def f(u, past, future):
        k = jnp.pad(past, ((0, 0), (0, 50))) + jnp.pad(future[:, ::-1], ((0, 0), (50, 0)))
        return by_transforms(u, k, 100, 50)
    text, y = lowered(f, u, past, future)
    assert "two_sided" in text and "ssm.fft" not in text
    ahead = convolution(u[..., ::-1], np.pad(future, ((0, 0), (1, 0))))[..., ::-1]
    close(y, convolution(u, past) + ahead)


@pytest.mark.parametrize("steps", [30, 50])
def test_correlation(steps):
    u, k = normal(2, 3, 50), normal(3, 20)
    text, y = lowered(lambda u, k: by_transforms(u, k, 100, steps, change=jnp.conj), u, k)
    assert "backward" in text and "ssm.fft" not in text
    close(y, convolution(u[..., ::-1], k)[..., ::-1][..., :steps])


@pytest.mark.parametrize("is_complex", [False, True])
def test_complex_transforms(is_complex):
    u, k = normal(2, 3, 50), normal(3, 50)
    if is_complex:
        u, k = u + 1j * normal(2, 3, 50), k + 1j * normal(3, 50)

    def f(u, k):
        y = jnp.fft.ifft(jnp.fft.fft(u, 100) * jnp.fft.fft(k, 100))[..., :50]
        return y if is_complex else y.real
    text, y = lowered(f, u.astype(np.complex64 if is_complex else np.float32), k.astype(u.dtype))
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    assert is_complex or "long_conv %arg0, %arg1" in text
    close(y, convolution(u, k))


@pytest.mark.parametrize("f", [
    lambda u, k: jnp.fft.irfft(jnp.fft.rfft(u) * jnp.fft.rfft(k), 50),
    lambda u, k: by_transforms(u, k, 70, 60),
    lambda u, k: by_transforms(u, k, 99, 51, change=jnp.conj),
    lambda u, k: by_transforms(u, k, 100, 50, change=lambda spectrum: spectrum * spectrum),
    lambda u, k: by_transforms(u, k, 100, 50, change=lambda spectrum: spectrum + 1),
    lambda u, k: by_transforms(u, k, 100, 50, change=lambda spectrum: spectrum * 1j),
    lambda u, k: jnp.fft.irfft(jnp.fft.rfft(u, 100) * jnp.fft.rfft(k, 100), 101)[..., :50],
    lambda u, k: by_transforms(u, k, 100, 60)[..., 10:],
    lambda u, k: by_transforms(jnp.pad(u[..., :40], ((0, 0), (0, 0), (10, 0))), k, 100, 50),
    lambda u, k: jnp.fft.irfft(jnp.conj(jnp.fft.rfft(u, 100) * jnp.fft.rfft(k, 100)), 100)[..., :50],
], ids=["all steps of a circle", "more steps than the signal", "lags that meet", "a spectrum squared", "a sum",
        "an imaginary factor", "other points", "from a later step on", "zeros ahead", "reversed"])
def test_anything_else_is_what_it_was(f):
    u, k = normal(2, 3, 50), normal(3, 50)
    _, y = lowered(f, u, k)
    with jax.enable_x64(True):
        close(y, np.asarray(f(jnp.asarray(u, "f8"), jnp.asarray(k, "f8"))))


def decays(*shape, is_complex=True):
    a = RNG.uniform(0.9, 0.999, shape)
    return (a * np.exp(1j * RNG.uniform(-3, 3, shape))).astype(np.complex64) if is_complex else a.astype(np.float32)


def kernel(a, c, length):
    """sum over n of c a^l, in complex128: [h, l]."""
    a, c = np.asarray(a, np.complex128), np.asarray(c, np.complex128)
    return np.einsum("hn,hnl->hl", c, a[..., None] ** np.arange(length))


POWERS = {
    "pow": lambda a, c: jnp.einsum("hn,hnl->hl", c, a[..., None] ** jnp.arange(300)),
    "pow of floats": lambda a, c: jnp.einsum("hn,hnl->hl", c, a[..., None] ** jnp.arange(300.0)),
    "constant positions": lambda a, c: jnp.einsum("hn,hnl->hl", c, a[..., None] ** np.arange(300)),
    "time first": lambda a, c: jnp.einsum("hn,lhn->lh", c, a ** jnp.arange(300)[:, None, None]).T,
    "a product and a sum": lambda a, c: (c[..., None] * a[..., None] ** jnp.arange(300)).sum(1),
}


@pytest.mark.parametrize("name", POWERS)
@pytest.mark.parametrize("is_complex", [False, True])
def test_powers(name, is_complex):
    a = decays(5, 7, is_complex=is_complex)
    c = (normal(5, 7) + 1j * normal(5, 7)).astype(a.dtype) if is_complex else normal(5, 7)
    text, k = lowered(POWERS[name], a, c)
    assert "ssm.materialize_kernel" in text and "pow" not in text
    want = kernel(a, c, 300)
    close(k, want if is_complex else want.real)


@pytest.mark.parametrize("order", ["x l", "l x"])
@pytest.mark.parametrize("is_complex", [False, True])
def test_exponentials(order, is_complex):
    x = np.log(decays(5, 7, is_complex=is_complex)).astype(np.complex64 if is_complex else np.float32)
    c = normal(5, 7).astype(x.dtype)

    def f(x, c):
        l = jnp.arange(2000)
        return jnp.einsum("hn,hnl->hl", c, jnp.exp(x[..., None] * l if order == "x l" else l * x[..., None]))
    text, k = lowered(f, x, c)
    assert "ssm.materialize_kernel" in text
    want = np.einsum("hn,hnl->hl", c.astype("c16"), np.exp(x.astype("c16")[..., None] * np.arange(2000)))
    close(k, want if is_complex else want.real, 1e-6)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("exponent", [
    lambda l, step, x: l * step * x, lambda l, step, x: step * (x * l), lambda l, step, x: x * l * step],
    ids=["l step x", "step (x l)", "x l step"])
def test_a_step_among_the_factors(exponent, is_complex):
    """As in S4D's kernels, of one function for each lag."""
    x = np.log(decays(5, 7, is_complex=is_complex)).astype(np.complex64 if is_complex else np.float32)
    c, step = normal(5, 7).astype(x.dtype), RNG.uniform(0.1, 1, (5, 1)).astype("f4")

    def f(x, c, step):
        return jax.vmap(lambda l: (c * jnp.exp(exponent(l, step, x))).sum(-1), out_axes=-1)(jnp.arange(2000)).real
    text, k = lowered(f, x, c, step)
    assert "ssm.materialize_kernel" in text and "tensor<5x2000x7x" not in text
    powers = np.exp((step.astype("f8") * x.astype("c16"))[..., None] * np.arange(2000))
    close(k, np.einsum("hn,hnl->hl", c.astype("c16"), powers).real, 1e-6)


@pytest.mark.parametrize("f, factor", [
    (lambda a, c: 2 * jnp.einsum("hn,hnl->hl", c, a[..., None] ** jnp.arange(300)).real, 2),
    (lambda a, c: jnp.real(2 * jnp.einsum("hn,hnl->hl", c, a[..., None] ** jnp.arange(300))), 2),
    (lambda a, c: jnp.einsum("hn,lhn->lh", c, a ** jnp.arange(300)[:, None, None]).real.T * 2, 2),
    (lambda a, c: jnp.einsum("hn,hnl->hl", c, a[..., None] ** jnp.arange(300)).real * 3, 3)])
def test_real_parts(f, factor):
    a, c = decays(5, 7), decays(5, 7)
    text, k = lowered(f, a, c)
    assert "ssm.materialize_kernel" in text and "projection<" in text
    close(k, factor * kernel(a, c, 300).real)


def test_a_layer_of_s4d():
    """The kernel and its convolution, and their gradient."""
    a, c, u = decays(5, 7), decays(5, 7), normal(2, 300, 5)

    def f(a, c, u):
        k = 2 * jnp.einsum("dn,ldn->ld", c, a ** jnp.arange(300)[:, None, None]).real
        return by_transforms(u, k, 600, 300, axis=-2)
    text, y = lowered(f, a, c, u)
    assert "ssm.long_conv" in text and "twice_real" in text and "ssm.fft" not in text
    close(y, convolution(u, 2 * kernel(a, c, 300).real.T, -2))


@pytest.mark.parametrize("f", [
    lambda u, k: by_transforms(jnp.ones_like(u), k, 100, 50), lambda u, k: by_transforms(u, jnp.ones_like(k), 100, 50),
    lambda u, k: by_transforms(u, jnp.full(50, 0.5), 100, 50), lambda u, k: by_transforms(u, k[:, :1] + 0 * k, 100, 50)],
    ids=["signal", "kernel", "kernel of all", "kernel of each"])
def test_the_same_at_all_times(f):
    u, k = normal(2, 3, 50), normal(3, 50)
    text, y = lowered(f, u, k)
    assert "ssm.long_conv" in text and "ssm.fft" not in text
    with jax.enable_x64(True):
        close(y, np.asarray(f(jnp.asarray(u, "f8"), jnp.asarray(k, "f8"))))


@pytest.mark.parametrize("f", [
    lambda a, c: jnp.einsum("n,nl->l", c, 0.9 ** jnp.arange(30.0)[None] * jnp.ones((7, 1))),
    lambda a, c: jnp.einsum("n,nl->l", c, a[:, None] ** jnp.arange(1, 31)),
    lambda a, c: jnp.einsum("n,nl->l", c, jnp.arange(30.0) ** a[:, None]),
    lambda a, c: jnp.einsum("nl,nl->l", c[:, None] * jnp.arange(30), a[:, None] ** jnp.arange(30)),
    lambda a, c: jnp.einsum("n,nl->n", c, a[:, None] ** jnp.arange(30)),
    lambda a, c: jnp.einsum("n,nl->l", c.astype(jnp.bfloat16), a.astype(jnp.bfloat16)[:, None] ** jnp.arange(30), preferred_element_type=jnp.float32),
    lambda a, c: jnp.einsum("n,nl->l", c, jnp.exp(jnp.log(a)[:, None] * jnp.arange(30) + 1)),
    lambda a, c: jnp.einsum("n,nl->l", c, jnp.exp(jnp.log(a)[:, None] * jnp.arange(30) * jnp.arange(30))),
    lambda a, c: jnp.einsum("n,nl->l", c, jnp.exp(jnp.arange(30.0))[None] * jnp.ones((7, 1))),
], ids=["one number", "from one", "of positions", "weights in time", "a sum over time", "narrow", "and more", "squares",
        "no factor"])
def test_other_powers_are_what_they_were(f):
    a, c = decays(7, is_complex=False), normal(7)
    text, k = lowered(f, a, c)
    want = np.asarray(jax.jit(f)(a, c))
    close(k, want, 1e-2 if "bf16" in text else 1e-5)


def test_gradients_of_a_layer_of_s4d():
    x, c, u, weight = -RNG.uniform(0.01, 0.3, (5, 7)).astype("f4"), normal(5, 7), normal(2, 60, 5), normal(2, 60, 5)

    def f(x, c, u):
        return by_transforms(u, jnp.einsum("dn,dnl->ld", c, jnp.exp(x[..., None] * jnp.arange(60))), 120, 60, axis=-2)
    gradient = mlir_ssm.gradient(mlir_ssm.compile(ssm.lower(f, x, c, u), entry="main"))
    for got, want in zip(gradient(x, c, u, weight), jax.vjp(f, x, c, u)[1](weight), strict=True):
        close(got, np.asarray(want), 2e-6)


def test_gradients_of_a_convolution_by_transforms():
    u, k, weight = normal(2, 3, 50), normal(3, 50), normal(2, 3, 50)

    def f(u, k):
        return by_transforms(u, k, 100, 50)
    gradient = mlir_ssm.gradient(mlir_ssm.compile(ssm.lower(f, u, k), entry="main"))
    for got, want in zip(gradient(u, k, weight), jax.vjp(f, u, k)[1](weight), strict=True):
        close(got, np.asarray(want))
