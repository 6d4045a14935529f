"""Functions of f64 and f32 in kernels: the largest error in units in the last place."""

import mpmath
import numpy as np
from emulator import emulate

FUNCTIONS = {"exp": (mpmath.exp, 2), "expm1": (mpmath.expm1, 4), "log": (lambda x: mpmath.log(abs(x)), 2),
             "log1p": (lambda x: mpmath.log1p(abs(x)), 4), "sin": (mpmath.sin, 2), "cos": (mpmath.cos, 2),
             "tanh": (mpmath.tanh, 4), "rsqrt": (lambda x: 1 / mpmath.sqrt(abs(x)), 2)}
OF_SIZE = ("log", "log1p", "rsqrt")


def text(n):
    """y = x, in rows of one step, and every function of it, or of its absolute value, where there is none of negative numbers."""
    t, last = f"tensor<{n}x1xf64>", f"tensor<{n}xf64>"
    lines = [f"  %{name} = math.{name} %{'size' if name in OF_SIZE else 'y'} : {t}" for name in FUNCTIONS]
    return f"""#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>
func.func @f(%x: {t}) -> ({', '.join([t] * len(FUNCTIONS))}) {{
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : {t}
  %a = linalg.fill ins(%zero : f64) outs(%e : {t}) -> {t}
  %y, %last = ssm.linear_recurrence transition(%a : {t}) signal(%x : {t})
      {{indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64}} -> {t}, {last}
  %size = math.absf %y : {t}
{chr(10).join(lines)}
  return {', '.join('%' + name for name in FUNCTIONS)} : {', '.join([t] * len(FUNCTIONS))}
}}"""


def run(x):
    results, _ = emulate(text(len(x)), [x[:, None]], [(x.shape, np.float64)] * len(FUNCTIONS))
    return dict(zip(FUNCTIONS, results, strict=True))


def test_errors_are_small():
    rng = np.random.default_rng(4)
    near = np.concatenate([rng.uniform(-3, 3, 150), rng.normal(0, 1e-3, 50), [1e-300, -1e-17, 0.5, 1.0, -1.0, 2.0]])
    x = np.concatenate([near, rng.uniform(-700, 700, 100), np.pi / 2 * rng.integers(-1000, 1000, 50)])
    for name, got in run(x).items():
        function, bound = FUNCTIONS[name]
        with mpmath.workprec(200):
            want = [function(mpmath.mpf(float(v))) for v in x]
            ulps = [abs(mpmath.mpf(float(g)) - w) / float(np.spacing(abs(float(w)))) for g, w in zip(got, want)]
        assert max(ulps) <= bound, f"{name}({x[int(np.argmax(ulps))]}) is off by {float(max(ulps)):.1f}"


def test_ends():
    x = np.array([0.0, np.inf, -np.inf, np.nan, 800.0, -800.0, 5e-324, -745.0])
    results = run(x)
    with np.errstate(all="ignore"):
        want = {"exp": np.exp(x), "expm1": np.expm1(x), "log": np.log(np.abs(x)), "log1p": np.log1p(np.abs(x)),
                "tanh": np.tanh(x), "rsqrt": 1 / np.sqrt(np.abs(x))}
    for name, values in want.items():
        np.testing.assert_allclose(results[name], values, rtol=1e-15, err_msg=name)


def single(n):
    """log1p of x, and of exp(-|x|), in f32."""
    t, last = f"tensor<{n}x1xf32>", f"tensor<{n}xf32>"
    return f"""#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>
func.func @f(%x: {t}) -> ({t}, {t}) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {t}
  %a = linalg.fill ins(%zero : f32) outs(%e : {t}) -> {t}
  %y, %last = ssm.linear_recurrence transition(%a : {t}) signal(%x : {t})
      {{indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64}} -> {t}, {last}
  %log = math.log1p %y : {t}
  %size = math.absf %y : {t}
  %minus = arith.negf %size : {t}
  %exp = math.exp %minus : {t}
  %tail = math.log1p %exp : {t}
  return %log, %tail : {t}, {t}
}}"""


def run_single(x):
    x = np.asarray(x, np.float32)
    (log, tail), report = emulate(single(len(x)), [x[:, None]], [((len(x), 1), np.float32)] * 2)
    return x.astype(float), log[:, 0], tail[:, 0], report


def ulps(got, want):
    return np.abs(got - want) / np.spacing(np.abs(want).astype(np.float32)).astype(float)


def test_errors_of_f32_are_small():
    rng = np.random.default_rng(5)
    x, log, tail, report = run_single(np.concatenate([
        rng.uniform(-1, 3, 4000), np.exp(rng.uniform(-80, 88, 4000)), -np.exp(rng.uniform(-80, 0, 4000)), rng.uniform(-87, 87, 4000),
        [3.4e38, -1 + 2**-24, 0.5, -0.25, 1e-44]]))
    has_log = x > -1
    assert np.max(ulps(log[has_log], np.log1p(x[has_log]))) <= 2
    normal = np.abs(x) < 87
    want = np.log1p(np.exp(-np.abs(x[normal])))
    # As exp, off by half a unit for each 1 of |x|.
    assert np.max(ulps(tail[normal], want) - np.abs(x[normal]) / 2) <= 3
    assert report["instructions"]["special"] == 0


def test_ends_of_f32():
    _, log, tail, _ = run_single([0, np.inf, -1, -2, np.nan, 1e30, 200])
    np.testing.assert_array_equal(log[:5], np.float32([0, np.inf, -np.inf, np.nan, np.nan]))
    # Powers below 2^-126 are that.
    np.testing.assert_allclose(tail, np.float32([np.log(2), 2**-126, np.log1p(np.exp(-1)), np.log1p(np.exp(-2)), np.nan, 2**-126, 2**-126]),
                               rtol=1e-5)
