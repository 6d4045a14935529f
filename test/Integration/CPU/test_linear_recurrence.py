"""ssm.linear_recurrence: every legal strategy equals the float64 oracle."""

import numpy as np
import pytest
from mlir_text import Recurrence, check, compute

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 1000, 4096, 65536]
SCANS = ["sequential", "tree_scan"]
CONVOLUTIONS = ["fft_conv", "direct_conv"]


def sizes(length, **others):
    return {"t": length, **others}


def invariant(dtype):
    """A, B and C are time-invariant: every strategy is legal."""
    def case(spec, length, complex="", **options):
        names = {"b": 2, "d": 3, "h": 5, "n": 3, "i": 4, "o": 7, "p": 2}
        used = {k: v for k, v in names.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Recurrence(spec, sizes(length, **used), dtype, complex, **options)

    cases = [case("d,,,btd->btd", n, b=1 if n > 4096 else 2) for n in LENGTHS]
    cases += [case("n,n,n,t->t", n, complex="abc", projection="twice_real", dynamic="t") for n in LENGTHS]
    # Layouts, and results in another layout than the signal's.
    for spec in ["d,,,bdt->bdt", "d,,,td->td", "d,,,tbd->tbd", "d,,,bdt->btd", "d,,,btd->dbt"]:
        cases += [case(spec, n, dynamic=dynamic) for n in (65, 1000) for dynamic in ("", "btd")]
    # Sharing: one transition for all, one signal for all, a single channel.
    cases += [case(spec, 100) for spec in [",,,btd->btd", "d,,,t->td", ",,,t->t", "b,,,btd->btd", "d,d,d,bt->btd"]]
    # Widths around those of vectors.
    cases += [case("d,d,,btd->btd", 100, d=d) for d in (1, 7, 8, 15, 16, 17, 33, 64)]
    cases += [case("d,d,d,bdt->bdt", 65, b=b, d=d, dynamic="d") for b, d in ((1, 1), (3, 5), (17, 1))]
    # Single-input (S4D) and multi-input (S5) models, real and complex.
    for complex in ("", "abc", "abcu", "a", "c", "u"):
        cases += [case("hn,hn,hn,bth->bth", 130, complex=complex, dynamic="bt"),
                  case("n,ni,on,bti->bto", 130, complex=complex)]
        if complex:
            cases += [case("hn,hn,hn,bth->bth", 130, complex=complex, projection="real"),
                      case("n,ni,on,bti->bto", 130, complex=complex, projection="twice_real", dynamic="tnio")]
    cases += [case("hn,,hn,bth->bth", 70), case("hn,hn,,bth->bthn", 70, complex="a"), case("n,n,,bt->btn", 70),
              case("hn,hn,,bth->bthn", 70, complex="a", projection="real", final="nbh")]
    # Initial states, direction and read point, in all combinations.
    for reverse in (False, True):
        for read in ("after", "before"):
            for init in (None, "bd", "db", "d"):
                cases.append(case("d,d,d,btd->btd", 67, reverse=reverse, read=read, init=init))
            cases.append(case("hn,hn,hn,bth->bth", 200, complex="abch", init="bhn", projection="twice_real",
                              reverse=reverse, read=read, dynamic="bthn"))
            cases += [case("d,,,btd->btd", n, init="bd", reverse=reverse, read=read, dynamic="t") for n in (0, 1, 2)]
    cases.append(case("d,,,btd->btd", 50, complex="h", init="bd"))
    return cases


def varying(dtype):
    """A, B or C varies with time: the scans are legal."""
    def case(spec, length, complex="", **options):
        names = {"b": 2, "d": 3, "h": 5, "n": 3, "p": 2, "k": 4, "v": 3}
        used = {k: v for k, v in names.items() if k in spec}
        used.update((k, options.pop(k)) for k in list(options) if len(k) == 1)
        return Recurrence(spec, sizes(length, **used), dtype, complex, **options)

    mamba1, mamba2 = "bthn,bthn,btn,bth->bth", "bth,btn,btn,bthp->bthp"
    retention, gated = "h,bthk,bthk,bthv->bthv", "bthk,bthk,bthk,bthv->bthv"
    cases = [case("btd,,,btd->btd", n, b=1 if n > 4096 else 2) for n in LENGTHS]
    cases += [case("td,td,td,td->td", n, dynamic="td") for n in LENGTHS]
    for spec in ["bdt,,,bdt->bdt", "td,,,btd->btd", "bt,,,btd->btd", "t,,,td->td", "td,,,d->td", "bdt,,,btd->tbd"]:
        cases += [case(spec, n, dynamic=dynamic) for n in (65, 1000) for dynamic in ("", "td")]
    cases += [case("btd,,,btd->btd", 100, d=d) for d in (1, 7, 8, 15, 16, 17, 33, 64)]
    for spec in (mamba1, mamba2, retention, gated):
        cases += [case(spec, 150), case(spec, 150, dynamic="bth", reverse=True, read="before")]
    cases += [case(mamba1, 90, complex="abc", projection="twice_real"), case(gated, 90, complex="a", projection="real"),
              case("d,td,,td->td", 90), case("d,,td,td->td", 90), case("btd,,,btd->btd", 90, complex="a")]
    for reverse in (False, True):
        for read in ("after", "before"):
            for init in (None, "bd", "d"):
                cases.append(case("btd,btd,btd,btd->btd", 67, reverse=reverse, read=read, init=init))
            cases.append(case(mamba2, 129, init="bhnp", final="hbpn", reverse=reverse, read=read, dynamic="t"))
            cases += [case("btd,,,btd->btd", n, init="bd", reverse=reverse, read=read, dynamic="t") for n in (0, 1, 2)]
    return cases


@pytest.mark.parametrize("strategy", SCANS + CONVOLUTIONS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_time_invariant(dtype, strategy):
    check(invariant(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_time_varying(dtype, strategy):
    check(varying(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", SCANS)
@pytest.mark.parametrize("dtype,unit", [("f16", 2.0**-11), ("bf16", 2.0**-8)])
def test_half_precision_rounds_once(dtype, unit, strategy):
    """The state is f32, so a result is the oracle's, rounded: off by one unit
    at most, and for states (which only f32 holds) as exact as in f32."""
    cases = [Recurrence(spec, {"b": 2, "t": length, "d": 17}, dtype)
             for spec in ("d,,,btd->btd", "btd,btd,btd,bdt->bdt") for length in (1, 65, 1000)]
    for case, (y, final) in zip(cases, compute(cases, strategy), strict=True):
        want, last = case.oracle
        assert y.shape == want.shape
        assert np.max(np.abs(y.astype(float) - want) / np.abs(want)) <= 1.01 * unit, case.name
        assert np.linalg.norm(final - last) <= 4e-7 * np.linalg.norm(last), case.name


def exact_cases(invariant_only):
    """Integers under a in {0, 1, -1, 1/2}: every intermediate result is a
    number of at most 24 bits, whatever the order of the operations."""
    rng = np.random.default_rng(7)
    cases = []
    for strategy in ("", "tree_scan, leaf = 1", "tree_scan, leaf = 4", "tree_scan, leaf = 32"):
        for length, values in ((12, [0, 1, -1, 0.5]), (1000, [0, 1, -1])):
            for spec in ["d,d,d,btd->btd", "d,,,bdt->bdt"] + ["btd,btd,btd,btd->btd"] * (not invariant_only):
                case = Recurrence(spec, {"b": 2, "t": length, "d": 19}, init="bd", strategy=strategy,
                                  reverse=spec[1] == ",", dynamic="t")
                case.inputs = {k: rng.choice(values, x.shape).astype(np.float32) if k == "a"
                               else rng.integers(-3, 4, x.shape).astype(np.float32)
                               for k, x in case.inputs.items()}
                cases.append(case)
    return cases


@pytest.mark.parametrize("strategy", SCANS + ["direct_conv"])
def test_exact_arithmetic_gives_the_same_bits(strategy):
    cases = [case for case in exact_cases(strategy == "direct_conv")
             if not case.strategy or strategy == "tree_scan"]
    # A strategy in the program is kept; the others get the one asked for.
    for case, results in zip(cases, compute(cases, strategy), strict=True):
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
    cases = [Recurrence(spec, sizes(5000, b=2, d=37, n=3), "f32", complex)
             for spec, complex in (("d,,,btd->btd", ""), ("dn,dn,dn,btd->btd", "abc"))]
    for one, two in zip(compute(cases, strategy), compute(cases, strategy, threads=2), strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
