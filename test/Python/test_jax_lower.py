"""mlir_ssm.jax.lower: functions of JAX as programs of ours."""

import re

import numpy as np
import pytest
from mlir_ssm._compile import core

jax = pytest.importorskip("jax", reason="jax is not installed")
if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import jax.numpy as jnp
import mlir_ssm
import mlir_ssm.jax as ssm
from jax import lax

RNG = np.random.default_rng(7)


def numbers(*shape):
    return RNG.uniform(0.1, 0.9, shape).astype(np.float32)


def compiled(f, *args):
    return mlir_ssm.compile(ssm.lower(f, *args), entry="main")


def close(got, want):
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=2e-6, atol=2e-6)


def layer(a, u):
    return lax.scan(lambda x, ut: (a * x + ut,) * 2, jnp.zeros(a.shape, a.dtype), u)[1]


def test_a_scan_gets_a_strategy():
    a, u = numbers(8), numbers(300, 8)
    f = compiled(layer, a, u)
    assert "linear_recurrence" in f.explain
    close(f(a, u), layer(a, u))


def test_shapes_are_enough():
    a, u = numbers(8), numbers(300, 8)
    f = compiled(layer, *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (a, u)))
    close(f(a, u), layer(a, u))


def test_leaves_of_a_tree_are_arguments():
    def f(parameters, u):
        return {"y": layer(parameters["a"], u) @ parameters["c"]}
    parameters, u = {"a": numbers(8), "c": numbers(8, 3)}, numbers(40, 8)
    close(compiled(f, parameters, u)(parameters["a"], parameters["c"], u), f(parameters, u)["y"])


def test_functions_of_this_module_are_what_they_stand_for():
    a, x = numbers(6), numbers(2, 50, 6)
    text = ssm.lower(lambda a, x: ssm.linear_recurrence(a, x)[0], a, x)
    assert "ssm.linear_recurrence" in text and "scf.for" not in text
    close(mlir_ssm.compile(text, entry="main")(a, x), ssm.linear_recurrence(a, x)[0])


def test_a_long_convolution_is_its_transforms():
    u, k = numbers(2, 3, 50), numbers(3, 50)
    close(compiled(ssm.long_conv, u, k)(u, k), ssm.long_conv(u, k))


def test_gradients_of_what_was_lowered():
    a, u, dy = numbers(8), numbers(40, 8), numbers(40, 8)
    grad = mlir_ssm.gradient(compiled(layer, a, u))
    for got, want in zip(grad(a, u, dy), jax.vjp(layer, a, u)[1](dy), strict=True):
        close(got, want)


