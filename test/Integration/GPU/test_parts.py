"""Parts of tensors around recurrences and products: slices, other shapes, paddings, and what has other dimensions than its anchor.

A slice is read where it is, if no scan reads it; what is put together is stored in parts.
"""

import numpy as np
import pytest
from emulator import emulate

SCAN = """
#tn = affine_map<(t, n) -> (t, n)>
#nt = affine_map<(t, n) -> (n, t)>
#n = affine_map<(t, n) -> (n)>
#ik = affine_map<(i, j, k) -> (i, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>
"""
RNG = np.random.default_rng(11)
A = np.linspace(0.5, 0.9, 8).astype(np.float32)


def scanned(x, a=A):
    states, state = [], 0
    for step in x.astype(float):
        states.append(state := a[:x.shape[1]] * state + step)
    return np.array(states)


def recurrence(name, x, a, shape):
    t, n = shape
    return f"""
  {name}, {name}_last = ssm.linear_recurrence transition({a} : tensor<{n}xf32>) signal({x} : tensor<{t}x{n}xf32>)
      {{indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64}} -> tensor<{t}x{n}xf32>, tensor<{n}xf32>"""


def numbers(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def check(text, inputs, want, kernels, sizes=()):
    """With names %a, %b, ... of the inputs; "?" are the sizes."""
    (y,), report = emulate(SCAN + text, inputs, [(want.shape, np.float32)], sizes, seed=2)
    assert report["launch"]["kernel"] == kernels and report["races"] == 0
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)


def test_a_scan_has_a_copy_of_a_slice():
    """Columns 3 to 11 of each second row, from the fifth one on."""
    x = numbers(40, 12)
    check(f"""func.func @f(%a: tensor<8xf32>, %x: tensor<40x12xf32>) -> tensor<17x8xf32> {{
  %s = tensor.extract_slice %x[4, 3] [17, 8] [2, 1] : tensor<40x12xf32> to tensor<17x8xf32>
  {recurrence('%y', '%s', '%a', (17, 8))}
  return %y : tensor<17x8xf32>
}}""", [A, x], scanned(x[4:38:2, 3:11]), "elementwise, column_scan")


def test_a_part_of_a_scan_is_returned():
    """Also of one whose rows in the workspace would begin at lines."""
    x = numbers(40, 5)
    check(f"""func.func @f(%a: tensor<5xf32>, %x: tensor<40x5xf32>) -> tensor<3x9xf32> {{
  {recurrence('%y', '%x', '%a', (40, 5))}
  %s = tensor.extract_slice %y[1, 1] [9, 3] [4, 1] : tensor<40x5xf32> to tensor<9x3xf32>
  %e = tensor.empty() : tensor<3x9xf32>
  %r = linalg.transpose ins(%s : tensor<9x3xf32>) outs(%e : tensor<3x9xf32>) permutation = [1, 0]
  return %r : tensor<3x9xf32>
}}""", [A[:5], x], scanned(x)[1:36:4, 1:4].T, "column_scan, elementwise")


def test_a_slice_is_returned():
    x = numbers(9, 8)
    check(f"""func.func @f(%a: tensor<8xf32>, %x: tensor<9x8xf32>) -> tensor<8xf32> {{
  {recurrence('%y', '%x', '%a', (9, 8))}
  %s = tensor.extract_slice %y[8, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<8xf32>
  return %s : tensor<8xf32>
}}""", [A, x], scanned(x)[8], "column_scan, elementwise")


def test_other_shapes_are_the_same_memory():
    x = numbers(30, 2, 4)
    check(f"""func.func @f(%a: tensor<8xf32>, %x: tensor<30x2x4xf32>) -> tensor<30x4x2xf32> {{
  %s = tensor.collapse_shape %x [[0], [1, 2]] : tensor<30x2x4xf32> into tensor<30x8xf32>
  {recurrence('%y', '%s', '%a', (30, 8))}
  %z = arith.mulf %y, %y : tensor<30x8xf32>
  %r = tensor.expand_shape %z [[0], [1, 2]] output_shape [30, 4, 2] : tensor<30x8xf32> into tensor<30x4x2xf32>
  %e = tensor.empty() : tensor<30x4x2xf32>
  %c = linalg.tanh ins(%r : tensor<30x4x2xf32>) outs(%e : tensor<30x4x2xf32>) -> tensor<30x4x2xf32>
  return %c : tensor<30x4x2xf32>
}}""", [A, x], np.tanh(scanned(x.reshape(30, 8)) ** 2).reshape(30, 4, 2), "column_scan, elementwise")


@pytest.mark.parametrize("length", [1, 37])
def test_tensors_are_put_together(length):
    """Along both dimensions: zeros, the signal, the scan, and a part again; of a length that is known when it runs."""
    x = numbers(length, 4)
    check("""func.func @f(%a: tensor<4xf32>, %x: tensor<?x4xf32>) -> tensor<?x11xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%x : tensor<?x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<?x4xf32>, tensor<4xf32>
  %e = tensor.empty(%t) : tensor<?x11xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x11xf32>) -> tensor<?x11xf32>
  %0 = tensor.insert_slice %x into %z[0, 1] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<?x11xf32>
  %1 = tensor.insert_slice %y into %0[0, 6] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<?x11xf32>
  %m = arith.mulf %x, %x : tensor<?x4xf32>
  %2 = tensor.insert_slice %m into %1[0, 3] [%t, 4] [1, 2] : tensor<?x4xf32> into tensor<?x11xf32>
  return %2 : tensor<?x11xf32>
}""", [A[:4], x], assembled(x), "column_scan, elementwise, elementwise, elementwise, elementwise", [length])


