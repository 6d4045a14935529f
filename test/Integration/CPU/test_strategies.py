"""One recurrence, every legal strategy, one answer: the float64 reference."""
import numpy as np
import pytest

from harness import run
from reference import ops

BOUND = {"float32": 4e-7, "float64": 1e-14, "complex64": 4e-7}
ELEMENT = {"float32": "f32", "float64": "f64", "complex64": "complex<f32>"}


def tensor(array):
    sizes = "".join(f"{size}x" for size in array.shape)
    return f"tensor<{sizes}{ELEMENT[str(array.dtype)]}>"


def relative(value, expected):
    norm = np.linalg.norm(expected.ravel())
    return np.linalg.norm((value - expected).ravel()) / max(norm, 1e-300)


def draw(dtype, shape, seed):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.8, 0.999, shape)
    if dtype == "complex64":
        a = a * np.exp(1j * rng.uniform(-3, 3, shape))
    return a.astype(dtype), rng.standard_normal(shape).astype(dtype)


def recurrence(a, x, init, direction):
    """Time-invariant if `a` has no time axis."""
    a_map = "(d)" if a.ndim == 1 else "(b, t, d)"
    return f"""
      #a = affine_map<(b, t, d) -> {a_map}>
      #x = affine_map<(b, t, d) -> (b, t, d)>
      #h = affine_map<(b, t, d) -> (b, d)>
      func.func @f(%a: {tensor(a)}, %x: {tensor(x)}, %h: {tensor(init)})
          -> ({tensor(x)}, {tensor(init)}) {{
        %y, %last = ssm.linear_recurrence transition(%a : {tensor(a)})
            signal(%x : {tensor(x)}) init(%h : {tensor(init)})
            {{indexing_maps = [#a, #x, #h, #x, #h], time = 1 : i64,
              direction = #ssm.direction<{direction}>}}
            -> {tensor(x)}, {tensor(init)}
        return %y, %last : {tensor(x)}, {tensor(init)}
      }}"""


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("length,direction", [
    (0, "forward"), (1, "backward"), (65, "forward"), (1000, "backward")])
def test_varying_recurrence(strategy, dtype, length, direction):
    a, x = draw(dtype, (2, length, 19), length)
    init = draw(dtype, (2, 19), 7)[1]
    y, last = run(recurrence(a, x, init, direction), a, x, init,
                  strategy=strategy)
    expected, final = ops.linear_recurrence(a, x, init=init,
                                            reverse=direction == "backward")
    assert relative(y, expected) <= BOUND[dtype]
    assert relative(last, final) <= BOUND[dtype]


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan", "fft_conv",
                                      "direct_conv"])
def test_invariant_recurrence(strategy):
    _, x = draw("float32", (2, 300, 19), 3)
    a = draw("float32", (19,), 4)[0]
    init = draw("float32", (2, 19), 7)[1]
    y, last = run(recurrence(a, x, init, "forward"), a, x, init,
                  strategy=strategy)
    expected, final = ops.linear_recurrence(a, x, init=init)
    assert relative(y, expected) <= (1e-6 if "conv" in strategy else 4e-7)
    assert relative(last, final) <= 4e-7


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
def test_integers_are_exact(strategy):
    rng = np.random.default_rng(5)
    a = rng.choice([0, 1, -1, 0.5], (1, 40, 5)).astype("float32")
    x = rng.integers(-8, 8, (1, 40, 5)).astype("float32")
    init = np.zeros((1, 5), "float32")
    y, _ = run(recurrence(a, x, init, "forward"), a, x, init,
               strategy=strategy)
    assert np.array_equal(y, ops.linear_recurrence(a, x)[0])


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan", "direct_conv"])
def test_nan_never_moves_backward(strategy):
    x = np.zeros((1, 300, 3), "float32")
    x[0, 200] = np.nan
    a = np.full(3, 0.9, "float32")
    init = np.zeros((1, 3), "float32")
    y, _ = run(recurrence(a, x, init, "forward"), a, x, init,
               strategy=strategy)
    assert np.all(y[:, :200] == 0) and np.all(np.isnan(y[:, 200:]))


def test_kernel_keeps_its_accuracy_at_every_lag():
    rng = np.random.default_rng(6)
    a = (rng.uniform(0.9, 0.9999, (5, 4)) *
         np.exp(1j * rng.uniform(-3, 3, (5, 4)))).astype("complex64")
    b, c = draw("complex64", (5, 4), 8)[1], draw("complex64", (5, 4), 9)[1]
    T = tensor(a)
    (k,) = run(f"""
      #hn = affine_map<(h, n, l) -> (h, n)>
      func.func @f(%a: {T}, %b: {T}, %c: {T}) -> tensor<5x4096xf32> {{
        %k = ssm.materialize_kernel transition(%a : {T}) input(%b : {T})
            output(%c : {T}) {{indexing_maps = [#hn, #hn, #hn,
              affine_map<(h, n, l) -> (h, l)>], time = 2 : i64,
              projection = #ssm.projection<twice_real>}} -> tensor<5x4096xf32>
        return %k : tensor<5x4096xf32>
      }}""", a, b, c)
    expected = ops.materialize_kernel("hn,hn,hn->hl", a, b, c, 4096,
                                      "twice_real").astype(float)
    assert relative(k, expected) <= 1.5e-7


@pytest.mark.parametrize("points", [2, 32, 4096])
def test_fft(points):
    rng = np.random.default_rng(points)
    x = (rng.standard_normal((3, points)) +
         1j * rng.standard_normal((3, points))).astype("complex64")
    T = tensor(x)
    (y,) = run(f"""
      func.func @f(%x: {T}) -> {T} {{
        %y = ssm.fft %x {{dimension = 1 : i64}} : {T}
        return %y : {T}
      }}""", x)
    bound = 0.6 * np.finfo("float32").eps * np.sqrt(np.log2(points))
    assert relative(y, np.fft.fft(x.astype(complex))) <= bound


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv"])
def test_one_kernel_for_all_channels(strategy):
    u = draw("float32", (2, 100, 19), 11)[1]
    k = draw("float32", (100,), 12)[1]
    U, K = tensor(u), tensor(k)
    (y,) = run(f"""
      #u = affine_map<(b, t, h) -> (b, t, h)>
      #k = affine_map<(b, t, h) -> (t)>
      func.func @f(%u: {U}, %k: {K}) -> {U} {{
        %y = ssm.long_conv %u, %k {{indexing_maps = [#u, #k, #u],
            time = 1 : i64}} : {U}, {K} -> {U}
        return %y : {U}
      }}""", u, k, strategy=strategy)
    expected = np.apply_along_axis(
        lambda row: np.convolve(row, k.astype(float))[:100], 1,
        u.astype(float))
    assert relative(y, expected) <= 1e-6
