"""--ssm-raise-loops: a raised loop equals its equation, as the loop itself does."""

import numpy as np
import pytest
from harness import run, tool

# |result - oracle| / |oracle|, L2, in f32: of the loop and of what it becomes.
BAR = 4e-7

# An interpolating gate, a = 1 - g, over slices; time runs forward or backward.
# The second result is of the state before and after the step.
GATE = """
func.func @f(%g: tensor<?x8xf32>, %u: tensor<?x8xf32>, %x0: tensor<8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %u, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %y, %z, %last = scf.for %t = %c0 to %n step %c1 iter_args(%yi = %e, %zi = %e, %x = %x0)
      -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>) {
    %i = affine.apply affine_map<(t)[n] -> ({INDEX})>(%t)[%n]
    %gt = tensor.extract_slice %g[%i, 0] [1, 8] [1, 1] : tensor<?x8xf32> to tensor<8xf32>
    %ut = tensor.extract_slice %u[%i, 0] [1, 8] [1, 1] : tensor<?x8xf32> to tensor<8xf32>
    %d = arith.subf %ut, %x : tensor<8xf32>
    %p = arith.mulf %gt, %d : tensor<8xf32>
    %xt = arith.addf %x, %p : tensor<8xf32>
    %q = arith.mulf %xt, %x : tensor<8xf32>
    %yt = tensor.insert_slice %xt into %yi[%i, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<?x8xf32>
    %zt = tensor.insert_slice %q into %zi[%i, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<?x8xf32>
    scf.yield %yt, %zt, %xt : tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>
  }
  return %y, %z, %last : tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>
}
"""

# Scalars: every third element from the fourth on, the signal one before, and
# the second state takes the first before its step.
STRIDED = """
func.func @f(%a: tensor<32xf32>, %u: tensor<32xf32>, %y0: tensor<32xf32>) -> tensor<32xf32> {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c31 = arith.constant 31 : index
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %y, %v, %w = scf.for %t = %c4 to %c31 step %c3 iter_args(%yi = %y0, %x = %one, %z = %half)
      -> (tensor<32xf32>, f32, f32) {
    %i = arith.subi %t, %c1 : index
    %at = tensor.extract %a[%t] : tensor<32xf32>
    %ut = tensor.extract %u[%i] : tensor<32xf32>
    %xt = math.fma %at, %x, %ut : f32
    %h = arith.mulf %half, %z : f32
    %zt = arith.addf %h, %x : f32
    %yt = tensor.insert %zt into %yi[%t] : tensor<32xf32>
    scf.yield %yt, %xt, %zt : tensor<32xf32>, f32, f32
  }
  return %y : tensor<32xf32>
}
"""

# Contractions of the signal, x = a x + B u, and of the states before and after
# the step, y = C x_t + C x_{t-1}; two channels b, the signal's time in the middle.
CONTRACTIONS = """
#bn = affine_map<(b, n, i) -> (b, n)>
#bi = affine_map<(b, n, i) -> (b, i)>
#ni = affine_map<(b, n, i) -> (n, i)>
#n = affine_map<(b, n) -> (n)>
#id = affine_map<(b, n) -> (b, n)>
func.func @f(%a: tensor<4xf32>, %b: tensor<4x3xf32>, %c: tensor<5x4xf32>, %u: tensor<2x9x3xf32>)
    -> (tensor<2x9x5xf32>, tensor<2x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %x0 = arith.constant dense<0.5> : tensor<2x4xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x9x5xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %e5 = tensor.empty() : tensor<2x5xf32>
  %y, %last = scf.for %t = %c0 to %c9 step %c1 iter_args(%yi = %e, %x = %x0)
      -> (tensor<2x9x5xf32>, tensor<2x4xf32>) {
    %ut = tensor.extract_slice %u[0, %t, 0] [2, 1, 3] [1, 1, 1] : tensor<2x9x3xf32> to tensor<2x3xf32>
    %ax = linalg.generic {indexing_maps = [#n, #id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%a, %x : tensor<4xf32>, tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
    ^bb0(%an: f32, %xn: f32, %o: f32):
      %m = arith.mulf %an, %xn : f32
      linalg.yield %m : f32
    } -> tensor<2x4xf32>
    %xt = linalg.contract indexing_maps = [#bi, #ni, #bn]
        ins(%ut, %b : tensor<2x3xf32>, tensor<4x3xf32>) outs(%ax : tensor<2x4xf32>) -> tensor<2x4xf32>
    %both = arith.addf %xt, %x : tensor<2x4xf32>
    %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<2x5xf32>) -> tensor<2x5xf32>
    %yt = linalg.contract indexing_maps = [#bi, #ni, #bn]
        ins(%both, %c : tensor<2x4xf32>, tensor<5x4xf32>) outs(%z5 : tensor<2x5xf32>) -> tensor<2x5xf32>
    %yn = tensor.insert_slice %yt into %yi[0, %t, 0] [2, 1, 5] [1, 1, 1] : tensor<2x5xf32> into tensor<2x9x5xf32>
    scf.yield %yn, %xt : tensor<2x9x5xf32>, tensor<2x4xf32>
  }
  return %y, %last : tensor<2x9x5xf32>, tensor<2x4xf32>
}
"""