@pytest.mark.parametrize("g", [
    lambda x: jnp.pad(x, ((3, 0), (0, 0)))[:-3] * x, lambda x: x.reshape(5, 4, 8).sum(1) ** 2, lambda x: x[2:9:3, ::2] * 3,
    lambda x: jnp.where(x > 0.5, x * x, jnp.sin(x)), lambda x: jax.nn.gelu(x, approximate=False), jax.nn.softplus,
    lambda x: (lambda p, q: p * jax.nn.sigmoid(q))(*jnp.split(x, 2, axis=-1)), lambda x: jnp.concatenate([x, x * x], axis=1),
    lambda x: (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
])
def test_gradients_of_what_is_around_a_scan(g):
    x = numbers(20, 8)

    def f(x):
        return layer(jax.nn.sigmoid(g(x)[0]), g(x))
    y = f(x)
    dy = numbers(*y.shape)
    close(mlir_ssm.gradient(compiled(f, x))(x, dy), jax.vjp(f, x)[1](dy)[0])


def test_an_op_without_an_import_is_named():
    with pytest.raises(ValueError, match="'stablehlo.cholesky' op cannot be imported"):
        ssm.lower(jnp.linalg.cholesky, numbers(8, 8))


def test_sums_along_time_are_scans():
    x = numbers(3, 40, 5)
    f = compiled(lambda x: jnp.cumsum(x, axis=1), x)
    assert "associative_scan" in f.explain
    close(f(x), jnp.cumsum(x, axis=1))
    for g in (lambda x: lax.cumsum(x, axis=1, reverse=True), lambda x: lax.cummax(x, axis=0), lambda x: lax.cumprod(x, axis=2),
              lambda x: lax.cumlogsumexp(x, axis=1), lambda x: jnp.cumsum(x[:, :1], axis=1)):
        close(compiled(g, x)(x), g(x))


def test_gradients_of_sums_along_time():
    x, dy = numbers(40, 5), numbers(40, 5)
    f = lambda x: jnp.cumsum(x, axis=0)
    close(mlir_ssm.gradient(compiled(f, x))(x, dy), jax.vjp(f, x)[1](dy)[0])


@pytest.mark.parametrize("u, k", [("f4", "c8"), ("c8", "f4"), ("c8", "c8")])
def test_products_of_complex_matrices(u, k):
    """Also of real ones made complex, and of which the real part is read."""
    u, k = (numbers(*shape) + 1j * (dtype == "c8") * numbers(*shape) for shape, dtype in (((40, 70), u), ((70, 48), k)))
    u, k = (x if x.imag.any() else x.real for x in (u, k))
    for g in (lambda u, k: u @ k, lambda u, k: jnp.exp((u @ k).real / 8), lambda u, k: (u @ k).real + (u @ k).imag,
              lambda u, k: (u @ k.conj()).real * u.real[:, :1], lambda u, k: u.real.astype("c8") @ k.real.astype("c8")):
        close(compiled(g, u, k)(u, k), g(u, k))


@pytest.mark.parametrize("g", [
    lambda x: jnp.sum(x.astype(jnp.bfloat16), -1).astype("f4"), lambda x: jnp.max(x), lambda x: jnp.mean(x, (0, 1)),
    lambda x: jnp.any(x > 1, -1), lambda x: jnp.prod(x, -1), jax.nn.softmax, lambda x: jax.nn.logsumexp(x, -1),
    lambda x: jnp.argmax(x, -1), lambda x: jnp.var(x, -1), lambda x: jnp.sum(x * 1j, -1), lambda x: jnp.sum(x[:0], 0),
    lambda x: jnp.sum(x[:, :0], 1), lambda x: jax.nn.softmax(x[:0])
])
@pytest.mark.parametrize("columns", [5, 100])
def test_reductions(g, columns):
    x = numbers(7, columns)
    close(compiled(g, x)(x), g(x))


def binary_operator(left, right):
    return right[0] * left[0], right[0] * left[1] + right[1]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_associative_scans_of_jax_are_recurrences(axis, reverse):
    a, u = numbers(20, 30, 4) / 3, numbers(20, 30, 4)

    def states(a, u):
        return lax.associative_scan(binary_operator, (a, u), reverse=reverse, axis=axis)[1]
    original = lax.associative_scan
    f = compiled(states, a, u)
    assert lax.associative_scan is original
    assert f.explain.startswith("linear_recurrence: ")
    close(f(a, u), states(a, u))
    for g in (lambda u: lax.associative_scan(jnp.add, u, axis=axis, reverse=reverse),
              lambda u: lax.associative_scan(lambda x, y: jnp.logaddexp(x, y), u, reverse, axis)):
        close(compiled(g, u)(u), g(u))


under_another_name = lax.associative_scan


def restarted(left, right):
    """Affine pairs in the other order, which begin anew where a flag is set."""
    (h, a), past = left
    (x, b), flag = right
    return (jnp.where(flag, x, b * h + x), jnp.where(flag, b, b * a)), past | flag


def shared(left, right):
    """One decay of a matrix of states, and what it leaves of their sum."""
    decay = right["a"]
    return {"a": decay * left["a"], "S": decay[..., None] * left["S"] + right["S"], "n": left["n"] * decay + right["n"]}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_combiners_of_any_form(axis, reverse):
    """As S5, LRU and memoroids have them: under vmap, of trees, with flags, with one coefficient of several states."""
    a, u, flag = numbers(20, 30, 4) / 3, numbers(20, 30, 4), RNG.uniform(size=(20, 30, 1)) < 0.2
    where = {"axis": axis, "reverse": reverse}
    both = jax.vmap(jax.vmap(binary_operator))
    for count, g in ((1, lambda a, u, f: under_another_name(both, (a, u), **where)[1]),
                     (1, lambda a, u, f: jax.vmap(lambda a, u: under_another_name(binary_operator, [a, u]))(a, u)[1]),
                     (2, lambda a, u, f: lax.associative_scan(restarted, ((u, a), f), **where)[0]),
                     (3, lambda a, u, f: lax.associative_scan(shared, {"a": a, "S": u[..., None] * jnp.arange(2.), "n": u}, **where)),
                     (1, lambda a, u, f: lax.associative_scan(lambda l, r: jnp.add(l, r), u, **where))):
        text = ssm.lower(g, a, u, flag)
        assert len(re.findall(r"= ssm.linear_recurrence", text)) == count
        for got, want in zip(jax.tree.leaves(mlir_ssm.compile(text, entry="main")(a, u, flag)),
                             jax.tree.leaves(g(a, u, flag)), strict=True):
            close(got, want)


@pytest.mark.parametrize("fn", [lambda l, r: l * r + l, lambda l, r: l * r + r, lambda l, r: l - r, lambda l, r: r,
                                lambda l, r: jnp.where(l > 0, l + r, r), lambda l, r: jnp.maximum(l, r * 2)])
def test_combiners_that_are_not_known_stay_as_they_are(fn):
    x = numbers(20, 3)
    text = ssm.lower(lambda x: lax.associative_scan(fn, x), x)
    assert "ssm." not in text
    close(mlir_ssm.compile(text, entry="main")(x), lax.associative_scan(fn, x))


def test_what_is_not_read_needs_no_import():
    """As the initial states of flax, which are zeros of a key that is not drawn from."""
    def f(x):
        jax.random.normal(jax.random.key(0), x.shape), jnp.linalg.eigh(x)
        return x + 1
    x = numbers(4, 4)
    close(compiled(f, x)(x), f(x))


def exact(g, *args):
    """Also NaN, and integers without a sign as those that have one."""
    for got, want in zip(jax.tree.leaves(compiled(g, *args)(*args)), jax.tree.leaves(jax.jit(g)(*args)), strict=True):
        want = np.asarray(want)
        np.testing.assert_array_equal(got, want.view(got.dtype) if want.dtype.kind == "u" else want)


@pytest.mark.parametrize("body", [
    lambda t, c, a, u: (a * c[0] + u[t], c[1].at[t].set(a * c[0] + u[t])),
    lambda t, c, a, u: (a * c[0] + u[49 - t], c[1].at[49 - t].set(a * c[0] + u[49 - t])),
    lambda t, c, a, u: (a * c[0] + u[t] * 2, c[1].at[t, :].set(c[0]))])
def test_what_a_loop_sets_is_a_recurrence(body):
    """Indices count beside the loop's own counter, and may count from the end for all that JAX knows."""
    a, u = numbers(8), numbers(50, 8)

    def f(a, u):
        return lax.fori_loop(0, 50, lambda t, c: body(t, c, a, u), (jnp.zeros(8), jnp.zeros((50, 8))))[1]
    text = ssm.lower(f, a, u)
    assert "ssm.linear_recurrence" in text and "scf.for" not in text
    close(mlir_ssm.compile(text, entry="main")(a, u), jax.jit(f)(a, u))


@pytest.mark.parametrize("g", [
    lambda x, i, v: x.at[i].set(v), lambda x, i, v: x.at[i].add(v), lambda x, i, v: x.at[:, i].multiply(v[0]),
    lambda x, i, v: x.at[..., i].max(v[0, 0]), lambda x, i, v: x.at[1:3].min(v), lambda x, i, v: x.at[::2, 1].set(7.0),
    lambda x, i, v: x.at[jnp.array([0, 2, 2, -1])].add(v), lambda x, i, v: x.at[jnp.array([0, 2, 2]), jnp.array([1, 3, 1])].add(v[0]),
    lambda x, i, v: x.at[jnp.array([0, 9, -9])].set(1.0, mode="drop"), lambda x, i, v: x.at[jnp.array([0, 9, 2])].set(1.0, mode="clip"),
    lambda x, i, v: x.at[i, i, i].set(3.0), lambda x, i, v: x.at[i + 9].set(v), lambda x, i, v: x.at[jnp.arange(0)].set(1.0),
    lambda x, i, v: jax.vmap(lambda x, j: x.at[j].set(9.0))(x, jnp.array([0, 3, 2, 4, 1, -1])),
    lambda x, i, v: jax.grad(lambda x: (x[jnp.array([1, 1, 5])] ** 2).sum())(x)])
def test_scatters(g):
    exact(g, numbers(6, 5, 4), np.int32(2), numbers(5, 4))


def unsorted(*shape):
    x = np.round(RNG.standard_normal(shape).astype(np.float32) * 2)
    x.flat[:4] = np.nan, -0.0, 0.0, np.inf
    return x


@pytest.mark.parametrize("g", [
    jnp.sort, jnp.argsort, lambda x: jnp.sort(x, axis=0), lambda x: jnp.argsort(x, axis=0, descending=True), lambda x: lax.top_k(x, 7),
    lambda x: lax.sort((x, x + 1, lax.iota("i4", x.size).reshape(x.shape)), num_keys=2), lambda x: jnp.sort(x.astype(jnp.bfloat16)).astype("f4"),
    lambda x: jnp.sort(x[:, :1]), lambda x: jnp.sort(x[:, :2]), lambda x: jnp.sort(x[:0]), lambda x: jnp.median(x[1:]),
    lambda x: lax.scan(lambda c, r: (jnp.sort(c + r), jnp.argsort(c)), x[0], x)])
@pytest.mark.parametrize("columns", [7, 8, 37])
def test_sorts(g, columns):
    exact(g, unsorted(5, columns))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "c8"])
