"""Gradients against central differences, in long double, of the equations."""

import numpy as np
import pytest

import mlir_ssm as ssm

RNG = np.random.default_rng(3)
C, F = "complex<f64>", "f64"


def numbers(shape, element, scale=1.0):
    x = RNG.standard_normal(shape) * scale
    return x + 1j * RNG.standard_normal(shape) * scale if element == C else x


def differences(f, inputs, cotangents, step=1e-5):
    """The gradients of Re sum(conj(g) f(inputs)), one number after another."""
    inputs = [x.astype(np.clongdouble if np.iscomplexobj(x) else np.longdouble) for x in inputs]

    def loss():
        return sum(np.sum(np.real(np.conj(g) * y)) for g, y in zip(cotangents, f(*inputs), strict=True))

    grads = [np.zeros_like(x) for x in inputs]
    for x, grad in zip(inputs, grads):
        for i in np.ndindex(x.shape):
            at = x[i]
            for direction in (1, 1j) if np.iscomplexobj(x) else (1,):
                x[i] = at + step * direction
                more = loss()
                x[i] = at - step * direction
                grad[i] += direction * (more - loss()) / (2 * step)
            x[i] = at
    return grads


def check(text, f, inputs, entry="f", tol=1e-8):
    grad = ssm.gradient(ssm.compile(text, entry=entry))
    ys = f(*inputs)
    cotangents = [numbers(np.shape(y), C if np.iscomplexobj(y) else F) for y in ys]
    got = grad(*inputs, tuple(cotangents))
    got = got if isinstance(got, tuple) else (got,)
    for x, g, want in zip(inputs, got, differences(f, inputs, cotangents), strict=True):
        assert g.dtype == x.dtype and g.shape == x.shape
        assert np.abs(g - want).max(initial=0) <= tol * max(np.abs(want).max(initial=0), 1)


def tensor(sizes, letters, element):
    return f"tensor<{''.join(f'{sizes[k]}x' for k in letters)}{element}>"


SIZES = dict(b=2, t=5, h=3, n=2, i=2, o=3, m=2, r=2)


def recurrence(operands, y, final, elements, attributes="", projection="none", **sizes):
    """@f of one recurrence and the shapes of its arguments; operands: {keyword: letters}, p and q those of low_rank."""
    sizes = {**SIZES, **sizes}
    dims = "".join(dict.fromkeys("".join([*operands.values(), y, final])))
    state = C if C in elements.values() else F
    out = F if projection != "none" else state
    types = {k: tensor(sizes, v, elements[k]) for k, v in operands.items()}
    maps = ", ".join(f"affine_map<({', '.join(dims)}) -> ({', '.join(v)})>" for v in [*operands.values(), y, final])
    results = f"{tensor(sizes, y, out)}, {tensor(sizes, final, state)}"
    mixing = f", row = {dims.index('n')} : i64" if "m" in dims or "p" in operands else ""
    mixing += f", column = {dims.index('m')} : i64" if "m" in dims else ""
    low_rank = f" low_rank(%p, %q : {types['p']}, {types['q']})" if "p" in operands else ""
    text = f"""func.func @f({', '.join(f'%{k}: {t}' for k, t in types.items())}) -> ({results}) {{
  %y, %x = ssm.linear_recurrence {' '.join(f'{k}(%{k} : {t})' for k, t in types.items() if k not in 'pq')}{low_rank}
    {{indexing_maps = [{maps}], time = {dims.index('t')} : i64, projection = #ssm.projection<{projection}>{mixing}
     {attributes}}} -> {results}
  return %y, %x : {results}
}}"""
    return text, {k: [sizes[c] for c in v] for k, v in operands.items()}


