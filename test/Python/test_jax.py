"""mlir_ssm.jax against plain JAX: values, gradients, batches, exported programs, and layers that are trained."""

import numpy as np
import pytest
from mlir_ssm._compile import core

jax = pytest.importorskip("jax", reason="jax is not installed")
if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import jax.numpy as jnp
import mlir_ssm.jax as ssm

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def numbers(shape, dtype=np.float64, scale=1.0):
    x = RNG.standard_normal(shape) * scale
    if np.dtype(dtype).kind == "c":
        x = x + 1j * RNG.standard_normal(shape) * scale
    return jnp.asarray(x.astype(dtype))


def close(got, want, tol=1e-12):
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert g.shape == w.shape and g.dtype == w.dtype
        assert np.abs(np.asarray(g) - np.asarray(w)).max(initial=0) <= tol * max(np.abs(np.asarray(w)).max(initial=0), 1)


def loop(spec, a, b, c, u, init=None, output="none", reverse=False, read="after", columns=None):
    """state_space one step after another, in JAX's own operations; the reference of this file."""
    operands, y = spec.split("->")
    letters = operands.split(",")
    arrays = (a, b, c, u)
    used = [(m, x) for m, x in zip(letters, arrays) if x is not None]
    sizes = {k: n for m, x in used for k, n in zip(m, x.shape)}
    state = "".join(k for k in dict.fromkeys("".join(m for m, _ in used) + y)
                    if k != "t" and not (k in letters[1] + letters[3] and k not in letters[0] + letters[2] + y)
                    and not (k in letters[2] + y and k not in letters[0] + letters[1] + letters[3]))
    if columns:
        state = state.replace(columns[1], "")
    dtype = jnp.result_type(*(x for _, x in used if x is not c), *([] if init is None else [init]))
    h = jnp.zeros([sizes[k] for k in state], dtype) + (0 if init is None else init)
    ys = [None] * sizes["t"]

    def at(m, x, t):
        return (m.replace("t", ""), jnp.take(x, t, m.index("t")) if "t" in m else x)

    for t in range(sizes["t"])[::-1] if reverse else range(sizes["t"]):
        before = h
        ma, a_t = at(letters[0], a, t)
        previous = state.replace(*columns) if columns else state
        drive = [at(m, x, t) for m, x in ((letters[1], b), (letters[3], u)) if x is not None]
        drive.append((state, jnp.ones_like(h)))
        h = (jnp.einsum(f"{ma},{previous}->{state}", a_t, h) +
             jnp.einsum(",".join(m for m, _ in drive) + "->" + state, *(x for _, x in drive)))
        seen = before if read == "before" else h
        if c is not None:
            mc, c_t = at(letters[2], c, t)
            seen = jnp.einsum(f"{mc},{state}->{y.replace('t', '')}", c_t, seen)
        else:
            seen = jnp.einsum(f"{state}->{y.replace('t', '')}", seen)
        ys[t] = {"none": lambda z: z, "real": jnp.real, "twice_real": lambda z: 2 * jnp.real(z)}[output](seen)
    return jnp.stack(ys, y.index("t")), h