def test_triangular_systems(dtype, unit, lower, left, transpose):
    """What lies outside of the triangle is not read."""
    a, b = (numbers(2, 9, 9) + 3 * np.eye(9)).astype(dtype), numbers(2, 9, 3).astype(dtype)
    a[:, *(np.triu_indices(9, 1) if lower else np.tril_indices(9, -1))] = np.inf
    b = b if left else b.transpose(0, 2, 1)
    g = lambda a, b: lax.linalg.triangular_solve(a, b, left_side=left, lower=lower, transpose_a=transpose, unit_diagonal=unit)
    want = np.asarray(g(a, b))
    close(compiled(g, a, b)(a, b) / np.abs(want).max(), want / np.abs(want).max())


def test_systems_of_equations():
    a, b = numbers(2, 6, 6) + 3 * np.eye(6, dtype="f4"), numbers(2, 6, 3)
    for g in (lambda a, b: jnp.linalg.inv(a), jnp.linalg.solve, lambda a, b: jnp.linalg.slogdet(a)[1], lambda a, b: jnp.linalg.inv(a + 1j * a.mT),
              lambda a, b: jax.scipy.linalg.expm(a[0] / 8)):
        close(compiled(g, a, b)(a, b), g(a, b))


@pytest.mark.parametrize("g", [
    lambda k: k.bits((10,)), lambda k: k.uniform((10,)), lambda k: k.bernoulli(0.3, (40,)), lambda k: k.randint((10,), 0, 100),
    lambda k: k.permutation(10), lambda k: k.categorical(jnp.arange(30.0) / 8, shape=(5,))])