# In memory: y[t] = a y[t-1] + y[t], in place, z[t] = y[t] y[t-1], and w[t] is what y[t] was.
MEMORY = """
func.func @f(%a: f32, %u: tensor<40xf32>) -> (tensor<40xf32>, tensor<40xf32>, tensor<40xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c40 = arith.constant 40 : index
  %zero = arith.constant 0.0 : f32
  %y = memref.alloc() : memref<40xf32>
  %z = memref.alloc() : memref<40xf32>
  %w = memref.alloc() : memref<40xf32>
  linalg.fill ins(%zero : f32) outs(%z : memref<40xf32>)
  linalg.fill ins(%zero : f32) outs(%w : memref<40xf32>)
  bufferization.materialize_in_destination %u in restrict writable %y : (tensor<40xf32>, memref<40xf32>) -> ()
  scf.for %t = %c1 to %c40 step %c1 {
    %i = arith.subi %t, %c1 : index
    %x = memref.load %y[%i] : memref<40xf32>
    %ut = memref.load %y[%t] : memref<40xf32>
    %m = arith.mulf %a, %x : f32
    %xt = arith.addf %m, %ut : f32
    %p = arith.mulf %xt, %x : f32
    memref.store %xt, %y[%t] : memref<40xf32>
    memref.store %p, %z[%t] : memref<40xf32>
    memref.store %ut, %w[%t] : memref<40xf32>
  }
  %yt = bufferization.to_tensor %y restrict : memref<40xf32> to tensor<40xf32>
  %zt = bufferization.to_tensor %z restrict : memref<40xf32> to tensor<40xf32>
  %wt = bufferization.to_tensor %w restrict : memref<40xf32> to tensor<40xf32>
  return %yt, %zt, %wt : tensor<40xf32>, tensor<40xf32>, tensor<40xf32>
}
"""


# x + s A x + B u, of which the matrix-vector product is named; complex.
EULER = """
func.func @f(%a: tensor<6x6xcomplex<f32>>, %s: tensor<9xcomplex<f32>>, %u: tensor<9x6xcomplex<f32>>, %x0: tensor<6xcomplex<f32>>)
    -> (tensor<9x6xcomplex<f32>>, tensor<6xcomplex<f32>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %e = tensor.empty() : tensor<9x6xcomplex<f32>>
  %e6 = tensor.empty() : tensor<6xcomplex<f32>>
  %z6 = linalg.fill ins(%zero : complex<f32>) outs(%e6 : tensor<6xcomplex<f32>>) -> tensor<6xcomplex<f32>>
  %y, %last = scf.for %t = %c0 to %c9 step %c1 iter_args(%yi = %e, %x = %x0) -> (tensor<9x6xcomplex<f32>>, tensor<6xcomplex<f32>>) {
    %st = tensor.extract %s[%t] : tensor<9xcomplex<f32>>
    %ut = tensor.extract_slice %u[%t, 0] [1, 6] [1, 1] : tensor<9x6xcomplex<f32>> to tensor<6xcomplex<f32>>
    %ax = linalg.matvec ins(%a, %x : tensor<6x6xcomplex<f32>>, tensor<6xcomplex<f32>>) outs(%z6 : tensor<6xcomplex<f32>>) -> tensor<6xcomplex<f32>>
    %xt = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>],
                          iterator_types = ["parallel"]} ins(%x, %ax, %ut : tensor<6xcomplex<f32>>, tensor<6xcomplex<f32>>, tensor<6xcomplex<f32>>)
        outs(%e6 : tensor<6xcomplex<f32>>) {
    ^bb0(%xn: complex<f32>, %an: complex<f32>, %un: complex<f32>, %o: complex<f32>):
      %sa = complex.mul %st, %an : complex<f32>
      %sum = complex.add %xn, %sa : complex<f32>
      %next = complex.add %sum, %un : complex<f32>
      linalg.yield %next : complex<f32>
    } -> tensor<6xcomplex<f32>>
    %yt = tensor.insert_slice %xt into %yi[%t, 0] [1, 6] [1, 1] : tensor<6xcomplex<f32>> into tensor<9x6xcomplex<f32>>
    scf.yield %yt, %xt : tensor<9x6xcomplex<f32>>, tensor<6xcomplex<f32>>
  }
  return %y, %last : tensor<9x6xcomplex<f32>>, tensor<6xcomplex<f32>>
}
"""

