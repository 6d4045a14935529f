"""Transitions that mix the state: dense, and diagonal plus low rank."""

import numpy as np
import pytest
from mixing_text import Mixing
from mlir_text import bar, check, compute, norm

LENGTHS = [0, 1, 2, 3, 63, 64, 65, 300]
SIZES = {"b": 2, "h": 3, "n": 5, "v": 4, "i": 3, "o": 6, "r": 2}


def case(spec, length, dtype, more=None, **options):
    letters = set(spec) | set(options.get("p", ""))
    sizes = {k: v for k, v in (SIZES | (more or {})).items() if k in letters} | {"t": length}
    if column := options.get("column"):
        sizes[column] = sizes["n"]
    return Mixing(spec, sizes, dtype, **options)


def dense(dtype):
    """Constant and time-varying A; states out, read by C, driven by B."""
    options = {"column": "m"}
    cases = [case("nm,,,btn->btn", n, dtype, **options) for n in LENGTHS]
    cases += [case("tnm,,,tn->tn", n, dtype, start=True, dynamic="t", **options) for n in LENGTHS]
    cases += [case(spec, 130, dtype, **options) for spec in (
        "hnm,hn,hn,bth->bth", "mn,n,n,bt->bt", "btnm,btn,btn,bt->bt", "nm,ni,on,bti->bto", "hnm,,,bnth->bnth",
        "thnm,thn,thn,thv->thv", "thnm,,,thn->thn")]
    # A channel's steps side by side: channel by channel.
    cases += [case("bhtnm,,,bhtn->bhtn", n, dtype, start=True, reverse=n > 64, dynamic="h" if n == 65 else "", **options)
              for n in LENGTHS]
    cases += [case("htnm,,,htn->htn", 130, dtype, complex=c, **options) for c in ("a", "au")]
    cases += [case("hnm,hn,hn,bth->bth", 130, dtype, complex=c, start="h" in c, **options) for c in ("a", "abc", "u", "ch")]
    cases += [case("nm,,,btn->btn", 70, dtype, reverse=True, read=read, start=True, **options) for read in ("after", "before")]
    cases += [case("hnm,hn,hn,bth->bth", 70, dtype, complex="abc", projection="twice_real", dynamic="bthnm", **options)]
    return cases


def low_rank(dtype):
    """S4's constant A and the delta rule's; rank 1 and 2; matrix states."""
    one, two = {"p": "n", "q": "n"}, {"p": "nr", "q": "rn"}
    cases = [case("n,n,n,bt->bt", n, dtype, **one) for n in LENGTHS]
    cases += [case("tn,tn,tn,tv->tv", n, dtype, p="tn", q="tn", dynamic="t") for n in LENGTHS]
    cases += [case("hn,hn,hn,bth->bth", 130, dtype, p="hn", q="hn", complex=c, projection=p, start=s)
              for c, p, s in (("", "none", True), ("abcpq", "twice_real", False), ("q", "real", True), ("p", "none", False))]
    cases += [case("n,,,btn->btn", 130, dtype, **two), case("btn,btn,btn,btv->btv", 90, dtype, p="btnr", q="btnr"),
              case("bt,btn,btn,btv->btv", 90, dtype, p="btn", q="btn", start=True, final="nvb"),
              case("n,ni,on,bti->bto", 90, dtype, complex="apq", **two)]
    cases += [case("tn,tn,tn,tv->tv", 70, dtype, p="tn", q="tn", reverse=True, read=read) for read in ("after", "before")]
    return cases