def run(operands, y, final, arrays, projection="none", read="after", backward=False):
    """The recurrence by its definition."""
    given = dict(zip(operands, arrays))
    signal = operands["signal"]
    length = given["signal"].shape[signal.index("t")]
    state = final.replace("n", "m") if "m" in operands["transition"] else final

    def at(name, t):
        letters = operands[name]
        return letters.replace("t", ""), np.take(given[name], t, letters.index("t")) if "t" in letters else given[name]

    dtype = np.result_type(*arrays)
    sizes = {k: n for name, x in given.items() for k, n in zip(operands[name], x.shape)}
    x = np.zeros([sizes[k] for k in final], dtype)
    if "init" in given:
        x = x + np.einsum(f"{operands['init']},{final}->{final}", given["init"], np.ones_like(x))
    ys = [None] * length
    for t in range(length)[::-1] if backward else range(length):
        before = x
        drive = at("signal", t)
        parts = [at("input", t), drive] if "input" in given else [drive]
        ones = np.ones_like(x)
        u = np.einsum(",".join([p[0] for p in parts] + [final]) + "->" + final, *(p[1] for p in parts), ones)
        a = at("transition", t)
        mixed = np.einsum(f"{a[0]},{state}->{final}", a[1], x)
        if "p" in given:
            p, q = at("p", t), at("q", t)
            sums = "".join(dict.fromkeys(final.replace("n", "") + q[0].replace("n", "")))
            s = np.einsum(f"{q[0]},{final}->{sums}", np.conj(q[1]), x)
            mixed = mixed + np.einsum(f"{p[0]},{sums}->{final}", p[1], s)
        x = mixed + u
        seen = before if read == "before" else x
        if "output" in given:
            c = at("output", t)
            seen = np.einsum(f"{c[0]},{final}->{y.replace('t', '')}", c[1], seen)
        ys[t] = {"none": seen, "real": np.real(seen), "twice_real": 2 * np.real(seen)}[projection]
    return np.stack(ys, y.index("t")), x