# The gated delta rule on two heads: S = g S, S += k (b (v - k S)), y = q S; the gate of each row.
DELTA = """
#hk = affine_map<(h, v, k) -> (h, k)>
#hv = affine_map<(h, v, k) -> (h, v)>
#hkv = affine_map<(h, v, k) -> (h, k, v)>
#k2 = affine_map<(h, k, v) -> (h, k)>
#v2 = affine_map<(h, k, v) -> (h, v)>
#h2 = affine_map<(h, k, v) -> (h)>
#all = affine_map<(h, k, v) -> (h, k, v)>
func.func @f(%q: tensor<9x2x5xf32>, %k: tensor<9x2x5xf32>, %v: tensor<9x2x3xf32>, %b: tensor<9x2xf32>, %g: tensor<9x2x5xf32>,
             %s0: tensor<2x5x3xf32>) -> (tensor<9x2x3xf32>, tensor<2x5x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<9x2x3xf32>
  %e3 = tensor.empty() : tensor<2x3xf32>
  %e53 = tensor.empty() : tensor<2x5x3xf32>
  %z3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<2x3xf32>) -> tensor<2x3xf32>
  %y, %last = scf.for %t = %c0 to %c9 step %c1 iter_args(%yi = %e, %s = %s0) -> (tensor<9x2x3xf32>, tensor<2x5x3xf32>) {
    %qt = tensor.extract_slice %q[%t, 0, 0] [1, 2, 5] [1, 1, 1] : tensor<9x2x5xf32> to tensor<2x5xf32>
    %kt = tensor.extract_slice %k[%t, 0, 0] [1, 2, 5] [1, 1, 1] : tensor<9x2x5xf32> to tensor<2x5xf32>
    %vt = tensor.extract_slice %v[%t, 0, 0] [1, 2, 3] [1, 1, 1] : tensor<9x2x3xf32> to tensor<2x3xf32>
    %bt = tensor.extract_slice %b[%t, 0] [1, 2] [1, 1] : tensor<9x2xf32> to tensor<2xf32>
    %gt = tensor.extract_slice %g[%t, 0, 0] [1, 2, 5] [1, 1, 1] : tensor<9x2x5xf32> to tensor<2x5xf32>
    %gs = linalg.generic {indexing_maps = [#k2, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%gt, %s : tensor<2x5xf32>, tensor<2x5x3xf32>) outs(%e53 : tensor<2x5x3xf32>) {
    ^bb0(%x: f32, %w: f32, %o: f32):
      %m = arith.mulf %x, %w : f32
      linalg.yield %m : f32
    } -> tensor<2x5x3xf32>
    %ks = linalg.generic {indexing_maps = [#hk, #hkv, #hv], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%kt, %gs : tensor<2x5xf32>, tensor<2x5x3xf32>) outs(%z3 : tensor<2x3xf32>) {
    ^bb0(%x: f32, %w: f32, %o: f32):
      %m = arith.mulf %x, %w : f32
      %n = arith.addf %o, %m : f32
      linalg.yield %n : f32
    } -> tensor<2x3xf32>
    %d = arith.subf %vt, %ks : tensor<2x3xf32>
    %st = linalg.generic {indexing_maps = [#k2, #h2, #v2, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%kt, %bt, %d, %gs : tensor<2x5xf32>, tensor<2xf32>, tensor<2x3xf32>, tensor<2x5x3xf32>) outs(%e53 : tensor<2x5x3xf32>) {
    ^bb0(%x: f32, %w: f32, %dv: f32, %old: f32, %o: f32):
      %m = arith.mulf %w, %dv : f32
      %n = arith.mulf %x, %m : f32
      %p = arith.addf %old, %n : f32
      linalg.yield %p : f32
    } -> tensor<2x5x3xf32>
    %qs = linalg.generic {indexing_maps = [#hk, #hkv, #hv], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%qt, %st : tensor<2x5xf32>, tensor<2x5x3xf32>) outs(%z3 : tensor<2x3xf32>) {
    ^bb0(%x: f32, %w: f32, %o: f32):
      %m = arith.mulf %x, %w : f32
      %n = arith.addf %o, %m : f32
      linalg.yield %n : f32
    } -> tensor<2x3xf32>
    %yt = tensor.insert_slice %qs into %yi[%t, 0, 0] [1, 2, 3] [1, 1, 1] : tensor<2x3xf32> into tensor<9x2x3xf32>
    scf.yield %yt, %st : tensor<9x2x3xf32>, tensor<2x5x3xf32>
  }
  return %y, %last : tensor<9x2x3xf32>, tensor<2x5x3xf32>
}
"""


