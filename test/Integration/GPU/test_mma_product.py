"""Products of bf16 and f16 on the tensor cores, against float64.

Every barrier is needed: without it the emulator sees a race.
"""

import itertools

import ml_dtypes
import numpy as np
import pytest
from emulator import BARRIER, emulate
from harness import DTYPES

ROUNDING = {"bf16": 2**-8, "f16": 2**-11, "f32": 2**-20}


def product(letters, sizes, dtype, result="f32", behind=""):
    """The text of a sum of products in f32, as in `einsum`, with ops behind it."""
    left, right, out = letters.replace("->", ",").split(",")
    dims = "".join(sorted(set(left + right), key=(out + left + right).index))
    of = lambda used: f"affine_map<({', '.join(dims)}) -> ({', '.join(used)})>"
    tensor = lambda used, t: f"tensor<{'x'.join(str(sizes[d]) for d in used)}x{t}>"
    kinds = ", ".join('"parallel"' if d in out else '"reduction"' for d in dims)
    wide, last = tensor(out, "f32"), tensor(out, result)
    text = f"""
func.func @f(%a: {tensor(left, dtype)}, %b: {tensor(right, dtype)}) -> {last} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {wide}
  %z = linalg.fill ins(%zero : f32) outs(%e : {wide}) -> {wide}
  %p = linalg.generic {{indexing_maps = [{of(left)}, {of(right)}, {of(out)}], iterator_types = [{kinds}]}}
      ins(%a, %b : {tensor(left, dtype)}, {tensor(right, dtype)}) outs(%z : {wide}) {{
  ^bb0(%x: {dtype}, %y: {dtype}, %s: f32):
    %0 = arith.extf %x : {dtype} to f32
    %1 = arith.extf %y : {dtype} to f32
    %2 = arith.mulf %0, %1 : f32
    %3 = arith.addf %s, %2 : f32
    linalg.yield %3 : f32
  }} -> {wide}
"""
    if result == "f32":
        return text + f"  return %p : {wide}\n}}"
    own = f"affine_map<({', '.join(out)}) -> ({', '.join(out)})>"
    parallel = ", ".join('"parallel"' for _ in out)
    return text + f"""  %o = tensor.empty() : {last}
  %q = linalg.generic {{indexing_maps = [{own}, {own}], iterator_types = [{parallel}]}} ins(%p : {wide}) outs(%o : {last}) {{
  ^bb0(%x: f32, %0: {result}):
    %1 = arith.truncf %x : f32 to {result}
    linalg.yield %1 : {result}
  }} -> {last}
  return %q : {last}
}}"""


def run(letters, sizes, dtype="bf16", result="f32", **options):
    """The result, what float64 makes of the same numbers, and the report."""
    rng = np.random.default_rng(5)
    left, right, out = letters.replace("->", ",").split(",")
    factors = [rng.standard_normal([sizes[d] for d in used]).astype(DTYPES[dtype]) for used in (left, right)]
    want = np.einsum(letters, *(x.astype(float) for x in factors))
    (y,), report = emulate(product(letters, sizes, dtype, result), factors, [(want.shape, DTYPES[result])], **options)
    return y.astype(float), want, report


def check(letters, sizes, dtype="bf16", result="f32", **options):
    y, want, report = run(letters, sizes, dtype, result, **options)
    assert np.linalg.norm(y - want) <= ROUNDING[result] * np.linalg.norm(want)
    assert report["races"] == 0
    return report


LAYOUTS = ["rk,kc->rc", "rk,ck->rc", "kr,kc->rc", "kr,ck->rc"]


@pytest.mark.parametrize("letters, dtype", itertools.product(LAYOUTS, ("bf16", "f16")))
def test_equals_float64(letters, dtype):
    report = check(letters, {"r": 200, "k": 136, "c": 72}, dtype, seed=2)
    assert report["launch"]["kernel"] == "mma_product" and report["instructions"]["tensor"] > 0


@pytest.mark.parametrize("sizes", [(8, 8, 8), (1, 64, 64), (129, 8, 72), (64, 200, 136), (128, 64, 64)])
@pytest.mark.parametrize("result", ["f32", "bf16", "f16"])
def test_sizes_that_fill_no_tile(sizes, result):
    check("rk,kc->rc", dict(zip("rkc", sizes)), result=result)


def test_dimensions_beside_and_several_that_are_summed():
    check("brk,bkc->brc", {"b": 3, "r": 20, "k": 24, "c": 40})
    check("rijk,ijkc->rc", {"r": 17, "i": 3, "j": 5, "k": 8, "c": 24})
    check("tbk,kc->tbc", {"t": 9, "b": 3, "k": 72, "c": 16})


@pytest.mark.parametrize("letters, sizes", [("rk,kc->rc", (20, 12, 24)), ("rk,kc->rc", (20, 24, 12)), ("kr,kc->rc", (20, 24, 24))])
def test_factors_without_whole_accesses_take_the_other_kernel(letters, sizes):
    report = check(letters, dict(zip("rkc", sizes)))
    assert report["launch"]["kernel"] == "matrix_product"


def test_older_chips_take_the_other_kernel():
    assert check("rk,kc->rc", {"r": 16, "k": 16, "c": 16}, chip="sm_75")["launch"]["kernel"] == "matrix_product"


@pytest.mark.parametrize("letters", LAYOUTS)
def test_accesses_are_ideal(letters):
    """Of memory where tiles are whole, and of shared memory always."""
    report = check(letters, {"r": 128, "k": 128, "c": 128})
    traffic, shared = report["global"], report["shared"]
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


@pytest.mark.parametrize("number", range(2))
def test_every_barrier_is_needed(number):
    def without(kernel):
        found = list(BARRIER.finditer(kernel))
        assert len(found) == 2
        return kernel[: found[number].start()] + kernel[found[number].end():]
    _, _, report = run("rk,kc->rc", {"r": 128, "k": 192, "c": 64}, edit=without, seed=1)
    assert report["races"] > 0