RECURRENCES = {
    "states, transition varies": (dict(transition="bth", signal="bth", init="bh"), "bth", "bh", F),
    "states, transition shared": (dict(transition="h", signal="bth"), "bth", "bh", F),
    "complex states": (dict(transition="th", signal="bth", init="h"), "bth", "bh", C),
    "S4D": (dict(transition="hn", signal="bth", input="hn", output="hn"), "bth", "bhn", C),
    "S5": (dict(transition="n", signal="bti", input="ni", output="on", init="bn"), "bto", "bn", C),
    "Mamba": (dict(transition="bthn", signal="bth", input="btn", output="btn"), "bth", "bhn", F),
    "dense": (dict(transition="nm", signal="btn", init="bn"), "btn", "bn", F),
    "dense, varying": (dict(transition="tnm", signal="bti", input="ni", output="on"), "bto", "bn", C),
    "S4": (dict(transition="hn", signal="bth", input="hn", output="hn", p="hn", q="hn"), "bth", "bhn", C),
    "delta rule": (dict(transition="n", signal="bti", input="btn", output="btn", init="bni", p="btn", q="btn"), "bti", "bni", F),
    "RWKV-7": (dict(transition="btn", signal="bti", input="btn", output="btn", p="btn", q="btn"), "bti", "bni", F),
    "rank two": (dict(transition="tn", signal="tn", p="tnr", q="nr"), "tn", "n", C),
}


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("read", ["after", "before"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_recurrence(name, read, backward):
    operands, y, final, element = RECURRENCES[name]
    # The signal of S4, S4D and S5 is real, and so is their output.
    projection = "twice_real" if name in ("S4D", "S5", "S4") else "none"
    elements = dict.fromkeys(operands, element) | ({"signal": F} if projection != "none" else {})
    attributes = f", read = #ssm.read<{read}>, direction = #ssm.direction<{'backward' if backward else 'forward'}>"
    text, shapes = recurrence(operands, y, final, elements, attributes, projection)
    inputs = [numbers(shape, elements[k], 0.6) for k, shape in shapes.items()]
    check(text, lambda *xs: run(operands, y, final, xs, projection, read, backward), inputs)


def test_no_steps():
    text, shapes = recurrence(dict(transition="bth", signal="bth", init="bh"), "bth", "bh",
                              dict(transition=F, signal=F, init=F), t=0)
    init = np.ones(shapes["init"])
    grads = ssm.gradient(ssm.compile(text))(np.ones(shapes["transition"]), np.ones(shapes["signal"]), init,
                                            (np.ones(shapes["signal"]), 3 * init))
    np.testing.assert_array_equal(grads[2], 3 * init)


def test_any_length():
    text, _ = recurrence(dict(transition="h", signal="bth"), "bth", "bh", dict(transition=F, signal=F), t="?", b="?")
    a, x = numbers([3], F, 0.5), numbers([4, 7, 3], F)
    check(text, lambda a, x: run(dict(transition="h", signal="bth"), "bth", "bh", (a, x)), [a, x])


LAYER = """
#hn = affine_map<(h, n, l) -> (h, n)>
#hl = affine_map<(h, n, l) -> (h, l)>
#u = affine_map<(b, h, t) -> (b, h, t)>
#k = affine_map<(b, h, t) -> (h, t)>
func.func private @gate(%y: tensor<2x3x5xf64>) -> tensor<2x3x5xf64> {
  %0 = math.tanh %y : tensor<2x3x5xf64>
  %1 = arith.mulf %0, %y : tensor<2x3x5xf64>
  return %1 : tensor<2x3x5xf64>
}
func.func @f(%a: tensor<3x2xcomplex<f64>>, %b: tensor<3x2xcomplex<f64>>, %c: tensor<3x2xcomplex<f64>>,
             %u: tensor<2x3x5xf64>, %w: tensor<5x4xf64>) -> tensor<2x3x4xf64> {
  %kernel = ssm.materialize_kernel transition(%a : tensor<3x2xcomplex<f64>>) input(%b : tensor<3x2xcomplex<f64>>)
    output(%c : tensor<3x2xcomplex<f64>>)
    {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64, projection = #ssm.projection<real>} -> tensor<3x5xf64>
  %y = ssm.long_conv %u, %kernel {indexing_maps = [#u, #k, #u], time = 2 : i64}
    : tensor<2x3x5xf64>, tensor<3x5xf64> -> tensor<2x3x5xf64>
  %g = func.call @gate(%y) : (tensor<2x3x5xf64>) -> tensor<2x3x5xf64>
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<2x3x4xf64>
  %z = linalg.fill ins(%zero : f64) outs(%e : tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
  %o = linalg.contract indexing_maps = [affine_map<(b, h, t, o) -> (b, h, t)>, affine_map<(b, h, t, o) -> (t, o)>,
                                        affine_map<(b, h, t, o) -> (b, h, o)>]
    ins(%g, %w : tensor<2x3x5xf64>, tensor<5x4xf64>) outs(%z : tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
  return %o : tensor<2x3x4xf64>
}"""


def test_layer():
    def layer(a, b, c, u, w):
        kernel = np.real(np.einsum("hn,hn,hnl->hl", b, c, a[..., None] ** np.arange(5)))
        y = np.stack([np.einsum("hj,bhj->bh", kernel[:, :t + 1], u[..., t::-1]) for t in range(5)], -1)
        return [np.einsum("bht,to->bho", y * np.tanh(y), w)]
    a, b, c = (numbers([3, 2], C, 0.6) for _ in "abc")
    check(LAYER, layer, [a, b, c, numbers([2, 3, 5], F), numbers([5, 4], F)])


S4_KERNEL = """
#hn = affine_map<(h, n, l, r) -> (h, n)>
#hnr = affine_map<(h, n, l, r) -> (h, n, r)>
#hl = affine_map<(h, n, l, r) -> (h, l)>
func.func @f(%a: tensor<3x2xcomplex<f64>>, %b: tensor<3x2xcomplex<f64>>, %c: tensor<3x2xcomplex<f64>>,
             %p: tensor<3x2x2xcomplex<f64>>, %q: tensor<3x2x2xcomplex<f64>>) -> tensor<3x5xf64> {
  %kernel = ssm.materialize_kernel transition(%a : tensor<3x2xcomplex<f64>>) input(%b : tensor<3x2xcomplex<f64>>)
    output(%c : tensor<3x2xcomplex<f64>>) low_rank(%p, %q : tensor<3x2x2xcomplex<f64>>, tensor<3x2x2xcomplex<f64>>)
    {indexing_maps = [#hn, #hn, #hn, #hnr, #hnr, #hl], time = 2 : i64, row = 1 : i64,
     projection = #ssm.projection<twice_real>} -> tensor<3x5xf64>
  return %kernel : tensor<3x5xf64>
}"""


def test_low_rank_kernel():
    def kernel(a, b, c, p, q):
        matrix = np.einsum("hn,nm->hnm", a, np.eye(2)) + np.einsum("hnr,hmr->hnm", p, np.conj(q))
        x, lags = b, []
        for _ in range(5):
            lags.append(2 * np.real(np.einsum("hn,hn->h", c, x)))
            x = np.einsum("hnm,hm->hn", matrix, x)
        return [np.stack(lags, -1)]
    check(S4_KERNEL, kernel, [numbers(s, C, 0.6) for s in ([3, 2], [3, 2], [3, 2], [3, 2, 2], [3, 2, 2])])


@pytest.mark.parametrize("taps", [1, 3, 5, 8])
@pytest.mark.parametrize("direction", ["forward", "backward", "two_sided"])
def test_long_conv(direction, taps):
    text = f"""#u = affine_map<(b, h, t) -> (b, t, h)>
#k = affine_map<(b, h, t) -> (h, t)>
func.func @f(%u: tensor<2x5x3xcomplex<f64>>, %k: tensor<3x{taps}xf64>) -> tensor<2x5x3xcomplex<f64>> {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#u, #k, #u], time = 2 : i64, direction = #ssm.direction<{direction}>}}
    : tensor<2x5x3xcomplex<f64>>, tensor<3x{taps}xf64> -> tensor<2x5x3xcomplex<f64>>
  return %y : tensor<2x5x3xcomplex<f64>>
}}"""

    def conv(u, k):
        if direction == "two_sided":
            return [np.stack([sum(k[:, taps // 2 + t - s] * u[:, s] for s in range(5) if 0 <= taps // 2 + t - s < taps)
                              for t in range(5)], 1)]
        u = u if direction == "forward" else u[:, ::-1]
        y = np.stack([sum(k[:, l] * u[:, t - l] for l in range(min(taps, t + 1))) for t in range(5)], 1)
        return [y if direction == "forward" else y[:, ::-1]]
    check(text, conv, [numbers([2, 5, 3], C), numbers([3, taps], F)])


@pytest.mark.parametrize("name", ["sum", "product", "affine"])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(name, reverse):
    body = {"sum": "^bb0(%a: f64, %c: f64):\n %r = arith.addf %c, %a : f64\n ssm.yield %r : f64",
            "product": "^bb0(%a: f64, %c: f64):\n %r = arith.mulf %a, %c : f64\n ssm.yield %r : f64",
            "affine": """^bb0(%a: f64, %b: f64, %c: f64, %d: f64):
 %r = arith.mulf %c, %a : f64
 %s = arith.mulf %c, %b : f64
 %p = arith.addf %s, %d : f64
 ssm.yield %r, %p : f64, f64"""}[name]
    count = 2 if name == "affine" else 1
    t = "tensor<4x3xf64>"
    results = ", ".join([t] * count)
    values = ["%y", "%z"][:count]
    text = f"""func.func @f({', '.join(f'%x{i}: {t}' for i in range(count))}) -> ({results}) {{
  {', '.join(values)} = ssm.associative_scan({', '.join(f'%x{i}' for i in range(count))}) {{dimension = 0 : i64,
    direction = #ssm.direction<{'backward' if reverse else 'forward'}>}} : ({results}) {{
  {body}
  }}
  return {', '.join(values)} : {results}
}}"""

    def scan(x, b=None):
        flip = slice(None, None, -1 if reverse else 1)
        if name != "affine":
            return [{"sum": np.cumsum, "product": np.cumprod}[name](x[flip], 0)[flip]]
        h, out = 0, []
        for a_t, b_t in zip(x[flip], b[flip]):
            h = a_t * h + b_t
            out.append(h)
        return [np.cumprod(x[flip], 0)[flip], np.stack(out)[flip]]
    check(text, scan, [numbers([4, 3], F) for _ in range(count)])


SCALARS = {
    "divf %x, %y": lambda x, y: x / y, "subf %x, %y": lambda x, y: x - y, "maximumf %x, %y": np.maximum,
    "minimumf %x, %y": np.minimum, "math.exp %x": lambda x, y: np.exp(x), "math.sqrt %y": lambda x, y: np.sqrt(y),
    "math.expm1 %x": lambda x, y: np.expm1(x), "math.log %y": lambda x, y: np.log(y),
    "math.log1p %y": lambda x, y: np.log1p(y), "math.rsqrt %y": lambda x, y: 1 / np.sqrt(y),
    "math.sin %x": lambda x, y: np.sin(x), "math.cos %x": lambda x, y: np.cos(x),
    "math.absf %x": lambda x, y: np.abs(x), "negf %x": lambda x, y: -x,
}


@pytest.mark.parametrize("op", SCALARS)
def test_scalar(op):
    op_text = op if op.startswith("math") else "arith." + op
    text = f"""func.func @f(%x: tensor<4xf64>, %y: tensor<4xf64>) -> tensor<4xf64> {{
  %z = {op_text} : tensor<4xf64>
  return %z : tensor<4xf64>
}}"""
    check(text, lambda x, y: [SCALARS[op](x, y)], [numbers([4], F), np.abs(numbers([4], F)) + 0.1])


COMPLEX = {"div %x, %y": lambda x, y: x / y, "mul %x, %y": lambda x, y: x * y, "sub %x, %y": lambda x, y: x - y,
           "exp %x": lambda x, y: np.exp(x), "log %y": lambda x, y: np.log(y), "conj %x": lambda x, y: np.conj(x)}


@pytest.mark.parametrize("op", COMPLEX)
def test_complex_scalar(op):
    t = "tensor<4xcomplex<f64>>"
    text = f"""#i = affine_map<(d) -> (d)>
func.func @f(%a: {t}, %b: {t}) -> {t} {{
  %e = tensor.empty() : {t}
  %z = linalg.generic {{indexing_maps = [#i, #i, #i], iterator_types = ["parallel"]}} ins(%a, %b : {t}, {t})
    outs(%e : {t}) {{
  ^bb0(%x: complex<f64>, %y: complex<f64>, %o: complex<f64>):
    %r = complex.{op} : complex<f64>
    linalg.yield %r : complex<f64>
  }} -> {t}
  return %z : {t}
}}"""
    check(text, lambda x, y: [COMPLEX[op](x, y)], [numbers([4], C), numbers([4], C)])


def test_integers_and_unused():
    text = """func.func @f(%x: tensor<3xf64>, %i: tensor<3xi32>, %unused: tensor<?xf64>) -> (tensor<3xf64>, tensor<3xi32>) {
  return %x, %i : tensor<3xf64>, tensor<3xi32>
}"""
    grad = ssm.gradient(ssm.compile(text))
    x, none, unused = grad(np.ones(3), np.ones(3, np.int32), np.ones(2), (np.arange(3.0), None))
    assert none is None and (x == np.arange(3)).all() and (unused == np.zeros(2)).all()
    with pytest.raises(ValueError, match="cotangents: expected 2"):
        grad(np.ones(3), np.ones(3, np.int32), np.ones(2), (np.ones(3),))
    with pytest.raises(TypeError, match="expected 3 inputs"):
        grad(np.ones(3), (np.ones(3), None))
    with pytest.raises(TypeError, match="f: expected"):
        ssm.gradient(lambda x: x)


@pytest.mark.parametrize("text,word", [
    ("func.func @f(%x: tensor<4xf64>) -> tensor<4xf64> {\n %0 = math.tan %x : tensor<4xf64>\n"
     " return %0 : tensor<4xf64>\n}", "math.tan"),
    ("func.func @f(%x: tensor<4xcomplex<f64>>) -> tensor<4xcomplex<f64>> {\n"
     " %0 = ssm.fft %x {dimension = 0 : i64} : tensor<4xcomplex<f64>>\n return %0 : tensor<4xcomplex<f64>>\n}",
     "ssm.fft"),
])
def test_refused(text, word):
    with pytest.raises(ValueError, match=word):
        ssm.gradient(ssm.compile(text))