def raised(text):
    """The program after the pass, in which no loop is left."""
    done = tool("ssm-opt", "--ssm-raise-loops", "--canonicalize", "--cse", input=text).stdout
    assert "ssm.linear_recurrence" in done and "scf.for" not in done
    return done


def distance(result, expected):
    return np.linalg.norm(result - expected) / np.linalg.norm(expected)


def check(text, inputs, expected):
    for program in (text, raised(text)):
        for result, oracle in zip(run(program, *inputs), expected, strict=True):
            assert distance(result, oracle) <= BAR


@pytest.mark.parametrize("backward", [False, True])
def test_gate(backward):
    rng = np.random.default_rng(0)
    g = rng.uniform(0, 1, (50, 8)).astype(np.float32)
    u = rng.standard_normal((50, 8)).astype(np.float32)
    x0 = rng.standard_normal(8).astype(np.float32)
    x, y, z = x0.astype(np.float64), np.empty((50, 8)), np.empty((50, 8))
    for t in range(49, -1, -1) if backward else range(50):
        before, x = x, x + g[t].astype(np.float64) * (u[t] - x)
        y[t], z[t] = x, x * before
    text = GATE.replace("{INDEX}", "n - 1 - t" if backward else "t")
    check(text, (g, u, x0), (y, z, x))


def test_strided():
    rng = np.random.default_rng(1)
    a, u, y0 = rng.uniform(0.5, 1, (3, 32)).astype(np.float32)
    x, z, y = 1.0, 0.5, y0.astype(np.float64)
    for t in range(4, 31, 3):
        x, z = float(a[t]) * x + float(u[t - 1]), 0.5 * z + x
        y[t] = z
    check(STRIDED, (a, u, y0), (y,))


def test_contractions():
    rng = np.random.default_rng(3)
    a, b, c, u = (rng.standard_normal(shape).astype(np.float32) for shape in [4, (4, 3), (5, 4), (2, 9, 3)])
    a = np.tanh(a)
    x, y = np.full((2, 4), 0.5), np.empty((2, 9, 5))
    for t in range(9):
        before, x = x, a * x + u[:, t].astype(np.float64) @ b.T
        y[:, t] = (x + before) @ c.T
    check(CONTRACTIONS, (a, b, c, u), (y, x))


def test_a_dense_transition():
    rng = np.random.default_rng(5)
    def numbers(*shape):
        return ((rng.normal(size=shape) + 1j * rng.normal(size=shape)) / 4).astype(np.complex64)
    a, s, u, x = numbers(6, 6), numbers(9), numbers(9, 6), numbers(6)
    state, states = x.astype(np.complex128), []
    for t in range(9):
        state = state + s[t] * (a @ state) + u[t]
        states.append(state)
    check(EULER, (a, s, u, x), (np.array(states), state))


def test_a_delta_rule():
    rng = np.random.default_rng(6)
    q, k, v, b, g, s = (rng.normal(size=shape).astype(np.float32) / 2
                        for shape in ((9, 2, 5), (9, 2, 5), (9, 2, 3), (9, 2), (9, 2, 5), (2, 5, 3)))
    state, outputs = s.astype(np.float64), []
    for t in range(9):
        state = g[t][:, :, None] * state
        change = b[t][:, None] * (v[t] - np.einsum("hk,hkv->hv", k[t], state))
        state = state + np.einsum("hk,hv->hkv", k[t], change)
        outputs.append(np.einsum("hk,hkv->hv", q[t], state))
    check(DELTA, (q, k, v, b, g, s), (np.array(outputs), state))


def test_memory():
    rng = np.random.default_rng(2)
    a, u = np.float32(0.9), rng.standard_normal(40).astype(np.float32)
    y, z = u.astype(np.float64), np.zeros(40)
    for t in range(1, 40):
        y[t] += float(a) * y[t - 1]
        z[t] = y[t] * y[t - 1]
    check(MEMORY, (a, u), (y, z, np.append(np.zeros(1), u[1:])))


def test_no_step():
    """A length of 0, known at run time only: the final state is the first."""
    empty = np.empty((0, 8), np.float32)
    x0 = np.arange(8, dtype=np.float32)
    y, z, x = run(raised(GATE.replace("{INDEX}", "n - 1 - t")), empty, empty, x0)
    assert y.shape == z.shape == (0, 8) and np.array_equal(x, x0)


def test_infinity_does_not_move_backward():
    """The recurrence is strict, as the loop is."""
    g, u = np.full((50, 8), 0.5, np.float32), np.ones((50, 8), np.float32)
    u[30] = np.inf
    y, _, _ = run(raised(GATE.replace("{INDEX}", "t")), g, u, np.zeros(8, np.float32))
    assert np.isfinite(y[:30]).all() and not np.isfinite(y[30:]).any()