def test_random_numbers_are_those_of_jax(g):
    class Key:
        def __init__(self, words):
            self.key = jax.random.split(jax.random.wrap_key_data(lax.bitcast_convert_type(words, jnp.uint32)))[1]

        def __getattr__(self, name):
            return lambda *args, **kwargs: getattr(jax.random, name)(self.key, *args, **kwargs)
    exact(lambda words: g(Key(words)), np.array([7, -3], np.int32))


def test_normal_numbers_are_close_to_those_of_jax():
    def f(x):
        return jax.random.normal(jax.random.key(3), (1000,)) + x
    close(compiled(f, numbers(1))(np.zeros(1, "f4")), f(np.zeros(1, "f4")))


def unsigned(x):
    return lax.bitcast_convert_type(x, jnp.uint32)


@pytest.mark.parametrize("g", [
    lax.shift_left, lax.shift_right_logical, lax.shift_right_arithmetic, lambda i, j: lax.population_count(i), lambda i, j: lax.clz(i),
    lambda i, j: jnp.maximum(unsigned(i), unsigned(j)), lambda i, j: unsigned(i) // unsigned(j), lambda i, j: unsigned(i) % unsigned(j),
    lambda i, j: unsigned(i) < unsigned(j), lambda i, j: unsigned(i).astype("f4"), lambda i, j: jnp.abs(i).astype("f4").astype("u4"),
    lambda i, j: unsigned(i).astype("u1").astype("i4"), lambda i, j: jnp.clip(unsigned(i), 5, 1000), lambda i, j: unsigned(i).min(),
    lambda i, j: jnp.cumsum(unsigned(i)), lambda i, j: jnp.sort(unsigned(i)), lambda i, j: jnp.sign(unsigned(i))])