def assembled(x):
    want = np.zeros((len(x), 11))
    want[:, 1:5], want[:, 6:10], want[:, 3:11:2] = x, scanned(x), x.astype(float) ** 2
    return want


def test_a_product_of_slices():
    """Of the rows of one matrix that are even, and of columns of the other."""
    x, w = numbers(20, 24), numbers(24, 16)
    check("""func.func @f(%x: tensor<20x24xf32>, %w: tensor<24x16xf32>) -> tensor<10x5xf32> {
  %zero = arith.constant 0.0 : f32
  %u = tensor.extract_slice %x[0, 0] [10, 24] [2, 1] : tensor<20x24xf32> to tensor<10x24xf32>
  %v = tensor.extract_slice %w[0, 3] [24, 5] [1, 1] : tensor<24x16xf32> to tensor<24x5xf32>
  %e = tensor.empty() : tensor<10x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<10x5xf32>) -> tensor<10x5xf32>
  %p = linalg.matmul ins(%u, %v : tensor<10x24xf32>, tensor<24x5xf32>) outs(%z : tensor<10x5xf32>) -> tensor<10x5xf32>
  return %p : tensor<10x5xf32>
}""", [x, w], x[::2].astype(float) @ w[:, 3:8], "matrix_product")


@pytest.mark.parametrize("terms", [1, 21])
def test_slices_of_a_product(terms):
    """Halves of its columns, one times the other; how many terms a sum has is known when it runs."""
    x, w = numbers(9, terms), numbers(terms, 12)
    u, z = np.split(x.astype(float) @ w, 2, axis=1)
    check("""func.func @f(%x: tensor<9x?xf32>, %w: tensor<?x12xf32>) -> tensor<9x6xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<9x12xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<9x12xf32>) -> tensor<9x12xf32>
  %p = linalg.matmul ins(%x, %w : tensor<9x?xf32>, tensor<?x12xf32>) outs(%i : tensor<9x12xf32>) -> tensor<9x12xf32>
  %u = tensor.extract_slice %p[0, 0] [9, 6] [1, 1] : tensor<9x12xf32> to tensor<9x6xf32>
  %z = tensor.extract_slice %p[0, 6] [9, 6] [1, 1] : tensor<9x12xf32> to tensor<9x6xf32>
  %y = arith.mulf %u, %z : tensor<9x6xf32>
  return %y : tensor<9x6xf32>
}""", [x, w], u * z, "matrix_product, matrix_product", [terms, terms])


def test_other_dimensions_than_the_product_s():
    """Read at two places, and for each of two more."""
    x, w = numbers(12, 8), numbers(8, 12)
    p = x.astype(float) @ w
    check("""func.func @f(%x: tensor<12x8xf32>, %w: tensor<8x12xf32>) -> tensor<2x12x12xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<12x12xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<12x12xf32>) -> tensor<12x12xf32>
  %p = linalg.matmul ins(%x, %w : tensor<12x8xf32>, tensor<8x12xf32>) outs(%z : tensor<12x12xf32>) -> tensor<12x12xf32>
  %s = linalg.generic {indexing_maps = [#tn, #nt, #tn], iterator_types = ["parallel", "parallel"]}
      ins(%p, %p : tensor<12x12xf32>, tensor<12x12xf32>) outs(%e : tensor<12x12xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %q = arith.addf %l, %r : f32
    linalg.yield %q : f32
  } -> tensor<12x12xf32>
  %two = tensor.empty() : tensor<2x12x12xf32>
  %y = linalg.broadcast ins(%s : tensor<12x12xf32>) outs(%two : tensor<2x12x12xf32>) dimensions = [0]
  return %y : tensor<2x12x12xf32>
}""", [x, w], np.stack([p + p.T] * 2), "matrix_product, elementwise")


def test_indices_are_numbers():
    """x_t = t x_t + n."""
    x = numbers(9, 8)
    check(f"""func.func @f(%a: tensor<8xf32>, %x: tensor<9x8xf32>) -> tensor<9x8xf32> {{
  %v = linalg.generic {{indexing_maps = [#tn, #tn], iterator_types = ["parallel", "parallel"]}}
      ins(%x : tensor<9x8xf32>) outs(%x : tensor<9x8xf32>) {{
  ^bb0(%u: f32, %o: f32):
    %t = linalg.index 0 : index
    %n = linalg.index 1 : index
    %ti = arith.index_cast %t : index to i32
    %ni = arith.index_cast %n : index to i32
    %tf = arith.sitofp %ti : i32 to f32
    %nf = arith.sitofp %ni : i32 to f32
    %p = arith.mulf %tf, %u : f32
    %s = arith.addf %p, %nf : f32
    linalg.yield %s : f32
  }} -> tensor<9x8xf32>
  {recurrence('%y', '%v', '%a', (9, 8))}
  return %y : tensor<9x8xf32>
}}""", [A, x], scanned(np.arange(9)[:, None] * x.astype(float) + np.arange(8)), "column_scan")
