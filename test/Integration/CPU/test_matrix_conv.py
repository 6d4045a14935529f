"""ssm.long_conv by transforms that are products of bf16 matrices: the error is that of bf16, and no more."""

import ml_dtypes
import numpy as np
import pytest
from harness import ToolError, run
from mlir_text import Conv, compute, norm

STRATEGY = "fft_conv, matrix = bf16"
UNIT = 2.0**-9  # the unit roundoff of bf16
MOST_ROUNDS = 4  # of a transform of up to 16384 points

# A round rounds numbers and roots of unity, by up to UNIT each, in each of three transforms; as many errors add up as
# noise does, to the root of their number.
BAR = UNIT * np.sqrt(2 * 3 * MOST_ROUNDS)


def conv(spec, length, taps, strategy=STRATEGY, **options):
    sizes = {k: options.pop(k, v) for k, v in {"b": 2, "h": 3}.items() if k in spec}
    case = Conv(spec, {"t": length, **sizes}, taps, **options)
    case.strategy = strategy
    return case


def errors(cases):
    """The error of each relative to its norm."""
    out = []
    for case, (y,) in zip(cases, compute(cases), strict=True):
        (want,) = case.oracle
        assert y.shape == want.shape, case.name
        out.append(norm(y.astype(want.dtype) - want) / (norm(want) or 1))
    return out


CASES = {
    # Transforms of one to four rounds, full of steps and not; tiles full of channels and not; odd batches.
    "lengths": [conv("bht,ht->bht", n, n, h=16 if k % 2 else 3, b=3) for k, n in enumerate((0, 1, 2, 32, 63, 100, 300, 1000))],
    "long": [conv("t,t->t", 16384, 16384), conv("bth,th->bth", 4096, 4096, h=17, b=1)],
    # Short kernels and long ones, none, backward in time, and both ways.
    "taps": [*[conv("bht,ht->bht", n, taps) for n, taps in ((100, 31), (64, 300), (5, 0))],
             conv("bht,ht->bht", 512, 512, h=16, direction="backward"),
             *[conv("bth,ht->bth", n, taps, direction="two_sided") for n, taps in ((64, 127), (40, 300))]],
    # Blocks of time, of a length known at run time.
    "blocks": [*[conv("bht,ht->bht", n, 9, f"fft_conv, taps = 9, points = {points}, matrix = bf16", dynamic="t" * (k % 2))
                 for k, (n, points) in enumerate(((100, 16), (100, 16), (7, 512)))],
               conv("bth,th->bth", 700, 33, "fft_conv, points = 128, matrix = bf16", direction="two_sided")],
    # Layouts and sharing, complex numbers by parts.
    "layouts": [*[conv(spec, 130, 130) for spec in ("bth,th->bht", "bht,t->bht", "t,ht->th")], conv("bht,ht->bht", 200, 150, complex="uk")],
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_is_that_of_bf16(name):
    """And no less, where there are enough numbers to say so."""
    for case, error in zip(CASES[name], errors(CASES[name]), strict=True):
        assert error <= BAR, f"{case.name}: {error:.2e}"
        if case.sizes["t"] >= 100 and case.taps >= 9:
            assert error >= UNIT / 4, f"{case.name}: {error:.2e}"


def test_without_the_parameter_the_error_is_that_of_f32():
    assert max(errors([conv("bht,ht->bht", 1000, 1000, "fft_conv", h=16, b=3)])) <= 1e-6


def test_errors_do_not_grow_with_the_size_of_numbers():
    small, large = (conv("bht,ht->bht", 300, 300) for _ in range(2))
    large.inputs = {k: v * np.float32(2.0**50) for k, v in small.inputs.items()}
    one, other = errors([small, large])
    assert one == other


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_narrow_operands(dtype):
    """They are widened to f32, and the result is rounded once."""
    name = "f16" if dtype == np.float16 else "bf16"
    u, k, y = f"tensor<2x500x5x{name}>", f"tensor<500x5x{name}>", f"tensor<2x500x5x{name}>"
    text = f"""
#bth = affine_map<(b, t, h) -> (b, t, h)>
#th = affine_map<(b, t, h) -> (t, h)>
func.func @f(%u: {u}, %k: {k}) -> {y} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#bth, #th, #bth], time = 1 : i64,
      strategy = #ssm.strategy<{STRATEGY}>}} : {u}, {k} -> {y}
  return %y : {y}
}}
"""
    rng = np.random.default_rng(3)
    signal = rng.standard_normal((2, 500, 5)).astype(dtype)
    kernel = (rng.standard_normal((500, 5)) * 0.98 ** np.arange(500)[:, None]).astype(dtype)
    y, = run(text, signal, kernel, entry="f")
    assert y.dtype == dtype
    n = 1024
    want = np.fft.irfft(np.fft.rfft(signal.astype(float), n, axis=1) * np.fft.rfft(kernel.astype(float), n, axis=0), n, axis=1)[:, :500]
    assert norm(y.astype(float) - want) <= (BAR + UNIT) * norm(want)


def test_a_recurrence_takes_the_parameter():
    text = f"""
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @f(%a: tensor<4xf32>, %u: tensor<400x4xf32>) -> tensor<400x4xf32> {{
  %x, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<400x4xf32>)
      {{indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<{STRATEGY}>}}
      -> tensor<400x4xf32>, tensor<4xf32>
  return %x : tensor<400x4xf32>
}}
"""
    a = np.float32([0.9, -0.5, 0.99, 0.3])
    u = np.random.default_rng(4).standard_normal((400, 4)).astype(np.float32)
    x, = run(text, a, u, entry="f")
    state, want = np.zeros(4), []
    for row in u.astype(float):
        state = a.astype(float) * state + row
        want.append(state)
    assert UNIT / 8 * norm(want) <= norm(x - np.array(want)) <= BAR * norm(want)


@pytest.mark.parametrize("dtype, length, reason", [("f64", 40, "have two or three of the digits"), ("f32", "?", "was not lowered")])
def test_a_recurrence_is_refused_as_a_convolution_is(dtype, length, reason):
    a, u = f"tensor<4x{dtype}>", f"tensor<{length}x4x{dtype}>"
    text = f"""
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @f(%a: {a}, %u: {u}) -> {u} {{
  %x, %last = ssm.linear_recurrence transition(%a : {a}) signal(%u : {u})
      {{indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<{STRATEGY}>}} -> {u}, {a}
  return %x : {u}
}}
"""
    x = np.zeros((40, 4), np.float64 if dtype == "f64" else np.float32)
    with pytest.raises(ToolError, match=reason):
        run(text, x[0], x, entry="f")


@pytest.mark.parametrize("numerics, dtype, length, reason", [
    ("strict", "f32", 64, "numerics<strict>"), ("norm", "f64", 64, "long_conv_c7"), ("norm", "f32", "?", "long_conv_c7")])
def test_what_is_refused_says_why(numerics, dtype, length, reason):
    t = f"tensor<{length}x{dtype}>"
    text = f"""
#t = affine_map<(t) -> (t)>
func.func @f(%u: {t}, %k: {t}) -> {t} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#t, #t, #t], time = 0 : i64, numerics = #ssm.numerics<{numerics}>,
      strategy = #ssm.strategy<{STRATEGY}>}} : {t}, {t} -> {t}
  return %y : {t}
}}
"""
    x = np.zeros(64, np.float64 if dtype == "f64" else np.float32)
    with pytest.raises(ToolError, match=reason):
        run(text, x, x, entry="f")