def test_bits_and_integers_without_a_sign(g):
    """XLA's quotient by zero is all ones."""
    exact(g, RNG.integers(-2**31, 2**31 - 1, 50).astype("i4"), RNG.integers(-3, 40, 50).astype("i4"))


@pytest.mark.parametrize("n", [3, 101, 1024])
def test_booleans_that_are_constants(n):
    x = numbers(n)
    for mask in (RNG.uniform(size=n) < 0.5, np.ones(n, bool), np.arange(n) == 0):
        exact(lambda x: jnp.where(mask, x, -x), x)


def test_pooling():
    x = numbers(4, 10)
    for g in (lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 2), "VALID"),
              lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 1), "SAME")):
        close(compiled(g, x)(x), g(x))


@pytest.mark.parametrize("name", ["sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh", "arctanh"])
def test_functions_of_chlo(name):
    x = numbers(50)
    close(compiled(getattr(jnp, name), x)(x), getattr(jnp, name)(x))


def test_the_inverse_of_erf():
    x = np.concatenate([np.tanh(np.linspace(-7, 7, 201)), [0, 1, -1]]).astype("f4")
    erfinv = jax.scipy.special.erfinv
    np.testing.assert_allclose(compiled(erfinv, x)(x), erfinv(x), rtol=1e-6)


def test_matrix_states_that_are_read_before_a_step():
    """As of RWKV-6: outer products with a bonus, and the last state as a result; one recurrence, no product with zeros."""
    r, k, w, v, u = numbers(30, 2, 8), numbers(30, 2, 8), numbers(30, 2, 8), numbers(30, 2, 5), numbers(2, 8)

    def f(r, k, w, v, u):
        def step(s, now):
            r, k, w, v = now
            kv = jnp.einsum("hk,hv->hkv", k, v)
            return s * w[..., None] + kv, jnp.einsum("hkv,hk->hv", s + u[..., None] * kv, r)
        return lax.scan(step, jnp.zeros((2, 8, 5)), (r, k, w, v))
    text = ssm.lower(f, r, k, w, v, u)
    assert len(re.findall("= ssm.linear_recurrence", text)) == 1 and "scf.for" not in text
    for got, want in zip(mlir_ssm.compile(text, entry="main")(r, k, w, v, u), f(r, k, w, v, u), strict=True):
        close(got, want)


