"""ssm.discretize: every method against its formula, in extended precision."""

import mpmath
import numpy as np
import pytest
from harness import DTYPES, run
from mlir_text import affine, element, tensor

# Bound on |result - oracle| / |oracle| of every single element, in units of
# the precision (half the distance from 1 to the next number); of parameters in
# f32, which are computed in f64.
UNITS, PARAMETER_UNITS = 8, 1.01
UNIT = {"f32": 2.0**-24, "f64": 2.0**-53}


def numbers(is_complex, dtype):
    """Transitions from 0 over tiny to large, on the axes and off them."""
    sizes = [0.0, 1e-30, 1e-12, 1e-7, 3e-5, 1e-3, 0.02, 0.3, 1.0, 2.5, 7.0, 20.0, 50.0, 80.0, 1e3, 3e4]
    a = -np.array(sizes)
    if not is_complex:
        return np.concatenate([a, [1e-9, 0.7]]).astype(DTYPES[dtype])
    angles = np.array([0.0, 0.3, 1.0, 1.5, np.pi / 2, -0.8, -1.57])
    return (a[:, None] * np.exp(1j * angles)).ravel().astype(DTYPES[element(dtype, True)])


def exact(method, a, dt, b, w):
    """(transition, input, previous) of one element, as mpmath numbers."""
    a, dt, b, w = mpmath.mpmathify(complex(a)), mpmath.mpf(float(dt)), mpmath.mpmathify(complex(b)), mpmath.mpf(float(w))
    z = dt * a
    grown = mpmath.exp(z)
    if method == "zoh":
        return grown, dt * (mpmath.expm1(z) / z if z else 1) * b, None
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), dt / (1 - z / 2) * b, None
    if method == "euler":
        return grown, dt * b, None
    if method == "dirac":
        return grown, b, None
    return grown, w * dt * b, (1 - w) * dt * grown


def program(method, dtype, n, a_complex, b_complex, varies, stored):
    """If it varies, dt has a time dimension, of size 1, and A has not. Results are of the type `stored`."""
    sizes = [1, n] if varies else [n]
    types = {"a": tensor([n], element(dtype, a_complex)), "dt": tensor(sizes, dtype),
             "b": tensor([n], element(dtype, b_complex)), "w": tensor([n], dtype)}
    out = {"zoh": a_complex or b_complex, "bilinear": a_complex or b_complex}.get(method, b_complex)
    results = [tensor(sizes, element(stored, x)) for x in [a_complex, out] + [a_complex] * (method == "trapezoid")]
    weight = f" weight(%w : {types['w']})" if method == "trapezoid" else ""
    over = "tn" if varies else "n"
    maps = ", ".join(affine(over, m) for m in ["n", over, "n"] + ["n"] * bool(weight) + [over] * len(results))
    names = ", ".join(f"%r{i}" for i in range(len(results)))
    return f"""
func.func @f({', '.join(f'%{k}: {t}' for k, t in types.items())}) -> ({', '.join(results)}) {{
  {names} = ssm.discretize {method} transition(%a : {types['a']}) step(%dt : {types['dt']})
      input(%b : {types['b']}){weight} {{indexing_maps = [{maps}]}} -> {', '.join(results)}
  return {names} : {', '.join(results)}
}}"""


@pytest.mark.parametrize("a_complex, b_complex", [(False, False), (True, True), (False, True), (True, False)])
@pytest.mark.parametrize("dtype, varies, stored", [
    ("f32", False, "f32"), ("f32", True, "f32"), ("f64", False, "f64"), ("f32", False, "f64")])
