"""Functions of JAX, lowered to StableHLO, imported, compiled and compared with what JAX computes."""

import re

import numpy as np
import pytest
from harness import ToolError, run, tool

jax = pytest.importorskip("jax", reason="JAX is not installed here: nothing to import programs from")
jnp, lax = jax.numpy, jax.lax

IMPORT = ["--allow-unregistered-dialect", "--ssm-import-stablehlo", "--canonicalize", "--cse"]


def generic(f, *args):
    return jax.jit(f, keep_unused=True).lower(*args).compiler_ir().operation.get_asm(print_generic_op_form=True)


def imported(f, *args):
    """The program as --ssm-raise-loops leaves it."""
    return tool("ssm-opt", *IMPORT, "--ssm-raise-loops", "--canonicalize", "--cse", input=generic(f, *args)).stdout


def check(f, *args, tolerance=2e-6, recurrences=None):
    """Compares results; if asked for, that no loop and so many recurrences are left."""
    text = imported(f, *args)
    assert "stablehlo" not in text and "chlo." not in text
    if recurrences is not None:
        assert text.count("= ssm.linear_recurrence") == recurrences and "scf." not in text, text
    # A literal is no argument of the function.
    got = run(text, *map(np.asarray, jax.tree.leaves(args)), entry="main")
    want = jax.tree.leaves(jax.jit(f)(*args))
    assert len(got) == len(want)
    for x, y in zip(got, map(np.asarray, want)):
        assert x.shape == y.shape and x.dtype == y.dtype
        if y.dtype.kind in "bi":
            np.testing.assert_array_equal(x, y)
        else:
            scale = np.linalg.norm(y.ravel().astype(complex)) or 1
            assert np.linalg.norm((x.astype(y.dtype) - y).ravel()) <= tolerance * scale


def numbers(seed, *shape, dtype=np.float32):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 0.9, shape)
    if np.dtype(dtype).kind == "c":
        x = x * np.exp(1j * rng.uniform(-np.pi, np.pi, shape))
    return x.astype(dtype)


def lru(a, u, x0):
    def step(x, ut):
        x = a * x + ut
        return x, x
    last, xs = lax.scan(step, x0, u)
    return jnp.tanh(xs), last


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_a_scan_is_a_recurrence(dtype):
    def f(a, u, x0):
        last, xs = lax.scan(lambda x, ut: (a * x + ut,) * 2, x0, u)
        return xs, last
    check(f, numbers(0, 8, dtype=dtype), numbers(1, 70, 8, dtype=dtype), numbers(2, 8, dtype=dtype), recurrences=1)


def test_a_batch_of_scans_backward():
    def f(a, u):
        step = lambda x, s: (s[0] * x + s[1],) * 2  # noqa: E731
        return lax.scan(step, jnp.zeros(8, jnp.float32), (a, u), reverse=True)[1]
    check(jax.vmap(f, in_axes=(None, 0)), numbers(0, 70, 8), numbers(1, 3, 70, 8), recurrences=1)


def test_a_layer_of_s5():
    """x_t = a x_{t-1} + B u_t, y_t = 2 Re(C x_t) + D u_t, complex and dense in channels."""
    def f(a, B, C, D, u):
        def step(x, ut):
            x = a * x + B @ ut.astype(np.complex64)
            return x, 2 * (C @ x).real + D * ut
        return lax.scan(step, jnp.zeros(a.shape, np.complex64), u)[1]
    c64 = np.complex64
    check(f, numbers(0, 6, dtype=c64), numbers(1, 6, 5, dtype=c64), numbers(2, 5, 6, dtype=c64), numbers(3, 5),
          numbers(4, 40, 5), recurrences=1)


def test_mambas_selective_scan():
    def f(A, B, C, delta, u):
        def step(h, s):
            b, c, d, x = s
            d = jax.nn.softplus(d)
            h = jnp.exp(d[:, None] * A) * h + (d * x)[:, None] * b[None, :]
            return h, h @ c
        return lax.scan(step, jnp.zeros(A.shape, np.float32), (B, C, delta, u))[1]
    check(f, -numbers(0, 5, 4), numbers(1, 50, 4), numbers(2, 50, 4), numbers(3, 50, 5), numbers(4, 50, 5),
          recurrences=1)