def test_products_of_products():
    x, a, b = numbers(3, 40, 16), numbers(16, 8), numbers(8, 16)
    for g in (lambda x, a, b: x @ a @ b, lambda x, a, b: x @ a @ b @ a, lambda x, a, b: x @ (a @ b)):
        close(compiled(g, x, a, b)(x, a, b) / 99, g(x, a, b) / 99)


def test_what_was_lowered_is_traced_anew():
    """A function under jit that lower() has seen is the program's own again for JAX."""
    inner = jax.jit(lambda a, u: lax.associative_scan(binary_operator, (a, u))[1])
    a, u = numbers(20, 4), numbers(20, 4)
    assert "linear_recurrence" in ssm.lower(inner, a, u)
    assert "mlir_ssm" not in str(jax.make_jaxpr(inner)(a, u))
    jax.jvp(inner, (a, u), (a, u))


def test_an_error_puts_the_scan_back():
    original = lax.associative_scan
    with pytest.raises(ZeroDivisionError):
        ssm.lower(lambda x: 1 // 0, numbers(3))
    assert lax.associative_scan is original


def correlate(u, k, padding, groups=1, numbers_of=("NWC", "WIO", "NWC"), **more):
    return lax.conv_general_dilated(u, k, more.pop("strides", (1,)), padding, dimension_numbers=numbers_of,
                                    feature_group_count=groups, **more)


@pytest.mark.parametrize("padding", [[(3, 0)], [(0, 3)], [(0, 0)], [(5, 2)], [(1, 1)], [(2, 1)], [(1, 2)], [(0, 9)], "SAME"], ids=str)
def test_convolutions_of_each_channel_are_long_convolutions(padding):
    u, k = numbers(2, 50, 8), numbers(4, 1, 8)
    f = lambda u, k: correlate(u, k, padding, groups=8)
    text = ssm.lower(f, u, k)
    assert "ssm.long_conv" in text
    close(mlir_ssm.compile(text, entry="main")(u, k), f(u, k))


@pytest.mark.parametrize("padding", [[(2, 2)], [(4, 0)]], ids=str)
def test_an_odd_kernel_about_its_middle(padding):
    u, k = numbers(2, 8, 30), numbers(8, 1, 5)
    f = lambda u, k: correlate(u, k, padding, 8, ("NCH", "OIH", "NCH"))
    close(compiled(f, u, k)(u, k), f(u, k))


@pytest.mark.parametrize("more", [
    dict(), dict(strides=(3,)), dict(rhs_dilation=(2,)), dict(lhs_dilation=(3,)), dict(groups=2),
    dict(strides=(2,), lhs_dilation=(2,), rhs_dilation=(3,), groups=4), dict(padding=[(-2, 3)]), dict(padding=[(1, -4)])], ids=str)
def test_any_other_convolution(more):
    more = dict(more)
    groups = more.pop("groups", 1)
    padding = more.pop("padding", [(2, 1)])
    u, k = numbers(2, 25, 8), numbers(3, 8 // groups, 4)
    f = lambda u, k: correlate(u, k, padding, groups, **more)
    close(compiled(f, u, k)(u, k), f(u, k))


def test_a_convolution_of_images():
    u, k = numbers(2, 9, 11, 3), numbers(3, 2, 3, 4)
    f = lambda u, k: correlate(u, k, "SAME", 1, ("NHWC", "HWIO", "NHWC"), strides=(2, 1))
    close(compiled(f, u, k)(u, k), f(u, k))


@pytest.mark.parametrize("dtype", [np.complex64, np.int32])
def test_a_convolution_of_other_numbers(dtype):
    u, k = (100 * numbers(2, 25, 8)).astype(dtype), (100 * numbers(3, 1, 8)).astype(dtype)
    f = lambda u, k: correlate(u, k, [(2, 0)], 8)
    close(compiled(f, u, k)(u, k), f(u, k))


def test_the_gradient_of_a_short_convolution_by_jax():
    u, k = numbers(2, 50, 8), numbers(4, 1, 8)
    f = jax.grad(lambda u, k: (correlate(u, k, [(3, 0)], 8) ** 2).sum(), argnums=(0, 1))
    for got, want in zip(compiled(f, u, k)(u, k), f(u, k), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5)


def test_rows_at_places_that_are_data():
    table, at = numbers(20, 8), RNG.integers(-25, 25, (2, 5)).astype(np.int32)
    for f in (lambda t, i: t[i], lambda t, i: jnp.take(t, i, axis=0), lambda t, i: jnp.take(t, i, axis=1, mode="clip"),
              lambda t, i: t[i % 20, i % 8], lambda t, i: t[:, i[0] % 8], lambda t, i: t[i[0, 0] % 3]):
        close(compiled(f, table, at)(table, at), jax.jit(f)(table, at))


def test_places_along_an_axis():
    x, at = numbers(6, 9, 4), RNG.integers(0, 9, (6, 3, 4)).astype(np.int32)
    f = lambda x, i: jnp.take_along_axis(x, i, axis=1)
    close(compiled(f, x, at)(x, at), f(x, at))


def test_the_place_of_the_largest():
    x = numbers(7, 9)
    x[2, 3] = x[2, 5] = 2
    for f in (lambda x: jnp.argmax(x, axis=1), lambda x: jnp.argmin(x, axis=0)):
        np.testing.assert_array_equal(compiled(f, x)(x), f(x))


def test_a_block_of_mamba():
    """Tokens, a projection, a short convolution, the selective scan, a gate."""
    def block(p, tokens):
        x, gate = jnp.split(p["embedding"][tokens] @ p["in"], 2, axis=-1)
        x = jax.nn.silu(correlate(x, p["conv"], [(3, 0)], 6))
        dt = jax.nn.softplus(x * p["dt"])
        b, c = x @ p["b"], x @ p["c"]
        def step(h, now):
            dt, b, c, x = now
            h = jnp.exp(dt[..., None] * -p["a"]) * h + (dt * x)[..., None] * b[:, None]
            return h, (h * c[:, None]).sum(-1)
        by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), (dt, b, c, x))
        y = lax.scan(step, jnp.zeros((x.shape[0], 6, 4), x.dtype), by_time)[1]
        return (jnp.moveaxis(y, 0, 1) * jax.nn.silu(gate)) @ p["out"]
    p = {"embedding": numbers(11, 5), "in": numbers(5, 12), "conv": numbers(4, 1, 6), "dt": numbers(6),
         "a": numbers(6, 4), "b": numbers(6, 4), "c": numbers(6, 4), "out": numbers(6, 5)}
    tokens = RNG.integers(0, 11, (2, 30)).astype(np.int32)
    f = compiled(block, p, tokens)
    assert "linear_recurrence" in f.explain
    got, want = f(*jax.tree.leaves(p), tokens), block(p, tokens)
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


def test_division_of_integers():
    low = np.iinfo(np.int32).min
    x, y = (np.array(z, np.int32) for z in zip(*[(m, n) for m in (7, -7, 0, low, low + 1) for n in (3, -3, 1, -1, 0, low)]))
    for f in (lax.div, lax.rem, jnp.floor_divide, jnp.remainder):
        np.testing.assert_array_equal(compiled(f, x, y)(x, y), jax.jit(f)(x, y))


def test_products_of_what_is_copied():
    """Factors that are transposed, broadcast or filled with one number."""
    x, w = numbers(40, 64), numbers(64, 96)
    for f in (lambda x, w: x @ jnp.swapaxes(w.T, 0, 1), lambda x, w: x.T[:40, :40] @ x, lambda x, w: x @ jnp.ones((64, 32), x.dtype),
              lambda x, w: jnp.ones((8, 40), x.dtype) @ x, lambda x, w: jnp.broadcast_to(x[0], (20, 64)) @ w,
              lambda x, w: x @ jnp.broadcast_to(w[:, :1], (64, 50)), lambda x, w: (2 * x) @ w + x @ (w * w)):
        close(compiled(f, x, w)(x, w) / 30, jax.jit(f)(x, w) / 30)