@pytest.mark.parametrize("method", ["zoh", "bilinear", "euler", "dirac", "trapezoid"])
def test_diagonal(method, dtype, varies, stored, a_complex, b_complex):
    mpmath.mp.prec = 400
    rng = np.random.default_rng(0)
    a = np.concatenate([numbers(a_complex, dtype)] * 3)
    n = a.size
    dt = np.repeat([1.0, 1e-3, 0.0371], n // 3).astype(DTYPES[dtype])
    b = rng.standard_normal(n) + (1j * rng.standard_normal(n) if b_complex else 0)
    b = b.astype(DTYPES[element(dtype, b_complex)])
    w = rng.uniform(0, 1, n).astype(DTYPES[dtype])
    text = program(method, dtype, n, a_complex, b_complex, varies, stored)
    results = run(text, a, dt[None] if varies else dt, b, w)
    results = [r.ravel() for r in results]
    worst, tiny = 0.0, float(np.finfo(DTYPES[stored]).tiny) / UNIT[stored]
    for i in range(n):
        for got, want in zip((r[i] for r in results), exact(method, a[i], dt[i], b[i], w[i])):
            error = abs(mpmath.mpmathify(complex(got)) - want)
            # Results below the normal range have fewer digits.
            worst = max(worst, float(error / max(abs(want), tiny)) / UNIT[stored])
    allowed = PARAMETER_UNITS if stored == "f32" and not varies else UNITS
    assert worst <= allowed, f"{method} {dtype} to {stored}: {worst:.1f} units"


def random_dense(rng, shape, is_complex):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if is_complex else x


@pytest.mark.parametrize("spec, is_complex", [
    ("nm,,n->nm,n", False), ("nm,h,hn->hnm,hn", False), ("hnm,h,ni->hnm,hni", True), ("mn,bt,->btnm,btn", False)])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_dense_bilinear(dtype, spec, is_complex):
    """Against a solve in extended precision; the diagonal of A calls for pivots."""
    rng = np.random.default_rng([*spec.encode()])
    sizes = {"n": 9, "m": 9, "h": 3, "i": 2, "b": 2, "t": 3}
    (al, dl, bl), (ra, rb) = (part.split(",") for part in spec.split("->"))
    a = random_dense(rng, [sizes[k] for k in al], is_complex)
    dt = rng.uniform(0.05, 0.5, [sizes[k] for k in dl])
    # 1 - dt A / 2 with a small first pivot.
    a[(..., 0, 0)] = 2 / np.mean(dt)
    b = random_dense(rng, [sizes[k] for k in bl], is_complex)
    cast = DTYPES[element(dtype, is_complex)]
    a, dt, b = a.astype(cast), np.asarray(dt).astype(DTYPES[dtype]), np.asarray(b).astype(cast)
    letters = "".join(dict.fromkeys(ra + rb))
    el = element(dtype, is_complex)
    types = [tensor(a.shape, el), tensor(dt.shape, dtype), tensor(b.shape, el)]
    results = [tensor([sizes[k] for k in r], el) for r in (ra, rb)]
    maps = ", ".join(affine(letters, r) for r in (al, dl, bl, ra, rb))
    text = f"""
func.func @f(%a: {types[0]}, %dt: {types[1]}, %b: {types[2]}) -> ({', '.join(results)}) {{
  %x, %y = ssm.discretize bilinear transition(%a : {types[0]}) step(%dt : {types[1]}) input(%b : {types[2]})
      {{indexing_maps = [{maps}], row = {letters.index('n')} : i64, column = {letters.index('m')} : i64}} -> {', '.join(results)}
  return %x, %y : {', '.join(results)}
}}"""
    abar, bbar = run(text, a, dt, b)
    batch = ra[:-2]

    def spread(x, names, tail):
        x = np.einsum(f"{names}->{''.join(k for k in batch + tail if k in names)}", x)
        x = x.reshape([sizes[k] if k in names else 1 for k in batch + tail])
        return np.broadcast_to(x, [sizes[k] for k in batch + tail]).astype(complex)
    mpmath.mp.prec = 200
    tail = rb[len(batch):]
    aw, dw, bw = spread(a, al, "nm"), spread(dt, dl, ""), spread(b, bl, tail)
    for at in np.ndindex(*[sizes[k] for k in batch]):
        z = mpmath.matrix(aw[at].tolist()) * (mpmath.mpf(float(dw[at].real)) / 2)
        one = mpmath.eye(9)
        inverse = (one - z) ** -1
        want_a = inverse * (one + z)
        want_b = inverse * mpmath.matrix(bw[at].reshape(9, -1).tolist()) * mpmath.mpf(float(dw[at].real))
        for got, want in ((abar[at], want_a), (bbar[at].reshape(9, -1), want_b)):
            difference = mpmath.mnorm(mpmath.matrix(got.astype(complex).tolist()) - want, "f")
            condition = float(mpmath.mnorm(one - z, "f") * mpmath.mnorm(inverse, "f"))
            bound = UNIT[dtype] * (1 if dtype == "f32" else 0) + 4 * condition * UNIT["f64"]
            assert float(difference / mpmath.mnorm(want, "f")) <= bound