def test_a_gradient_of_a_scan():
    def loss(a, u):
        xs = lax.scan(lambda x, ut: (a * x + ut,) * 2, jnp.zeros(8, jnp.float32), u)[1]
        return (xs * xs).sum()
    check(jax.grad(loss, argnums=(0, 1)), numbers(0, 8), numbers(1, 30, 8), tolerance=5e-6)


def test_a_gru_stays_a_loop():
    def f(W, U, u):
        def step(h, ut):
            z = jax.nn.sigmoid(W @ ut)
            h = (1 - z) * h + z * jnp.tanh(U @ h + ut)
            return h, h
        return lax.scan(step, jnp.zeros(6, np.float32), u)[1]
    text = imported(f, numbers(0, 6, 6), numbers(1, 6, 6), numbers(2, 20, 6))
    assert "scf.for" in text and "ssm.linear_recurrence" not in text
    check(f, numbers(0, 6, 6), numbers(1, 6, 6), numbers(2, 20, 6))


def test_an_associative_scan():
    def combine(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]
    check(lambda a, u: lax.associative_scan(combine, (a, u)), numbers(0, 37, 4), numbers(1, 37, 4))


def test_loops_that_do_not_count_by_one():
    check(lambda x: lax.while_loop(lambda s: s[0].sum() < 100, lambda s: (s[0] * 1.5, s[1] + 2), (x, 0)), numbers(0, 4))
    check(lambda x: lax.fori_loop(3, 11, lambda i, s: s * 0.5 + i, x), numbers(0, 4))
    check(lambda n, x: lax.fori_loop(0, n, lambda i, s: s * 0.5 + i, x), np.int32(5), numbers(0, 4))
    check(lambda x: lax.fori_loop(5, 5, lambda i, s: s + 1, x), numbers(0, 4))


def test_branches():
    check(lambda p, x: lax.cond(p, jnp.sin, lambda y: y * y, x), np.bool_(True), numbers(0, 4))


@pytest.mark.parametrize("start", [-5, 0, 3, 6, 99])
def test_places_of_slices_are_clamped(start):
    i = np.int32(start)
    check(lambda x, i: lax.dynamic_slice(x, (i, jnp.int32(1)), (4, 2)), numbers(0, 10, 5), i)
    check(lambda x, y, i: lax.dynamic_update_slice(x, y, (i, i)), numbers(0, 10, 5), numbers(1, 4, 2), i)
    check(lambda x: lax.dynamic_slice(x, (start,), (4,)), numbers(0, 10))
    loop = lambda x: lax.fori_loop(-3, 9, lambda i, s: s + lax.dynamic_slice(x, (i * 2 - start,), (4,)), x[:4])  # noqa: E731
    check(loop, numbers(0, 10))


REAL = {
    "arithmetic": lambda x, y: x + y * x - x / y,
    "extrema": lambda x, y: (jnp.maximum(x, y), jnp.minimum(x, 0.5), jnp.clip(x, 0.3, 0.6)),
    "exp and log": lambda x, y: (jnp.exp(x), jnp.expm1(x), jnp.log(x), jnp.log1p(x)),
    "activations": lambda x, y: (jax.nn.sigmoid(x), jax.nn.silu(x), jax.nn.gelu(x, approximate=False), jax.nn.softplus(x)),
    "powers": lambda x, y: (x**y, jnp.sqrt(x), lax.rsqrt(x), jnp.cbrt(x), jnp.square(x)),
    "trigonometry": lambda x, y: (jnp.sin(x), jnp.cos(x), jnp.tan(x), jnp.arctan2(x, y), jnp.tanh(x)),
    "rounding": lambda x, y: (jnp.floor(4 * x), jnp.ceil(4 * x), jnp.round(4 * x), jnp.sign(x - 0.5), jnp.abs(x - 0.5)),
    "comparisons": lambda x, y: (x < y, x <= y, x == y, x != y, x >= y, jnp.where(x > y, x, -y), jnp.isfinite(x)),
    "logic": lambda x, y: ((x < y) & (x > 0.5) | ~(y < 0.5)) ^ (x < 0.2),
    "conversions": lambda x, y: ((9 * x).astype(jnp.int32), (x > y).astype(jnp.float32), x.astype(jnp.bfloat16).astype(
        jnp.float32), (x > y).astype(jnp.int32), (x - 0.5).astype(bool), x.astype(jnp.complex64)),
    "integers": lambda x, y: (jnp.abs((9 * x).astype(jnp.int32) - 4) * 3 + 1, -(9 * y).astype(jnp.int32)),
}


