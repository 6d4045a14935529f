"""Functions of several kernels: products of matrices around scans, as in S5 and
the LRU, and two recurrences, against the NumPy oracle.

Every barrier is needed: without it the emulator sees a race.
"""

import numpy as np
import pytest
from emulator import BARRIER, emulate, run_case, run_seeds
from mlir_text import Recurrence

S5 = "n,ni,on,bti->bto"
COMPLEX = dict(complex="abc", projection="twice_real")

CASES = [
    # Sizes that fill no tile, access or chunk; and whole ones.
    Recurrence(S5, {"b": 2, "t": 70, "n": 5, "i": 3, "o": 7}, init="bn", **COMPLEX),
    Recurrence(S5, {"b": 2, "t": 129, "n": 40, "i": 24, "o": 72}, reverse=True, complex="abc", projection="real"),
    Recurrence(S5, {"b": 1, "t": 128, "n": 128, "i": 64, "o": 64}, final="bn", **COMPLEX),
    *(Recurrence(S5, {"b": 1, "t": t, "n": 3, "i": 3, "o": 1}) for t in (0, 1, 65)),
    Recurrence(S5, {"b": 2, "t": 50, "n": 12, "i": 8, "o": 4}, dtype="f64", dynamic="bt", **COMPLEX),
    Recurrence(S5, {"b": 2, "t": 50, "n": 12, "i": 8, "o": 4}, read="before", init="bn", complex="abcuh", dynamic="bt"),
    # Time last, first, or between; a transition of each batch; two dimensions that are summed.
    Recurrence("n,ni,on,bit->bot", {"b": 2, "t": 66, "n": 12, "i": 8, "o": 4}, dynamic="bt", **COMPLEX),
    Recurrence("bn,ni,on,tbi->tbo", {"b": 2, "t": 66, "n": 12, "i": 8, "o": 8}, complex="abcu"),
    Recurrence("n,nij,on,btij->bto", {"b": 1, "t": 66, "n": 12, "i": 5, "j": 8, "o": 8}),
    Recurrence("hn,hni,hon,bhti->bhto", {"b": 2, "h": 2, "t": 30, "n": 12, "i": 8, "o": 8}, **COMPLEX),
]
ONE_SIDE = [
    Recurrence("n,ni,,bti->btn", {"b": 2, "t": 66, "n": 12, "i": 8}),
    Recurrence("n,,on,btn->bto", {"b": 2, "t": 66, "n": 12, "o": 8}, read="before", init="bn"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_reference(case):
    results, report = run_case(case, seed=3)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["races"] == 0
    assert report["launch"]["kernel"] == "matrix_product, row_scan, matrix_product"


@pytest.mark.parametrize("case", ONE_SIDE, ids=lambda case: case.name)
def test_scans_in_the_layout_that_is_given(case):
    """Where only one side is a product, the other one's layout is that of states."""
    results, report = run_case(case, seed=3)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["races"] == 0 and "column_scan" in report["launch"]["kernel"]


def test_few_rows_look_back():
    """Whose words another kernel has zeroed, since the workspace holds what is between kernels too; rows of three tiles, in any schedule."""
    case = Recurrence(S5, {"b": 1, "t": 4100, "n": 1, "i": 1, "o": 1}, **COMPLEX)
    for seed, (results, report) in enumerate(run_seeds(case, range(1, 101)), start=1):
        assert not case.errors(results, case.dtype, "tree_scan"), f"seed {seed}"
        assert report["races"] == 0 and report["polls"] > 0, f"seed {seed}"
        assert report["launch"]["kernel"] == "matrix_product, clear, look_back, matrix_product"
        assert not report["launch"]["workspace_zero"]
    assert seed == 100


def test_rows_look_back_beside_each_other():
    case = Recurrence(S5, {"b": 1, "t": 5000, "n": 4, "i": 8, "o": 4}, **COMPLEX)
    for results, report in run_seeds(case, range(5)):
        assert not case.errors(results, case.dtype, "tree_scan")
        assert report["races"] == 0 and report["polls"] > 0
        assert "look_back" in report["launch"]["kernel"]


@pytest.mark.parametrize("dtype, bound", [("f16", 2e-3), ("bf16", 1.6e-2)])
def test_narrow_storage(dtype, bound):
    """What a product sums is rounded to 2^-11 or 2^-8, as the language has it, and so is what is stored."""
    case = Recurrence(S5, {"b": 1, "t": 66, "n": 16, "i": 16, "o": 16}, dtype=dtype)
    (y, _), report = run_case(case)
    want, _ = case.oracle
    assert np.linalg.norm(y.astype(float) - want) <= bound * np.linalg.norm(want)
    assert report["races"] == 0


@pytest.mark.parametrize("t, reverse", [(128, False), (117, False), (117, True)])
def test_moves_whole_sectors(t, reverse):
    """Also of a length that is no multiple of an access: what is between kernels has rows that begin with lines."""
    _, report = run_case(Recurrence(S5, {"b": 2, "t": t, "n": 32, "i": 64, "o": 64}, reverse=reverse, final="bn", **COMPLEX))
    traffic, shared = report["global"], report["shared"]
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


def test_deleted_barriers_are_races():
    case = Recurrence(S5, {"b": 1, "t": 64, "n": 40, "i": 40, "o": 8}, **COMPLEX)
    texts = []
    run_case(case, edit=lambda text: texts.append(text) or text)
    count = len(BARRIER.findall(texts[0]))
    assert count == 2 + 1 + 2
    for which in range(count):
        def without(kernel):
            call = list(BARRIER.finditer(kernel))[which]
            return kernel[:call.start()] + kernel[call.end():]
        _, report = run_case(case, seed=1, edit=without)
        assert report["races"] > 0, f"barrier {which}"


def test_products_of_any_form():
    """A product that is written with matmul, its factor computed on the way."""
    x, w = (np.random.default_rng(2).standard_normal(shape).astype(np.float32) for shape in ((70, 8), (8, 12)))
    a = np.linspace(0.5, 0.9, 12).astype(np.float32)
    (y,), report = emulate("""
#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>
func.func @f(%a: tensor<12xf32>, %x: tensor<?x8xf32>, %w: tensor<8x12xf32>) -> tensor<?x12xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x12xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x12xf32>) -> tensor<?x12xf32>
  %half = arith.addf %w, %w : tensor<8x12xf32>
  %v = linalg.matmul ins(%x, %half : tensor<?x8xf32>, tensor<8x12xf32>) outs(%f : tensor<?x12xf32>) -> tensor<?x12xf32>
  %y, %s = ssm.linear_recurrence transition(%a : tensor<12xf32>) signal(%v : tensor<?x12xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<?x12xf32>, tensor<12xf32>
  return %y : tensor<?x12xf32>
}""", [a, x, w], [((70, 12), np.float32)], [70])
    want, state = np.zeros((70, 12)), np.zeros(12)
    for t, v in enumerate(x.astype(float) @ (2 * w.astype(float))):
        want[t] = state = a * state + v
    assert report["launch"]["kernel"] == "elementwise, matrix_product, column_scan"
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want) and report["races"] == 0


def test_products_start_anywhere():
    """From a bias, from what is computed from one in another layout, and from another stage's result; in a function that is called."""
    rng = np.random.default_rng(4)
    x, w, o = (rng.standard_normal(shape).astype(np.float32) for shape in ((70, 8), (8, 12), (12, 12)))
    bias, skip = (rng.standard_normal(shape).astype(np.float32) for shape in ((12,), (12, 70)))
    a = np.linspace(0.5, 0.9, 12).astype(np.float32)
    (y,), report = emulate("""
#tn = affine_map<(t, n) -> (t, n)>
#nt = affine_map<(t, n) -> (n, t)>
#n = affine_map<(t, n) -> (n)>
!tn = tensor<?x12xf32>
func.func @f(%a: tensor<12xf32>, %x: tensor<?x8xf32>, %w: tensor<8x12xf32>, %bias: tensor<12xf32>, %o: tensor<12x12xf32>,
             %skip: tensor<12x?xf32>) -> !tn {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : !tn
  %start = linalg.broadcast ins(%bias : tensor<12xf32>) outs(%e : !tn) dimensions = [0]
  %v = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x12xf32>) outs(%start : !tn) -> !tn
  %s = func.call @scan(%a, %v) : (tensor<12xf32>, !tn) -> !tn
  %both = linalg.generic {iterator_types = ["parallel", "parallel"], indexing_maps = [#nt, #n, #tn]}
      ins(%skip, %bias : tensor<12x?xf32>, tensor<12xf32>) outs(%e : !tn) {
  ^bb0(%k: f32, %b: f32, %unused: f32):
    %sum = arith.mulf %k, %b : f32
    linalg.yield %sum : f32
  } -> !tn
  %p = linalg.matmul ins(%s, %o : !tn, tensor<12x12xf32>) outs(%both : !tn) -> !tn
  %q = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x12xf32>) outs(%p : !tn) -> !tn
  return %q : !tn
}
func.func private @scan(%a: tensor<12xf32>, %v: !tn) -> !tn {
  %y, %s = ssm.linear_recurrence transition(%a : tensor<12xf32>) signal(%v : !tn)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> !tn, tensor<12xf32>
  return %y : !tn
}""", [a, x, w, bias, o, skip], [((70, 12), np.float32)], [70])
    product, states, state = x.astype(float) @ w, [], 0
    for v in product + bias:
        states.append(state := a * state + v)
    want = np.array(states) @ o + (skip * bias[:, None]).T + product
    assert report["launch"]["kernel"] == "matrix_product, column_scan, matrix_product, matrix_product"
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want) and report["races"] == 0
