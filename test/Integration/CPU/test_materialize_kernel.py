"""ssm.materialize_kernel equals repeated multiplication in extended precision."""

import numpy as np
import pytest
from harness import run
from mlir_text import Kernel, Recurrence, check, compute
from reference.models import hippo

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]


def cases(dtype):
    def case(spec, length, complex="", **options):
        names = {"h": 5, "n": 3, "i": 4, "o": 7}
        used = {k: v for k, v in names.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Kernel(spec, {"l": length, **used}, dtype, complex, **options)

    out = [case("h,h,->hl", n) for n in LENGTHS]
    specs = ["hn,hn,hn->lh", "n,ni,on->oil", "n,n,n->l", ",,->l", "n,hn,->hl", "hn,n,h->hl"]
    if dtype == "f64":
        return out + [case("hn,hn,hn->hl", 1000, "abc", projection="twice_real", dynamic=True),
                      *(case(spec, 130, "a") for spec in specs)]
    out += [case("hn,hn,hn->hl", n, "abc", projection="twice_real", dynamic=True) for n in LENGTHS]
    out += [case(spec, 130, complex, dynamic=(k + len(complex)) % 2 == 0) for complex in ("", "abc", "ac")
            for k, spec in enumerate(specs)]
    out += [case("hn,hn,hn->hl", 100, "abc", h=h, n=n, projection="real") for h, n in [(7, 1), (17, 3), (1, 33)]]
    return out


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_equals_powers(dtype):
    check(cases(dtype), dtype, None)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("magnitude", [0.5, 0.99, 0.999, 1.0])
def test_slow_decay_keeps_its_digits(dtype, magnitude):
    """The largest error of a tap, which a norm over all taps would hide."""
    case = Kernel("n,,->nl", {"n": 16, "l": 4096}, dtype, "a")
    angle = np.random.default_rng(3).uniform(-np.pi, np.pi, 16)
    case.inputs["a"] = (magnitude * np.exp(1j * angle)).astype(case.inputs["a"].dtype)
    case.inputs["b"], case.inputs["c"] = (np.ones((), x.dtype) for x in (case.inputs["b"], case.inputs["c"]))
    (k,), want = compute([case])[0], case.oracle[0]
    unit = np.finfo(case.inputs["b"].dtype).eps / 2
    assert np.max(np.abs(k - want) / np.abs(want).clip(1e-30)) <= 16 * unit


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_is_the_response_to_an_impulse(dtype):
    """recurrence == conv(kernel), seen from an impulse."""
    kernel = Kernel("hn,hn,hn->hl", {"h": 5, "n": 3, "l": 500}, dtype, "abc", projection="twice_real")
    model = Recurrence("hn,hn,hn,th->th", {"h": 5, "n": 3, "t": 500}, dtype, "abc", projection="twice_real")
    model.inputs.update({k: kernel.inputs[k] for k in "abc"})
    model.inputs["u"] = np.zeros_like(model.inputs["u"])
    model.inputs["u"][0] = 1
    (k,), (y, _) = compute([kernel])[0], compute([model], "sequential")[0]
    bar = {"f32": 4e-7, "f64": 1e-14}[dtype]
    assert np.linalg.norm(k.T - y) <= 2 * bar * np.linalg.norm(y)


def legs(state, dt):
    """Discrete diagonal-plus-low-rank form (w, p, q, b) of HiPPO-LegS.

    Abar = (I - dt/2 A)^{-1} (I + dt/2 A) = 2 (I - dt/2 A)^{-1} - I, and the inverse is one of a diagonal and a rank-one
    matrix (Woodbury): with D = 1 / (1 - dt/2 lam), it is D - D p dt/2 (1 + dt/2 p^H D p)^{-1} p^H D.
    """
    lam, p, b = (hippo.with_conjugates(x) for x in hippo.half(state))
    d = 1 / (1 - dt / 2 * lam)
    scale = dt / 2 / (1 + dt / 2 * np.sum(np.conj(p) * d * p))
    bbar = d * b - d * p * scale * np.sum(np.conj(p) * d * b)
    return 2 * d - 1, -2 * scale * d * p, np.conj(d) * p, dt * bbar


@pytest.mark.parametrize("dt", [1e-3, 1e-2, 1e-1])
def test_hippo_legs(dt):
    """64 states, 16,384 lags: within 1e-6 of the largest tap in f32."""
    state, length = 64, 16384
    w, p, q, b = (x.astype(np.complex64) for x in legs(state, dt))
    rng = np.random.default_rng(11)
    c = hippo.with_conjugates(rng.standard_normal(state // 2) + 1j * rng.standard_normal(state // 2)).astype(np.complex64)
    v = f"tensor<{state}xcomplex<f32>>"
    n, l = "affine_map<(n, l) -> (n)>", "affine_map<(n, l) -> (l)>"
    text = (f"func.func @f(%w: {v}, %p: {v}, %q: {v}, %b: {v}, %c: {v}) -> tensor<{length}xf32> {{\n"
            f"  %k = ssm.materialize_kernel transition(%w : {v}) input(%b : {v}) output(%c : {v}) low_rank(%p, %q : {v}, {v})\n"
            f"      {{indexing_maps = [{n}, {n}, {n}, {n}, {n}, {l}], time = 1 : i64, row = 0 : i64,\n"
            f"       projection = #ssm.projection<real>}} -> tensor<{length}xf32>\n"
            f"  return %k : tensor<{length}xf32>\n}}")
    (k,) = run(text, w, p, q, b, c)
    w, p, q, x, c = (v.astype(np.clongdouble) for v in (w, p, q, b, c))
    want = np.empty(length, np.longdouble)
    for lag in range(length):
        want[lag] = np.sum(c * x).real
        x = w * x + p * np.sum(np.conj(q) * x)
    assert np.max(np.abs(k - want)) <= 1e-6 * np.max(np.abs(want))


def test_hippo_legs_is_the_bilinear_rule():
    """The discrete form above against a dense solve."""
    dt, state = 1e-2, 16
    lam, p, b = (hippo.with_conjugates(x) for x in hippo.half(state))
    a = np.diag(lam) - np.outer(p, np.conj(p))
    left = np.eye(state) - dt / 2 * a
    w, pd, qd, bd = legs(state, dt)
    np.testing.assert_allclose(np.diag(w) + np.outer(pd, np.conj(qd)), np.linalg.solve(left, np.eye(state) + dt / 2 * a),
                               atol=1e-13)
    np.testing.assert_allclose(bd, np.linalg.solve(left, dt * b), atol=1e-13)