@pytest.mark.parametrize("name", REAL)
def test_elementwise(name):
    check(REAL[name], numbers(0, 6, 7), numbers(1, 6, 7), tolerance=1e-6)


def test_elementwise_complex():
    def f(x, y):
        return (x + y * x - x / y, jnp.exp(x), jnp.log(x), jnp.sqrt(x), jnp.abs(x), x.real, x.imag, jnp.conj(x), x == y,
                lax.complex(x.real, y.real), jnp.tanh(x), jnp.sin(x), jnp.where(x.real > 0, x, y))
    check(f, numbers(0, 6, 7, dtype=np.complex64), numbers(1, 6, 7, dtype=np.complex64))


SHAPES = {
    "broadcasts": lambda x: (x[:, None] + x[None, :1], jnp.broadcast_to(x, (3, *x.shape)), x[:, :1] * jnp.ones((6, 4), jnp.float32)),
    "reshapes": lambda x: (x.reshape(7, 6), x.reshape(42), x.reshape(2, 3, 7), x[:1, :1].reshape(()), x[None, :, None]),
    "transposes": lambda x: (x.T, x.reshape(2, 3, 7).transpose(2, 0, 1)),
    "slices": lambda x: (x[1:5, ::2], x[::3, 4:], x[2], x[..., -1]),
    "concatenations": lambda x: (jnp.concatenate([x, x[:2]], 0), jnp.stack([x, -x], 1)),
    "paddings": lambda x: (jnp.pad(x, ((1, 2), (0, 3)), constant_values=4.0), lax.pad(x, 0.5, ((1, 0, 2), (-1, 2, 0))),
                           lax.pad(x, 0.5, ((-2, -1, 1), (-1, -3, 2))), lax.pad(x, 0.5, ((-5, 3, 2), (0, 0, 0)))),
    "reversals": lambda x: (x[::-1], x[::-1, ::-1]),
    "counts": lambda x: (jnp.arange(7) * x, lax.broadcasted_iota(jnp.int32, (3, 4), 1), jnp.eye(4, dtype=jnp.float32)),
    "sums": lambda x: (x.sum(), x.sum(0), x.max(1), x.min(), x.prod(1), (x > 0.5).any(0), (x > 0.1).all()),
    "softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "products": lambda x: (x @ x.T, jnp.einsum("ij,kj->ki", x, x), jnp.einsum("bij,bjk->bik", x.reshape(2, 3, 7), x.reshape(2, 7, 3)),
                           x[0] @ x.T, jnp.dot(x[0], x[1]), jnp.einsum("ij,ij->i", x, x)),
    "integer products": lambda x: (9 * x).astype(jnp.int32) @ (9 * x.T).astype(jnp.int32),
    "no elements": lambda x: (x[:0].reshape(0), jnp.zeros((0, 3), jnp.float32).sum(0)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    check(SHAPES[name], numbers(0, 6, 7), tolerance=1e-6)


@pytest.mark.parametrize("n", [12, 13])
def test_transforms(n):
    def f(x, z):
        return jnp.fft.rfft(x), jnp.fft.fft(z), jnp.fft.ifft(z), jnp.fft.irfft(jnp.fft.rfft(x), n)
    assert imported(f, numbers(0, 3, n), numbers(1, 3, n, dtype=np.complex64)).count("ssm.fft") >= 4
    check(f, numbers(0, 3, n), numbers(1, 3, n, dtype=np.complex64))


def test_two_functions_and_one_that_both_call():
    text = generic(lambda x: jnp.linalg.norm(jnp.roll(x, 2)) + jnp.roll(x, 2)[0], numbers(0, 6))
    assert text.count("func.call") >= 2
    check(lambda x: jnp.linalg.norm(jnp.roll(x, 2)) + jnp.roll(x, 2)[0], numbers(0, 6))


@pytest.mark.parametrize("f, op", [
    (lambda x: jnp.linalg.cholesky(x.reshape(2, 3) @ x.reshape(3, 2)), "stablehlo.custom_call"),
    (lambda x: jnp.fft.rfft2(x.reshape(2, 3)), "stablehlo.fft"),
    (lambda x: x.view(jnp.uint16), "stablehlo.bitcast_convert"),
])
def test_what_has_no_import_is_an_error(f, op):
    with pytest.raises(ToolError) as caught:
        imported(f, numbers(0, 6))
    assert caught.value.status == 1
    assert re.search(rf"error: '{op}' op cannot be imported: ", caught.value.stderr)