def same_gradients(f, g, *operands, tol=1e-11):
    """f and g, their gradients, and the gradients of a sum of squares of these."""
    out = jax.eval_shape(g, *operands)
    weights = [numbers(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(out)]

    def loss(fn):
        return lambda *xs: sum(jnp.sum(jnp.real(w * jnp.sin(y))) for w, y in zip(weights, jax.tree.leaves(fn(*xs))))
    every = tuple(range(len(operands)))
    close(jax.jit(f)(*operands), g(*operands), tol)
    close(jax.jit(jax.grad(loss(f), every))(*operands), jax.grad(loss(g), every)(*operands), tol)


SPECS = {
    "S4D": ("hn,hn,hn,bth->bth", "c", "twice_real"),
    "S5": ("n,ni,on,bti->bto", "c", "real"),
    "Mamba-1": ("bthn,bthn,btn,bth->bth", "f", "none"),
    "Mamba-2": ("bth,btn,btn,bthp->bthp", "f", "none"),
    "gated": ("bthk,bthk,bthk,bthv->bthv", "c", "none"),
}
SIZES = dict(b=2, t=4, h=3, n=4, i=2, o=3, p=2, k=2, v=3)


def space(name):
    spec, kind, output = SPECS[name]
    dtype = np.complex128 if kind == "c" else np.float64
    *params, u = spec.split("->")[0].split(",")
    arrays = [numbers([SIZES[k] for k in m], dtype, 0.5) for m in params]
    return spec, output, [*arrays, numbers([SIZES[k] for k in u], np.float64 if output != "none" else dtype)]


@pytest.mark.parametrize("name,reverse,read", [
    *((name, False, "after") for name in SPECS), ("S4D", True, "after"), ("S5", False, "before"),
    ("Mamba-1", True, "before")])
def test_state_space(name, reverse, read):
    spec, output, operands = space(name)
    options = dict(output=output, reverse=reverse, read=read)
    same_gradients(lambda *xs: ssm.state_space(spec, *xs, **options), lambda *xs: loop(spec, *xs, **options), *operands)


def test_feedthrough_and_init():
    spec, output, operands = space("S4D")
    d, init = numbers([3]), numbers([3, 4, 2], np.complex128).transpose(2, 0, 1)  # h, n, b: final is hnb
    init = init.transpose(1, 2, 0)

    def plain(d, init, *xs):
        y, final = loop(spec, *xs, init=init, output=output)
        return y + d * xs[3], final
    same_gradients(lambda d, init, *xs: ssm.state_space(spec, *xs, d, init=init, output=output), plain, d, init,
                   *operands)


@pytest.mark.parametrize("shape,reverse,dtype", [
    ((), False, np.float64), ((3,), True, np.complex128), ((4, 3), True, np.float64), ((2, 1, 3), False, np.float64),
    ((2, 4, 3), False, np.complex128), ((2, 4, 3), True, np.float64)])
def test_linear_recurrence(shape, reverse, dtype):
    a, x, init = numbers(shape, dtype, 0.5), numbers([2, 4, 3], dtype), numbers([3], dtype)

    def plain(a, x, init):
        whole = jnp.broadcast_to(a, x.shape)
        return loop("bth,,,bth->bth", whole, None, None, x, init, reverse=reverse)
    same_gradients(lambda a, x, init: ssm.linear_recurrence(a, x, init=init, reverse=reverse), plain, a, x, init)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3, 3), (2, 4, 3, 3)])
def test_dense(shape):
    a, x = numbers(shape, scale=0.4), numbers([2, 4, 3])

    def plain(a, x):
        letters = "bthm" if len(shape) == 4 else "thm" if len(shape) == 3 else "hm"
        ys, final = loop(f"{letters},,,bth->bth", a, None, None, x, columns=("h", "m"))
        return ys, final if len(shape) == 4 else final.T  # the loop's follows a, then x
    same_gradients(lambda a, x: ssm.linear_recurrence(a, x, transition="dense"), plain, a, x)


@pytest.mark.parametrize("mode", ["causal", "two_sided", "circular"])
@pytest.mark.parametrize("taps", [1, 3, 7])
def test_long_conv(mode, taps):
    length = 5
    taps = {"two_sided": 2 * length - 1, "circular": min(taps, length)}.get(mode, taps)
    u, k = numbers([2, 3, length]), numbers([3, taps])

    def plain(u, k):
        t, s = jnp.arange(length)[:, None], jnp.arange(length)
        lag = {"causal": t - s, "two_sided": t - s + length - 1, "circular": (t - s) % length}[mode]
        matrix = jnp.where((lag >= 0) & (lag < taps), k[:, jnp.clip(lag, 0, taps - 1)], 0)
        return jnp.einsum("hts,bhs->bht", matrix, u)
    same_gradients(lambda u, k: ssm.long_conv(u, k, mode=mode), plain, u, k)


def affine(left, right):
    return right[0] * left[0], left[1] * right[0] + right[1]


@pytest.mark.parametrize("fn,axis,reverse", [
    (jnp.add, 0, False), (lambda l, r: r + l, 1, True), (jnp.multiply, 0, True), (affine, -1, False), (affine, 0, True),
    (jnp.maximum, 0, True), (jnp.minimum, -1, False)])
def test_associative_scan(fn, axis, reverse):
    xs = tuple(numbers([5, 4]) for _ in range(2)) if fn is affine else numbers([5, 4])
    same_gradients(lambda xs: ssm.associative_scan(fn, xs, axis=axis, reverse=reverse),
                   lambda xs: jax.lax.associative_scan(fn, xs, axis=axis, reverse=reverse), xs)


