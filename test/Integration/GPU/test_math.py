"""Functions of f64, and the reciprocal root, in kernels: the largest error in units in the last place."""

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
