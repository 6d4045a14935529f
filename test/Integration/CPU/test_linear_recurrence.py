"""ssm.linear_recurrence: every legal strategy equals the float64 oracle."""

import re

import numpy as np
import pytest
from harness import run
from mlir_text import Recurrence, check, compute, norm

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]
SCANS = ["sequential", "tree_scan"]
CONVOLUTIONS = ["fft_conv", "direct_conv"]


def make(names, dtype):
    """A function that makes cases whose sizes, where not given, are `names`."""
    def case(spec, length, complex="", **options):
        used = {k: v for k, v in names.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Recurrence(spec, {"t": length, **used}, dtype, complex, **options)
    return case


def invariant(dtype):
    """A, B and C are time-invariant: every strategy is legal."""
    case = make({"b": 2, "d": 3, "h": 5, "n": 3, "i": 4, "o": 7}, dtype)
    s4d, s5 = "hn,hn,hn,bth->bth", "n,ni,on,bti->bto"
    cases = [case("d,,,btd->btd", n, b=1 if n > 4096 else 2) for n in LENGTHS]
    cases += [case("n,n,n,t->t", n, complex="abc", projection="twice_real", dynamic="t")
              for n in (LENGTHS if dtype == "f32" else (0, 1, 65, 1000))]
    # Layouts, and results in another layout than the signal's.
    for k, spec in enumerate(["d,,,bdt->bdt", "d,,,td->td", "d,,,tbd->tbd", "d,,,bdt->btd", "d,,,btd->dbt"]):
        cases += [case(spec, 65, dynamic="btd" * (k % 2)), case(spec, 200, dynamic="btd" * ((k + 1) % 2))]
    # Initial states, direction and read point, in all combinations.
    for reverse in (False, True):
        for read in ("after", "before"):
            options = {"reverse": reverse, "read": read}
            cases += [case("d,d,d,btd->btd", 67, **options), case("d,d,d,btd->btd", 67, init="db", **options),
                      case("d,,,btd->btd", reverse + 2 * (read == "after"), init="d", dynamic="t", **options),
                      case(s4d, 130, complex="abch", init="bhn", projection="twice_real", dynamic="t", **options)]
    if dtype == "f64":
        return cases + [case(s4d, 130, complex="abc"), case(s5, 130, complex="abcu", dynamic="tnio")]
    # Sharing: one transition for all, one signal for all, a single channel.
    cases += [case(spec, 100) for spec in [",,,btd->btd", "d,,,t->td", ",,,t->t", "b,,,btd->btd", "d,d,d,bt->btd"]]
    # Widths around those of vectors.
    cases += [case("d,d,,btd->btd", 100, d=d, dynamic=dynamic) for d, dynamic in (
        (1, ""), (7, "d"), (15, ""), (16, "d"), (17, ""), (33, "d"), (64, ""))]
    # Single-input (S4D) and multi-input (S5) models, real and complex.
    for k, complex in enumerate(("", "abc", "abcu", "a", "c", "u")):
        cases += [case(s4d, 130, complex=complex, dynamic="bt" * (k == 1)), case(s5, 130, complex=complex)]
    cases += [case(s4d, 130, complex="abc", projection="real", dynamic="bthn"),
              case(s5, 130, complex="abcu", projection="twice_real", dynamic="tnio")]
    cases += [case("hn,,hn,bth->bth", 70), case("hn,hn,,bth->bthn", 70, complex="a"), case("n,n,,bt->btn", 70),
              case("hn,hn,,bth->bthn", 70, complex="a", projection="real", final="nbh"),
              case("d,,,btd->btd", 50, complex="h", init="bd")]
    return cases


def varying(dtype):
    """A, B or C varies with time: the scans are legal."""
    case = make({"b": 2, "d": 3, "h": 5, "n": 3, "p": 2, "k": 4, "v": 3}, dtype)
    mamba1, mamba2 = "bthn,bthn,btn,bth->bth", "bth,btn,btn,bthp->bthp"
    retention, gated = "h,bthk,bthk,bthv->bthv", "bthk,bthk,bthk,bthv->bthv"
    cases = [case("btd,,,btd->btd", n, b=1 if n > 4096 else 2) for n in LENGTHS]
    cases += [case("td,td,td,td->td", n, dynamic="td") for n in (LENGTHS if dtype == "f32" else (0, 1, 65, 1000))]
    for reverse in (False, True):
        for read in ("after", "before"):
            options = {"reverse": reverse, "read": read}
            cases += [case("btd,btd,btd,btd->btd", 67, init="db", **options),
                      case("btd,,,btd->btd", reverse + 2 * (read == "after"), init="d", dynamic="t", **options)]
    cases += [case(mamba2, 129, init="bhnp", final="hbpn", dynamic="t"), case(mamba1, 150, dynamic="bth", reverse=True)]
    if dtype == "f64":
        return cases
    for k, spec in enumerate(["bdt,,,bdt->bdt", "td,,,btd->btd", "bt,,,btd->btd", "t,,,td->td", "td,,,d->td",
                              "bdt,,,btd->tbd"]):
        cases += [case(spec, 65, dynamic="td" * (k % 2)), case(spec, 200, dynamic="td" * ((k + 1) % 2))]
    cases += [case("btd,,,btd->btd", 100, d=d, dynamic=dynamic) for d, dynamic in (
        (1, ""), (7, "d"), (16, ""), (17, "d"), (33, ""), (64, "d"))]
    cases += [case(spec, 150) for spec in (mamba1, mamba2, retention, gated)]
    cases += [case(mamba2, 129, reverse=True, read="before", dynamic="bth"),
              case(mamba1, 90, complex="abc", projection="twice_real"), case(gated, 90, complex="a", projection="real"),
              case("d,td,,td->td", 90), case("d,,td,td->td", 90), case("btd,,,btd->btd", 90, complex="a")]
    return cases


@pytest.mark.parametrize("strategy", SCANS + CONVOLUTIONS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_time_invariant(dtype, strategy):
    cases = invariant(dtype)
    if strategy in CONVOLUTIONS:
        # Both make the same kernel: beyond all lengths, each takes every second case,
        # the sum over taps those without the longest.
        first = len(LENGTHS) + (strategy == "fft_conv")
        cases = cases[:len(LENGTHS)] + cases[first::2]
    check(cases, dtype, strategy)


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_time_varying(dtype, strategy):
    check(varying(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_states_side_by_side(dtype, strategy):
    """Squares of channels and states, those left over, and states that are no square."""
    case = make({"b": 2, "h": 48, "n": 20}, dtype)
    cases = [case("hn,hn,hn,bth->bth", length, complex=complex, init="bhn", projection=projection, h=h, n=n)
             for complex, projection in (("", "none"), ("abch", "twice_real"))
             for length, h, n in ((1, 48, 20), (3, 35, 32), (1, 16, 8), (9, 160, 16))]
    cases += [case("bthn,btn,btn,bth->bth", 5, init="bhn", final="hbn"), case("hn,bthn,,bth->bthn", 4, init="bhn"),
              case("hn,hn,hn,bth->bth", 2, complex="abch", init="hn", projection="real", final="bnh", dynamic="bth")]
    check(cases, dtype, strategy)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_one_step_of_many_channels(dtype):
    """Channels that are taken together, those left over, and vectors that are wider than the states are many."""
    case = make({"b": 2, "h": 40, "n": 16}, dtype)
    sizes = ((40, 16, ""), (33, 4, "h"), (20, 2, ""), (16, 8, "b"), (7, 16, "h"), (32, 1, ""), (17, 32, ""))
    cases = [case("hn,hn,hn,bth->bth", 1, init="bhn", h=h, n=n, dynamic=dynamic) for h, n, dynamic in sizes]
    cases += [case("bthn,btn,btn,bth->bth", 1, init="bhn", final="hbn"), case("hn,bthn,,bth->bthn", 1, init="bhn"),
              case("bthn,btn,bthn,bth->tbh", 1, init="hn", read="before", reverse=True), case("nh,n,h,bth->bth", 1)]
    check(cases, dtype, "sequential")


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_more_states_than_registers(dtype, strategy):
    """Steps that are taken together, those left over, and operands with and
    without states in every place."""
    case = make({"b": 2, "h": 3, "n": 33, "k": 64, "v": 35}, dtype)
    retention, gated = "h,bthk,bthk,bthv->bthv", "bthk,bthk,bthk,bthv->bthv"
    specs = (retention, gated, "bthkv,bthk,bthk,bthv->bthv", "bth,btk,bthk,bthv->bvth", "vk,kv,vk,btv->btv",
             ",btvk,btkv,btv->btv", "hk,k,bhtk,bhtv->bhtv")
    cases = [case(spec, length) for spec in specs for length in (1, 3, 8, 21)]
    for reverse in (False, True):
        for read in ("after", "before"):
            options = {"reverse": reverse, "read": read}
            cases += [case(gated, 18, init="bhkv", final="hvbk", dynamic="t", **options),
                      case("bth,bthn,btn,bthv->bthv", 7, init="nv", dynamic="bv", **options),
                      case(retention, 23, complex="abch", init="hk", projection="twice_real", **options)]
    cases += [case(retention, 19, complex=complex) for complex in ("a", "c", "abcu")]
    cases += [case("bthkv,bthk,bthk,bthv->bthv", 10, k=32, v=v) for v in (1, 5, 16, 64)]
    # Rows of states a page apart.
    cases += [case("k,btk,btk,btv->btv", length, k=32, v=1024, init="kv", reverse=reverse)
              for length in (32, 75) for reverse in (False, True)]
    check(cases, dtype, strategy)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_few_channels_in_chunks_of_time(dtype):
    """Transitions that vanish within a chunk and those that do not, chunks of one and of two sizes."""
    case = make({"b": 1, "d": 24}, dtype)
    cases = [case("btd,btd,btd,btd->btd", length, init="bd", reverse=reverse, read=read)
             for length in (32768, 40001) for reverse in (False, True) for read in ("after", "before")]
    cases += [case("td,,,td->td", 50000, d=8), case("d,,,btd->btd", 33000, d=64, init="d")]
    for i, case in enumerate(cases):
        case.inputs["a"][...] *= 0.7 if i % 4 else 0.9
    check(cases, dtype, "sequential")
    for one, two in zip(compute(cases, "sequential"), compute(cases, "sequential", threads=4), strict=True):
        for x, y in zip(one, two, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_rows_that_threads_share(dtype):
    """Results of more than two MiB, in bands of a kilobyte and of less: the same bits as on one thread."""
    case = make({"d": 1024}, dtype)
    cases = [case("td,,,td->td", 530, init="d", reverse=reverse, read=read, complex=complex)
             for reverse in (False, True) for read, complex in (("after", ""), ("before", "auh"))]
    cases += [case("btd,,,btd->btd", 2750, b=1, d=192), case("d,td,,td->td", 4200, d=256, complex="u")]
    one = compute(cases, "sequential")
    missed = [error for case, results in zip(cases, one, strict=True)
              for error in case.errors(results, dtype, "sequential")]
    assert not missed, "\n".join(missed)
    for threads in (2, 4):
        for expected, found in zip(one, compute(cases, "sequential", threads=threads), strict=True):
            for x, y in zip(expected, found, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 100, 16383, 40000])
def test_poison_stays_behind_its_chunk(poison, at):
    """What is no number before the tail of a chunk, and in it."""
    cases = [Recurrence("td,,,td->td", {"t": 49152, "d": 16}, reverse=reverse) for reverse in (False, True)]
    for case in cases:
        case.inputs["a"][...] = np.abs(case.inputs["a"]) + 2.0**-10
        case.inputs["u"][at, 3] = poison
    for case, (y, final) in zip(cases, compute(cases, "sequential"), strict=True):
        behind, before = (slice(at + 1), slice(at + 1, None)) if case.reverse else (slice(at, None), slice(at))
        assert not np.isfinite(y[behind, 3]).any() and not np.isfinite(final[3])
        assert np.isfinite(y[before, 3]).all() and np.isfinite(np.delete(y, 3, axis=1)).all()


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_states_of_computed_transitions(strategy, direction):
    """x = exp(dt A) x + b u, y = c x, as Mamba's: 16 states whose steps are taken together, those left over, and 12."""
    text = """
#td = affine_map<(t, d, n) -> (t, d)>
#tn = affine_map<(t, d, n) -> (t, n)>
#dn = affine_map<(t, d, n) -> (d, n)>
#tdn = affine_map<(t, d, n) -> (t, d, n)>
func.func @f(%dt: tensor<LxDxf32>, %A: tensor<DxNxf32>, %b: tensor<LxNxf32>, %c: tensor<LxNxf32>, %u: tensor<LxDxf32>) -> (tensor<LxDxf32>, tensor<DxNxf32>) {
  %empty = tensor.empty() : tensor<LxDxNxf32>
  %a = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<LxDxf32>, tensor<DxNxf32>) outs(%empty : tensor<LxDxNxf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %0 = arith.mulf %p, %q : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<LxDxNxf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<LxDxNxf32>) signal(%u : tensor<LxDxf32>)
      input(%b : tensor<LxNxf32>) output(%c : tensor<LxNxf32>)
      {indexing_maps = [#tdn, #td, #tn, #tn, #td, #dn], time = 0 : i64, direction = #ssm.direction<DIRECTION>}
      -> tensor<LxDxf32>, tensor<DxNxf32>
  return %y, %x : tensor<LxDxf32>, tensor<DxNxf32>
}"""
    rng = np.random.default_rng(5)
    # Tiles in whole and in part, and rows of states a page apart.
    for L, D, N in ((1, 48, 16), (3, 7, 16), (75, 40, 16), (75, 40, 12), (40, 1024, 16)):
        sizes = {"L": L, "D": D, "N": N}
        shaped = re.sub(r"(?<=[<x])[LDN](?=x)", lambda dim: str(sizes[dim[0]]), text.replace("DIRECTION", direction))
        dt, A = rng.uniform(0.001, 0.1, (L, D)), -rng.uniform(0.5, 16, (D, N))
        inputs = [np.float32(v) for v in (dt, A, *rng.standard_normal((2, L, N)), rng.standard_normal((L, D)))]
        y, x = run(shaped, *inputs, strategy=strategy)
        dt, A, b, c, u = (v.astype(np.float64) for v in inputs)
        want, scale, state = np.zeros((L, D)), np.zeros((L, D)), np.zeros((D, N))
        for t in range(L) if direction == "forward" else reversed(range(L)):
            state = np.exp(dt[t, :, None] * A) * state + b[t] * u[t, :, None]
            want[t], scale[t] = state @ c[t], np.abs(state) @ np.abs(c[t])
        assert norm(y - want) <= 4e-7 * norm(scale) and norm(x - state) <= 4e-7 * norm(state)


@pytest.mark.parametrize("dtype,unit", [("f16", 2.0**-11), ("bf16", 2.0**-8)])
def test_more_states_of_half_precision(dtype, unit):
    cases = [Recurrence(spec, {"b": 2, "t": 21, "h": 3, "k": 64, "v": 35}, dtype, read=read)
             for spec in ("h,bthk,bthk,bthv->bthv", "bthkv,bthk,bthk,bthv->bthv", "bth,btk,bthk,bthv->bvth")
             for read in ("after", "before")]
    for case, (y, final) in zip(cases, compute(cases, "sequential"), strict=True):
        want, last = case.oracle
        assert norm(y.astype(float) - want) <= (unit + 4e-7) * norm(want), case.name
        assert norm(final - last) <= 4e-7 * case.scales()[1], case.name


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_large_complex_results(dtype):
    """More than two MiB: written past the caches, on two threads too."""
    case = make({"b": 2, "d": 320}, dtype)("btd,,,btd->btd", 500, complex="a")
    for threads in (1, 2):
        (results,) = compute([case], "sequential", threads)
        assert not case.errors(results, dtype, "sequential")


@pytest.mark.parametrize("strategy", SCANS + CONVOLUTIONS)
@pytest.mark.parametrize("dtype,unit", [("f32", 2.0**-24), ("bf16", 2.0**-8)])
def test_a_transition_in_f64_makes_the_state_f64(dtype, unit, strategy):
    """Decays of 10^4 steps, which f32 cannot hold: a result is rounded to the
    signal's type once, and the last state is as exact as f64."""
    def case(spec, complex="", **options):
        sizes = {"b": 2, "t": 3000, "d": 17, "h": 3, "n": 2}
        one = Recurrence(spec, {k: v for k, v in sizes.items() if k in spec}, dtype, complex,
                         wide="a" + "".join(k for k in "bc" if k in complex), **options)
        a = one.inputs["a"]
        one.inputs["a"] = a / np.abs(a) * np.random.default_rng(0).uniform(0.9998, 0.9999, a.shape)
        return one
    cases = [case("d,,,btd->btd"), case("d,,,bdt->bdt", dynamic="t"), case("d,d,d,btd->btd", init="bd", reverse=True),
             case("hn,hn,hn,bth->bth", complex="abch", init="bhn", projection="twice_real")]
    if strategy in SCANS:
        cases += [case("btd,,,btd->btd"), case("bhtn,btn,btn,bth->bth", complex="ah", init="bhn", projection="real")]
    for one, (y, final) in zip(cases, compute(cases, strategy), strict=True):
        want, last = one.oracle
        slack = 1e-6 if strategy in CONVOLUTIONS else 1e-9
        assert norm(y - want) <= (unit + slack) * norm(want), one.name
        assert norm(final - last) <= 1e-13 * one.scales()[1], one.name


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype,unit", [("f16", 2.0**-11), ("bf16", 2.0**-8)])
def test_half_precision_rounds_once(dtype, unit, strategy):
    """The state is f32: a result is off by the rounding of one half-precision
    number at most, beside what f32 states are off by."""
    cases = [Recurrence(spec, {"b": 2, "t": length, "d": 17}, dtype)
             for spec in ("d,,,btd->btd", "bdt,,,bdt->bdt", "btd,btd,btd,bdt->bdt") for length in (1, 65, 1000)]
    for case, (y, final) in zip(cases, compute(cases, strategy), strict=True):
        want, last = case.oracle
        scale = np.sqrt(np.mean(case.states.astype(float) ** 2))
        assert np.all(np.abs(y.astype(float) - want) <= unit * np.abs(want) + 2e-6 * scale), case.name
        assert np.linalg.norm(final - last) <= 4e-7 * case.scales()[1], case.name


@pytest.mark.parametrize("strategy,factor", [("sequential", 1.1), ("tree_scan", 4)])
def test_slow_decay_is_as_exact_as_a_fused_loop(strategy, factor):
    """|a| = 0.999 in all channels, where rounding accumulates most. The tree
    also carries the rounding of a^leaf into every leaf."""
    case = Recurrence("d,,,td->td", {"t": 4096, "d": 67})
    a = case.inputs["a"] = np.full_like(case.inputs["a"], 0.999)
    want, x = case.oracle[0], np.zeros_like(a)
    loop = np.empty_like(case.inputs["u"])
    for t, u in enumerate(case.inputs["u"]):
        loop[t] = x = (a.astype(float) * x + u).astype(np.float32)
    y, _ = compute([case], strategy)[0]
    assert np.linalg.norm(y - want) <= factor * np.linalg.norm(loop - want)


def exact_cases(invariant_only):
    """Integers under a in {0, 1, -1, 1/2}: every intermediate result is a
    number of at most 24 bits, whatever the order of the operations."""
    rng = np.random.default_rng(7)
    cases = []
    for strategy in ("", "tree_scan, leaf = 1", "tree_scan, leaf = 4"):
        for length, values in ((12, [0, 1, -1, 0.5]), (1000, [0, 1, -1])):
            for spec in ["d,d,d,btd->btd"] + ["btd,,,btd->btd"] * (not invariant_only):
                case = Recurrence(spec, {"b": 2, "t": length, "d": 19}, init="bd", strategy=strategy,
                                  reverse=length == 12, dynamic="t")
                case.inputs = {k: rng.choice(values, x.shape).astype(np.float32) if k == "a"
                               else rng.integers(-3, 4, x.shape).astype(np.float32)
                               for k, x in case.inputs.items()}
                cases.append(case)
    return cases


@pytest.mark.parametrize("strategy", SCANS + ["direct_conv"])
def test_exact_arithmetic_gives_the_same_bits(strategy):
    cases = exact_cases(strategy == "direct_conv")
    asked = [case for case in cases if not case.strategy]
    batches = [(asked, strategy)]
    if strategy == "tree_scan":
        batches.append(([case for case in cases if case.strategy], None))
    for batch, forced in batches:
        for case, results in zip(batch, compute(batch, forced), strict=True):
            for got, want in zip(results, case.oracle, strict=True):
                np.testing.assert_array_equal(got, want, err_msg=case.name)


@pytest.mark.parametrize("strategy", SCANS + ["direct_conv"])
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_poison_reaches_no_earlier_output_and_no_other_channel(strategy, poison):
    cases, dirty, at = [], [], 70
    for reverse in (False, True):
        for spec in ["d,,,btd->btd", "d,d,d,bdt->bdt"] + ["btd,,,btd->btd"] * (strategy in SCANS):
            options = {"sizes": {"b": 2, "t": 150, "d": 18}, "reverse": reverse, "numerics": "strict"}
            clean, other = Recurrence(spec, **options), Recurrence(spec, **options)
            signal = other.inputs["u"] = clean.inputs["u"].copy()
            axis = other.letters["u"].index("t")
            np.moveaxis(signal, axis, 1)[1, at, 5] = poison
            cases.append(clean)
            dirty.append(other)
    for case, (y, _), (z, _) in zip(cases, compute(cases, strategy), compute(dirty, strategy), strict=True):
        y, z = (np.moveaxis(v, case.y.index("t"), 1) for v in (y, z))
        before = slice(at + 1, None) if case.reverse else slice(None, at)
        assert not np.isfinite(z[1, at, 5]), case.name
        np.testing.assert_array_equal(z[1, before, 5], y[1, before, 5], err_msg=case.name)
        y[1, :, 5] = z[1, :, 5] = 0
        np.testing.assert_array_equal(z, y, err_msg=case.name)


@pytest.mark.parametrize("strategy", SCANS + CONVOLUTIONS)
def test_threads_do_not_change_a_bit(strategy):
    cases = [Recurrence(spec, {"t": 5000, "b": 2, "d": 37, "n": 3}, "f32", complex)
             for spec, complex in (("d,,,btd->btd", ""), ("dn,dn,dn,btd->btd", "abc"))]
    for one, two in zip(compute(cases, strategy), compute(cases, strategy, threads=2), strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("strategy", SCANS)
def test_arithmetic_on_whole_tensors_around_it(strategy):
    """x = exp(g) x + g u, y = x u with arith and math ops on tensors, as a frontend writes them."""
    text = """
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @f(%g: tensor<?x8xf64>, %u: tensor<?x8xf64>) -> tensor<?x8xf64> {
  %a = math.exp %g : tensor<?x8xf64>
  %s = arith.mulf %g, %u : tensor<?x8xf64>
  %x, %l = ssm.linear_recurrence transition(%a : tensor<?x8xf64>) signal(%s : tensor<?x8xf64>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<?x8xf64>, tensor<8xf64>
  %y = arith.mulf %x, %u : tensor<?x8xf64>
  return %y : tensor<?x8xf64>
}"""
    rng = np.random.default_rng(3)
    g, u = -rng.exponential(size=(70, 8)), rng.standard_normal((70, 8))
    (y,) = run(text, g, u, strategy=strategy)
    x = np.zeros(8)
    for t in range(70):
        x = np.exp(g[t]) * x + g[t] * u[t]
        np.testing.assert_allclose(y[t], x * u[t], rtol=1e-12)