def matrices(dtype):
    """Matrix states with updates of rank one, more rows than registers hold: delta rules. The columns fill no tile."""
    def matrix(spec, length=40, v=37, **options):
        return case(spec, length, dtype, {"n": 12, "v": v}, **{"p": "tn", "q": "tn", **options})
    cases = [matrix("tn,tn,tn,tv->tv", v=v) for v in (1, 4, 16, 64, 100, 150)]
    cases += [matrix("tn,tn,tn,tv->tv", length) for length in (0, 1, 2)]
    cases += [matrix("tn,tn,tn,tv->tv", reverse=r, read=read, start=True) for r in (False, True) for read in ("after", "before")]
    cases += [matrix("tn,tn,tn,tv->tv", complex=c, projection=p, start=s)
              for c, p, s in (("abcpqu", "none", True), ("abcpq", "twice_real", False), ("q", "real", True), ("p", "none", False))]
    cases += [matrix("btn,btn,btn,btv->btv", p="btn", q="btn", dynamic="btnv", start=True), matrix("n,n,n,btv->btv", p="n", q="n"),
              matrix("bt,btn,btn,btv->btv", p="btn", q="btn", start=True, final="nvb"),
              matrix("btnv,btn,btnv,btv->btv", p="btnv", q="btnv")]
    return cases


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("structure", [dense, low_rank, matrices])
def test_equals_the_equation(structure, dtype, strategy):
    check(structure(dtype), dtype, strategy)


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_convolves_with_a_krylov_kernel(dtype, strategy):
    cases = [case("hnm,hn,hn,bth->bth", n, dtype, column="m") for n in LENGTHS]
    cases += [case("n,n,n,bt->bt", n, dtype, p="n", q="n", start=True) for n in (1, 65, 300)]
    cases += [case("hn,hn,hn,bth->bth", 130, dtype, p="hnr", q="hnr", complex="abcpq", projection="twice_real", start=s)
              for s in (False, True)]
    cases += [case("hnm,hn,hn,bth->bth", 130, dtype, column="m", dynamic="bthnm", reverse=True, start=True),
              case("nm,ni,on,bti->bto", 90, dtype, column="m")]
    if strategy == "fft_conv":
        cases = [c for c in cases if "i" not in c.sizes]
    check([c for c in cases if "i" not in c.sizes], dtype, strategy)


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
def test_matrices_that_do_not_commute(strategy):
    """(A_i A_j, ...) instead of (A_j A_i, ...) would be far off."""
    one = case("tnm,,,tn->tn", 200, "f64", column="m", start=True, strategy="tree_scan, leaf = 4")
    (y, final), = compute([one], None if strategy == "tree_scan" else strategy)
    want, last = one.oracle
    assert norm(y - want) <= bar("f64", strategy) * norm(want)
    # The same numbers with the products of the tree the wrong way round.
    a, u = (one.inputs[k].astype(np.longdouble) for k in "au")
    swapped, state = np.eye(5, dtype=np.longdouble), one.inputs["h"].astype(np.longdouble)
    for t in range(4):
        swapped = swapped @ a[t]
        state = a[t] @ state
    assert norm(swapped @ one.inputs["h"] - state) > 0.1 * norm(state)


def whole_numbers(rng, name, shape, few):
    """Signed permutations for a dense A; 0, 1, -1, 1/2 on a diagonal, and sparse factors; integers for the rest."""
    if name == "a" and few:
        return rng.choice([0, 1, -1, 0.5], shape)
    if name == "a":
        *leading, n, _ = shape
        order = np.argsort(rng.random([*leading, n]), axis=-1)
        return np.eye(n)[order] * rng.choice([1, -1], [*leading, n, 1])
    return rng.choice([0, 0, 1, -1], shape) if name in "pq" else rng.integers(-3, 4, shape)


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan", "direct_conv"])
def test_exact_arithmetic_gives_the_same_bits(strategy):
    """Every intermediate result is a number of few bits, whatever the order of the operations."""
    tree = {"strategy": "tree_scan, leaf = 4"} if strategy == "tree_scan" else {}
    cases = [case("nm,n,n,bt->bt", length, "f32", column="m", start=True, **tree) for length in (1, 12, 300)]
    cases += [case("n,n,n,bt->bt", 8, "f32", p="n", q="n", start=True, **tree)]
    if strategy != "direct_conv":
        cases += [case("tnm,,,tn->tn", 300, "f32", column="m", start=True, reverse=True, **tree),
                  case("tn,tn,tn,tv->tv", 8, "f32", p="tn", q="tn", **tree)]
    for seed, one in enumerate(cases):
        rng = np.random.default_rng(seed)
        one.inputs = {k: whole_numbers(rng, k, x.shape, few=bool(one.p)).astype(np.float32) for k, x in one.inputs.items()}
    for one, results in zip(cases, compute(cases, None if tree else strategy), strict=True):
        for got, want in zip(results, one.oracle, strict=True):
            np.testing.assert_array_equal(got, want, err_msg=one.name)
