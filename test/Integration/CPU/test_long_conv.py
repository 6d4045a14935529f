"""ssm.long_conv: both strategies equal the float64 oracle."""

import numpy as np
import pytest
from harness import run
from mlir_text import Conv, check, compute, convolve, direct_sum

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]
STRATEGIES = ["fft_conv", "direct_conv"]


def cases(dtype):
    def case(spec, length, taps, complex="", **options):
        used = {k: v for k, v in {"b": 2, "h": 3}.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Conv(spec, {"t": length, **used}, taps, dtype, complex, **options)

    # A kernel as long as the signal, tiles full of channels or not; at 65536 a kernel of that length is
    # quadratic work for direct_conv, so that one has a single channel.
    out = [case("bht,ht->bht", n, n, h=16 if k % 2 else 3) for k, n in enumerate(LENGTHS[:-1])] + [case("t,t->t", LENGTHS[-1], LENGTHS[-1])]
    # A shorter kernel, a longer one, one tap, none.
    out += [case("bht,ht->bht", n, taps, dynamic="bht" * (k % 2)) for k, (n, taps) in enumerate([
        (100, 1), (100, 5), (100, 64), (100, 99), (100, 101), (64, 300), (1, 7), (3, 2), (0, 3), (5, 0), (4096, 17)])]
    out += [case("bth,ht->bth", 70, 70, dynamic="bth"), case("t,ht->th", 100, 110, complex="k", h=5, dynamic="t")]
    if dtype == "f64":
        return out
    out += [case("th,ht->th", n, n, dynamic="t") for n in (0, 1, 2, 63, 65, 1000)]
    # Rows of the first round in one stripe or two.
    out += [case("bth,ht->bth", n, n, h=16) for n in (4, 7, 40, 64, 300)]
    out += [case(spec, 512, 512, h=16, direction=direction) for spec, direction in (
        ("bht,ht->bht", "forward"), ("bth,ht->bht", "backward"))]
    # Contiguous time by blocks and what is left of a stripe, of a kernel that has fewer rows or none in one.
    out += [case("bht,ht->bht", n, taps, h=16, b=1, direction=direction) for n, taps, direction in (
        (2500, 2500, "forward"), (4100, 4100, "backward"), (2500, 1700, "forward"))]
    out += [case("bht,ht->bht", 2500, 100, h=16, b=1)]
    out[-1].strategy = "fft_conv, lanes = 16"
    # Of any length: kernels through the tiles, parts of complex numbers, kernels that all channels share.
    out += [case(spec, 300, 200, complex=complex, h=16, dynamic="t") for spec, complex in (
        ("t,ht->th", ""), ("t,ht->th", "k"), ("bht,ht->bht", "uk"), ("bth,t->bth", ""), ("bht,t->bht", "u"))]
    # Tiles of few channels, full of them.
    out += [case(spec, 512, 512, h=h) for h in (1, 2, 4, 8, 20) for spec in ("bht,ht->bht", "bth,th->bth")]
    # Layouts and sharing: one signal through many kernels, one kernel for all.
    out += [case(spec, 130, 130, dynamic="h" * (k % 2)) for k, spec in enumerate([
        "bth,ht->bth", "bth,th->bht", "tbh,th->bth", "bht,t->bht", "bth,t->bth", "t,ht->th", "bt,ht->bth",
        "bht,bht->bht"])]
    # A signal whose spectrum serves all channels; the kernels go through the tiles, their first round joined or not.
    out += [case("t,ht->th", n, taps, h=h, direction=direction) for n, taps, h, direction in (
        (512, 512, 32, "forward"), (512, 300, 40, "backward"), (100, 7, 16, "backward"))]
    out += [case("gt,ght->gth", 70, 70, h=17, g=3), case("bt,ht->bth", 70, 70, h=17)]
    out += [case("bht,ht->bht", 200, 70, b=b, h=h) for b, h in [(1, 1), (1, 7), (3, 16), (1, 17), (2, 33)]]
    out += [case("bht,ht->bht", 200, 150, complex=complex) for complex in ("u", "k", "uk")]
    out += [case("t,ht->th", 200, 250, complex=complex, h=5, dynamic="t") for complex in ("u", "uk")]
    return out


def two_sided_cases(dtype):
    """Kernels that reach every step, and shorter and longer ones of odd and even numbers of taps."""
    def case(spec, length, taps, complex="", dynamic="", **sizes):
        used = {"t": length, **{k: sizes.get(k, v) for k, v in {"b": 2, "h": 3}.items() if k in spec}}
        return Conv(spec, used, taps, dtype, complex, dynamic=dynamic, direction="two_sided")

    out = [case("bht,ht->bht", n, 2 * n - 1, dynamic="bht" * (n % 2)) for n in (1, 2, 63, 64)]
    out += [case("bth,ht->bth", n, taps, dynamic="bth" * (k % 2)) for k, (n, taps) in enumerate([
        (64, 128), (100, 1), (100, 0), (1, 6), (100, 31), (40, 300), (0, 3)])]
    out += [case("bth,ht->bth", 200, 150, h=16, dynamic="t"), case("bht,ht->bht", 200, 399, h=16, dynamic="t")]
    out += [case("t,t->t", 4096, 8191), case("bth,t->bth", 130, 259), case("t,ht->th", 130, 200, h=17)]
    out += [case("bht,ht->bht", 70, 139, complex="u"), case("bht,bht->bht", 70, 139, complex="uk")]
    return out


def blocked_cases(dtype):
    """Kernels that are short beside the signal, by blocks of time: of many channels and few, of lengths that end in the
    first block of a pair, in the second, or with it."""
    def case(spec, length, taps, points, complex="", cut="", **options):
        used = {k: v for k, v in {"t": length, "b": 2, "h": options.pop("h", 3)}.items() if k in spec}
        out = Conv(spec, used, taps, dtype, complex, **options)
        out.strategy = f"fft_conv, points = {points}{cut}"
        return out

    out = [case("bht,ht->bht", n, 9, 16, h=16, dynamic="bht" * (k % 2), direction=("forward", "backward")[k % 2], cut=", taps = 9" * (k % 2))
           for k, n in enumerate((1, 7, 8, 9, 16, 17, 100))]
    out += [case("bth,ht->bth", n, 65, 256, h=17, direction=direction) for n in (300, 1000) for direction in ("backward", "two_sided")]
    return out + [case("t,t->t", 5000, 100, 512, dynamic="t" if dtype == "f32" else "", cut=", taps = 100"),
                  case("t,ht->th", 50, 60, 64), case("bht,ht->bht", 130, 33, 128, complex="k"),
                  case("bht,ht->bht", 130, 40, 64, direction="two_sided", dynamic="b")]


def one_row_cases(dtype):
    """Kernels that are transformed beside the only signal they have: tiles full of channels, and a rest of them."""
    return [Conv(spec, {"t": n, "b": 1, "h": h}, taps, dtype, direction=direction) for spec, n, taps, h, direction in (
        ("bth,th->bth", 8192, 8192, 32, "forward"), ("bth,ht->bth", 4300, 4300, 20, "backward"),
        ("bht,ht->bht", 5000, 3000, 32, "forward"), ("ht,ht->ht", 16384, 16384, 16, "forward"))]


def run_cases(dtype):
    """Results that go past the caches, of several tiles a thread: lines of spectra before rows of a batch and behind them,
    border rounds of two stripes, a rest of channels."""
    return [Conv(spec, {"t": n, "b": b, "h": h}, taps, dtype, direction=direction) for spec, n, taps, b, h, direction in (
        ("bth,th->bth", 4096, 4096, 3, 48, "forward"), ("bth,ht->bth", 9000, 9000, 2, 36, "backward"),
        ("tbh,th->tbh", 20000, 12000, 2, 16, "forward"), ("bt,th->bth", 16384, 16384, 1, 48, "forward"),
        ("bth,th->bth", 12289, 12289, 2, 32, "two_sided"))]


def split_cases(dtype):
    """Parts of time in the lanes of a tile: few channels or long signals, of one row or several, with and without factors
    of 3 and 5, one signal through many kernels, complex ones."""
    def case(spec, length, complex="", **sizes):
        return Conv(spec, {"t": length, **sizes}, length, dtype, complex, dynamic="b" * (length == 1024))

    return [case("t,t->t", 1024), case("bht,ht->bht", 1024, b=3, h=2), case("bht,ht->bht", 3840, b=2, h=5),
            case("bht,ht->bht", 4096, b=1, h=7), case("bht,t->bht", 2048, b=2, h=3), case("bt,ht->bht", 5120, b=2, h=3),
            case("bht,ht->bht", 2048, complex="uk", b=1, h=3), case("bht,ht->bht", 1 << 16, b=2, h=16),
            case("ht,ht->ht", 1 << 17, h=16)]


def turned_cases(dtype):
    """One vector of channels last of a long signal, which is turned, by way of memory."""
    h = 16 if dtype == "f32" else 8
    return [Conv(spec, {"t": n, "b": 1, "h": h}, n, dtype)
            for spec, n in (("bth,th->bth", 3 << 18), ("bth,ht->bth", 1 << 19))]


def test_the_fast_oracle_is_the_slow_one():
    rng = np.random.default_rng(0)
    u, k = rng.standard_normal((2, 100)), rng.standard_normal((2, 130))
    for k, future in ((k, 0), (k[:, :70], 35)):
        np.testing.assert_allclose(convolve(u, k, future), direct_sum(u, k, future), rtol=0, atol=1e-14)
        np.testing.assert_allclose(convolve(u * 1j, k, future), direct_sum(u * 1j, k, future), rtol=0, atol=1e-14)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_two_sided_equals_direct_sum(dtype, strategy):
    check(two_sided_cases(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_equals_direct_sum(dtype, strategy):
    check(cases(dtype), dtype, strategy)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_one_row_equals_direct_sum(dtype):
    check(one_row_cases(dtype), dtype, "fft_conv")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_runs_equal_direct_sum(dtype):
    check(run_cases(dtype), dtype, "fft_conv")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_split_time_equals_direct_sum(dtype):
    check(split_cases(dtype), dtype, "fft_conv")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_turned_signals_equal_direct_sum(dtype):
    check(turned_cases(dtype), dtype, "fft_conv")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_blocks_equal_direct_sum(dtype):
    check(blocked_cases(dtype), dtype, "fft_conv")


def test_direct_sum_of_integers_is_exact():
    chosen = [Conv(spec, {"b": 2, "t": n, "h": 9}, taps, dynamic=dynamic, direction=direction)
              for spec in ("bht,ht->bht", "bth,th->bth") for n, taps in ((65, 65), (300, 40), (40, 300))
              for dynamic, direction in (("", "forward"), ("bth", "forward"), ("bth", "two_sided"))]
    rng = np.random.default_rng(1)
    for case in chosen:
        case.inputs = {k: rng.integers(-9, 10, x.shape).astype(x.dtype) for k, x in case.inputs.items()}
    for case, (y,) in zip(chosen, compute(chosen, "direct_conv"), strict=True):
        np.testing.assert_array_equal(y, case.oracle[0], err_msg=case.name)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_direct_conv_is_strictly_causal(poison):
    clean, dirty = (Conv("bht,ht->bht", {"b": 2, "h": 9, "t": 150}, 40, numerics="strict") for _ in range(2))
    dirty.inputs["u"] = clean.inputs["u"].copy()
    dirty.inputs["u"][1, 4, 70] = poison
    (y,), (z,) = compute([clean, dirty], "direct_conv")
    assert not np.isfinite(z[1, 4, 70:110]).any()
    z[1, 4, 70:110] = y[1, 4, 70:110]
    np.testing.assert_array_equal(z, y)


def test_an_impulse_finds_the_kernel():
    case = Conv("bht,ht->bht", {"b": 2, "h": 5, "t": 1000}, 1000)
    case.inputs["u"] = np.zeros_like(case.inputs["u"])
    case.inputs["u"][:, :, 0] = 1
    (direct,), (fft,) = compute([case], "direct_conv")[0], compute([case], "fft_conv")[0]
    kernel = np.broadcast_to(case.inputs["k"], direct.shape)
    np.testing.assert_array_equal(direct, kernel)
    assert np.linalg.norm(fft - kernel) <= 1e-6 * np.linalg.norm(kernel)


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv"])
def test_a_proved_bound_cuts_the_kernel(strategy):
    """Constant |a| <= 0.9: the taps left out are below rounding; an initial
    state keeps its whole response."""
    u = np.random.default_rng(5).standard_normal((3000, 2)).astype(np.float32)
    h = np.float32([1e3, -1e3])
    a = np.float32([0.9, -0.5])
    text = """
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @f(%u: tensor<?x2xf32>, %h: tensor<2xf32>) -> tensor<?x2xf32> {
  %a = arith.constant dense<[0.9, -0.5]> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<?x2xf32>) init(%h : tensor<2xf32>)
      {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %y : tensor<?x2xf32>
}"""
    for length in (3000, 100, 1):
        (y,) = run(text, u[:length], h, strategy=strategy)
        want, x = np.empty((length, 2)), h.astype(float)
        for t in range(length):
            want[t] = x = a.astype(float) * x + u[t]
        assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)