def test_unknown_combiner():
    with pytest.raises(ValueError, match="fn: expected a sum.*jax.lax.associative_scan"):
        ssm.associative_scan(lambda l, r: l * r + l, numbers([3]))
    with pytest.raises(ValueError, match="fn: expected a sum"):
        ssm.associative_scan(jnp.logaddexp, numbers([3]))


@pytest.mark.parametrize("which", [(0, None), (None, 0), (0, 0), (2, 1)])
def test_vmap(which):
    a, x = numbers([4, 4, 4], scale=0.5), numbers([4, 4, 4])
    a, x = (v if d is not None else v[0] for v, d in zip((a, x), which))

    def f(a, x):
        return ssm.linear_recurrence(a, x, axis=0)

    def plain(a, x):
        return loop("th,,,th->th", a, None, None, x)
    same_gradients(jax.vmap(f, which), jax.vmap(plain, which), a, x)


@pytest.mark.parametrize("only", range(4))
def test_vmap_of_one_operand(only):
    spec, output, operands = space("S4D")
    operands[only] = jnp.stack([operands[only], 2 * operands[only], operands[only] - 1])
    axes = [0 if i == only else None for i in range(4)]
    same_gradients(jax.vmap(lambda *xs: ssm.state_space(spec, *xs, output=output), axes),
                   jax.vmap(lambda *xs: loop(spec, *xs, output=output), axes), *operands)
    u, k = numbers([3, 2, 5]), numbers([2, 5])
    close(jax.vmap(ssm.long_conv, (0, None))(u, k), ssm.long_conv(u, k))
    ks = numbers([3, 2, 5])
    close(jax.vmap(ssm.long_conv, (None, 0))(u[0], ks), jnp.stack([ssm.long_conv(u[0], k) for k in ks]))


def test_gradient_of_gradient():
    a, x = numbers([4], scale=0.5), numbers([2, 5, 4])

    def penalty(f):
        return jax.grad(lambda a: jnp.sum(jax.grad(lambda x: jnp.sum(f(a, x) ** 3))(x) ** 2))
    close(penalty(lambda a, x: ssm.linear_recurrence(a, x)[0])(a),
          penalty(lambda a, x: loop("h,,,bth->bth", a, None, None, x)[0])(a), 1e-10)


def curvature(f, *operands):
    """Gradients of the gradients along a direction, of all operands."""
    every = tuple(range(len(operands)))
    directions = [np.cos(np.arange(x.size)).reshape(x.shape) for x in operands]

    def slope(*xs):
        gradients = jax.grad(lambda *xs: jnp.sum(jnp.sin(f(*xs)[0])) + jnp.sum(f(*xs)[1] ** 3), every)(*xs)
        return sum(jnp.sum(g * d) for g, d in zip(gradients, directions))
    return jax.grad(slope, every)(*operands)


@pytest.mark.parametrize("varies,layout", [(True, "bth"), (False, "bth"), (True, "bht")])
@pytest.mark.parametrize("reverse", [True, False])
def test_gradient_is_one_kernel(varies, layout, reverse):
    sizes = {"b": 2, "t": 6, "h": 4}
    shape = [sizes[k] for k in layout]
    a, x, init = numbers(shape if varies else [4], scale=0.5), numbers(shape), numbers([2, 4])

    def ours(a, x, init):
        return ssm.linear_recurrence(a, x, init=init, axis=layout.index("t"), reverse=reverse)

    def plain(a, x, init):
        spec = f"{layout},,,{layout}->{layout}"
        return loop(spec, jnp.broadcast_to(a, x.shape), None, None, x, init=init, reverse=reverse)

    def loss(*xs):
        return jnp.sum(ours(*xs)[0] ** 2)
    gradient = jax.jit(jax.grad(loss, (0, 1, 2)))
    assert gradient.lower(a, x, init).as_text().count("mlir_ssm_kernel") == 2  # the states and the gradients
    same_gradients(ours, plain, a, x, init)
    for got, want in zip(curvature(ours, a, x, init), curvature(plain, a, x, init)):
        close(got, want, 1e-10)
    # Portable programs, and gradients of each example where a is that of all.
    exported = jax.export.export(gradient)(a, x, init)
    assert 'stablehlo.composite "mlir_ssm.linear_recurrence_gradient"' in exported.mlir_module()
    assert "custom_call" not in exported.mlir_module()
    close(exported.call(a, x, init), gradient(a, x, init))
    examples = jax.vmap(jax.grad(loss), (None, 0, 0))(a, jnp.stack([x, 2 * x]), jnp.stack([init, init]))
    close(examples, jnp.stack([jax.grad(loss)(a, s * x, init) for s in (1, 2)]))


