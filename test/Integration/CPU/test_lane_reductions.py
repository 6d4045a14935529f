"""Reductions of rows, which may be computed in any order, against float64 and NumPy's integers."""

import numpy as np
import pytest
from harness import run

# A block of four vectors, of f32, has 64 elements: rows of none, of less than a vector, of blocks, vectors and a rest.
LENGTHS = [0, 1, 15, 16, 17, 64, 65, 80, 129, 64 * 3 + 16 * 2 + 5]
# The op, its type, the value that each row starts with, and what it is of whole rows.
SUM, PRODUCT = "arith.addf fastmath<reassoc>", "arith.mulf fastmath<reassoc>"
COMBINERS = {
    "sum": (SUM, "f32", 0.5, np.sum), "sum of f64": (SUM, "f64", 0.5, np.sum), "product": (PRODUCT, "f32", 2, np.prod),
    "maximum": ("arith.maximumf", "f32", -1, np.max), "minimum": ("arith.minimumf", "f64", 1, np.min),
    "maximum number": ("arith.maxnumf", "f32", -1, np.max), "sum in order": ("arith.addf", "f32", 0.5, np.sum),
    "integers": ("arith.addi", "i32", 3, np.sum), "longs": ("arith.muli", "i64", 3, np.prod),
    "greatest": ("arith.maxsi", "i32", -3, np.max), "least": ("arith.minsi", "i64", 3, np.min),
    "bits": ("arith.xori", "i32", 5, np.bitwise_xor.reduce)
}
DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64}


def program(combiner, dtype, rows, length):
    matrix, row = f"tensor<{rows}x{length}x{dtype}>", f"tensor<{rows}x{dtype}>"
    op, _, flags = combiner.partition(" ")
    return f"""
func.func @f(%x: {matrix}, %start: {row}) -> {row} {{
  %y = linalg.generic {{indexing_maps = [affine_map<(r, k) -> (r, k)>, affine_map<(r, k) -> (r)>],
                       iterator_types = ["parallel", "reduction"]}} ins(%x : {matrix}) outs(%start : {row}) {{
  ^bb0(%a: {dtype}, %sum: {dtype}):
    %r = {op} %sum, %a {flags} : {dtype}
    linalg.yield %r : {dtype}
  }} -> {row}
  return %y : {row}
}}"""


def data(dtype, rows, length):
    random = np.random.default_rng(length)
    if dtype.startswith("f"):
        return random.uniform(0.5, 1.5, (rows, length)).astype(DTYPES[dtype])
    return random.integers(-9, 9, (rows, length)).astype(DTYPES[dtype])


@pytest.mark.parametrize("known", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", COMBINERS)
def test_rows(name, length, known):
    combiner, dtype, start, reduce = COMBINERS[name]
    x = data(dtype, 40, length)
    first = np.full(40, start, DTYPES[dtype])
    sizes = (40, length) if known else ("?", "?")
    got, = run(program(combiner, dtype, *sizes), x, first)
    wide = x.astype(np.float64) if dtype.startswith("f") else x
    with np.errstate(over="ignore"):
        want = reduce(np.concatenate([first[:, None].astype(wide.dtype), wide], axis=1), axis=1, dtype=wide.dtype) \
            if reduce in (np.sum, np.prod) else reduce(np.concatenate([first[:, None], wide], axis=1), axis=1)
    if dtype.startswith("f"):
        np.testing.assert_allclose(got, want, rtol={"f32": 2e-6, "f64": 1e-14}[dtype])
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("place", [0, 70, 99])
def test_a_nan_is_the_maximum(place):
    x = data("f32", 3, 100)
    x[1, place] = np.nan
    got, = run(program("arith.maximumf", "f32", "?", 100), x, np.zeros(3, np.float32))
    assert np.isnan(got[1]) and np.isfinite(got[[0, 2]]).all()
    got, = run(program("arith.maxnumf", "f32", "?", 100), x, np.zeros(3, np.float32))
    assert np.isfinite(got).all()


def test_of_several_operands():
    """exp(x[r, k] g[k] - m[r]), as a softmax has it, with rows of two dimensions in another order."""
    text = """
func.func @f(%x: tensor<?x5x?xf32>, %g: tensor<?xf32>, %m: tensor<5xf32>, %start: tensor<5x?xf32>) -> tensor<5x?xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (j, i, k)>, affine_map<(i, j, k) -> (k)>,
                                        affine_map<(i, j, k) -> (i)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g, %m : tensor<?x5x?xf32>, tensor<?xf32>, tensor<5xf32>) outs(%start : tensor<5x?xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %d = arith.subf %p, %c : f32
    %e = math.exp %d : f32
    %r = arith.addf %sum, %e fastmath<reassoc> : f32
    linalg.yield %r : f32
  } -> tensor<5x?xf32>
  return %y : tensor<5x?xf32>
}"""
    random = np.random.default_rng(0)
    x, g = random.standard_normal((7, 5, 150)), random.standard_normal(150)
    m, start = random.standard_normal(5), random.standard_normal((5, 7))
    inputs = [a.astype(np.float32) for a in (x, g, m, start)]
    got, = run(text, *inputs)
    x, g, m, start = (a.astype(np.float64) for a in inputs)
    want = start + np.exp(x * g - m[:, None]).sum(axis=-1).T
    np.testing.assert_allclose(got, want, rtol=2e-6)


def test_the_order_is_that_of_the_lanes():
    """Sums of numbers whose rounding shows the order: in 64 lanes, these by fours, those by halves."""
    x = np.random.default_rng(1).standard_normal((2, 64 * 5)).astype(np.float32)
    got, = run(program(SUM, "f32", 2, 320), x, np.zeros(2, np.float32))
    lanes = np.zeros((2, 64), np.float32)
    for block in np.split(x, 5, axis=1):
        lanes = lanes + block
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    np.testing.assert_array_equal(got, lanes[:, 0])