@pytest.mark.parametrize("dtype,tol", [(np.float32, 2e-6), (np.complex64, 2e-6), (jnp.bfloat16, 2e-2)])
def test_dtypes(dtype, tol):
    kind = np.complex64 if dtype == np.complex64 else np.float32
    a, x = numbers([4], kind, 0.5).astype(dtype), numbers([2, 5, 4], kind).astype(dtype)
    states, final = ssm.linear_recurrence(a, x)
    wide = np.complex128 if dtype == np.complex64 else np.float64
    want = loop("bh,,,bth->bth", jnp.stack([a, a]).astype(wide), None, None, x.astype(wide))
    assert states.dtype == dtype
    close((states.astype(wide), final.astype(wide)), want, tol)
    da = jax.grad(lambda a: jnp.real(ssm.linear_recurrence(a, x)[0].sum()).astype(np.float32))(a)
    want = jax.grad(lambda a: jnp.real(loop("h,,,bth->bth", a, None, None, x.astype(wide))[0].sum()))(a.astype(wide))
    assert da.dtype == dtype
    close(da.astype(wide), want, 5 * tol)


def test_empty():
    states, final = ssm.linear_recurrence(numbers([3]), numbers([2, 0, 3]), init=jnp.ones(3))
    assert states.shape == (2, 0, 3) and (final == 1).all()


@pytest.mark.parametrize("call,error,word", [
    (lambda: ssm.linear_recurrence(np.ones((2, 3, 4)), np.ones((2, 3, 5))), ValueError, "a: expected"),
    (lambda: ssm.linear_recurrence(np.ones(4, np.float32), np.ones((2, 3, 4))), TypeError, "x: the dtype"),
    (lambda: ssm.linear_recurrence(np.ones(4, int), np.ones((2, 3, 4), int)), TypeError, "dtype"),
    (lambda: ssm.linear_recurrence("a", np.ones((2, 3, 4))), TypeError, "a: expected an array"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), transition="dplr"), ValueError, "transition"),
    (lambda: ssm.linear_recurrence(np.ones(4), np.ones((2, 3, 4)), strategy="magic"), ValueError, "strategy"),
    (lambda: ssm.long_conv(np.ones((2, 3)), np.ones(4), mode="sideways"), ValueError, "mode"),
    (lambda: ssm.long_conv(np.ones((2, 3)), np.ones(4), mode="two_sided"), ValueError, "k: mode 'two_sided' needs"),
    (lambda: ssm.state_space("hn,hn->h", *[np.ones((1, 1))] * 4), ValueError, "spec"),
    (lambda: ssm.state_space("n,n,n,tn->tn", *[np.ones(1)] * 3, np.ones((2, 1)), output="real"), ValueError, "output"),
])
def test_errors(call, error, word):
    with pytest.raises(error, match=word):
        call()


def test_export():
    a, x, k = numbers([3], scale=0.5), numbers([2, 4, 3]), numbers([3, 4])

    def f(a, x, k):
        return ssm.linear_recurrence(a, x)[0], ssm.long_conv(x.swapaxes(1, 2), k)
    exported = jax.export.export(jax.jit(f))(a, x, k)
    text = exported.mlir_module()
    assert 'stablehlo.composite "mlir_ssm.linear_recurrence"' in text
    assert 'stablehlo.composite "mlir_ssm.long_conv"' in text and "custom_call" not in text
    close(exported.call(a, x, k), f(a, x, k))
    assert "mlir_ssm_kernel" in jax.jit(f).lower(a, x, k).as_text()


@pytest.mark.parametrize("name", SPECS)
def test_decomposition(name):
    """What runs where our code is absent."""
    spec, output, operands = space(name)

    def f(*xs):
        return ssm.state_space(spec, *xs, output=output)
    close(jax.export.export(jax.jit(f))(*operands).call(*operands), f(*operands))
