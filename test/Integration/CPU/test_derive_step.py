"""--ssm-derive-step: a function on chunks of time, with its states, equals the function on the sequence."""

import numpy as np
import pytest
import zoo
from stepping import Stepper


LENGTH = 71
BAR = 5e-6  # Of the models against their oracles, in f32: test_models.py.
CHUNKS = [[1] * LENGTH, [7] * 10 + [1], [64, 7], [3, 1, 40, 2, 25]]
NOT_CAUSAL = {"bigs", "s5_bidirectional", "mega_bidirectional", "dss", "hyena"}
CAUSAL = [name for name in zoo.MODELS if name not in NOT_CAUSAL]


def drawn(name, dtype="f32"):
    model = zoo.MODELS[name]
    case = model.draw(dtype, trained=True, length=LENGTH)
    names = [n for n, _ in zoo.functions(zoo.text_of(model.file, dtype))[name][0]]
    return model, case, [np.asarray(case.arguments[n]) for n in names]


def same_bits(got, want):
    return all(np.isfinite(w).all() and np.array_equal(g.reshape(w.shape), w)
               for g, w in zip(got, want, strict=True))


@pytest.mark.parametrize("name", CAUSAL)
def test_same_bits(name):
    """Step by step on both sides, whatever the chunks; and the states are what does it."""
    model, _, arguments = drawn(name)
    stepper = Stepper(zoo.text_of(model.file), name)
    whole = stepper.whole(arguments)
    for sizes in CHUNKS:
        assert same_bits(stepper.stream(arguments, sizes), whole)
    forgotten = stepper.start(arguments)
    tail, _ = stepper.step(arguments, forgotten, 40, LENGTH)
    assert not np.array_equal(tail[0], whole[0][:, 40:])


@pytest.mark.parametrize("name", CAUSAL)
def test_other_strategies(name):
    """A tree within each chunk, against the oracle: within the bar of the whole sequence."""
    model, case, arguments = drawn(name)
    stepper = Stepper(zoo.text_of(model.file), name, strategy="tree_scan" if "tree_scan" in zoo.legal(model.file) else "")
    for sizes in CHUNKS[1:]:
        got = stepper.stream(arguments, sizes)
        shaped = [g.reshape(np.shape(w)) if g.size == np.size(w) else g for g, w in zip(got, case.expected)]
        assert max(model.errors(shaped, case)) <= BAR


def static_chunks(name, chunk):
    """(results from chunks of a static size, results of the whole)"""
    model, _, arguments = drawn(name)
    stepper = Stepper(zoo.text_of(model.file), name, chunk=chunk)
    cut = [x[:, :70] if i in stepper.sequences() else x for i, x in enumerate(arguments)]
    return stepper.stream(cut, [chunk] * (70 // chunk)), stepper.whole(cut)


SUMMED = ["s4d", "mamba1", "mamba3"]


@pytest.mark.parametrize("name,chunk", [(name, 7) for name in SUMMED]
                         + [(name, chunk) for name in ("rwkv4", "lstm") for chunk in (1, 7)])
def test_static_chunks(name, chunk):
    assert same_bits(*static_chunks(name, chunk))


@pytest.mark.parametrize("name", SUMMED)
def test_static_step(name):
    """A single step is no loop, sums the states of a channel in another order, and LLVM fuses other multiply-adds."""
    for got, want in zip(*static_chunks(name, 1), strict=True):
        assert np.linalg.norm(got.reshape(want.shape) - want) <= 4 * np.finfo(np.float32).eps * np.linalg.norm(want)


def test_snapshots():
    """States are values: kept, continued from twice, and gone back to."""
    model, _, arguments = drawn("mamba1")
    stepper = Stepper(zoo.text_of(model.file), "mamba1")
    whole = stepper.whole(arguments)[0]
    _, snapshot = stepper.step(arguments, stepper.start(arguments), 0, 30)
    kept = [s.tobytes() for s in snapshot]
    first, ahead = stepper.step(arguments, snapshot, 30, 50)
    again, _ = stepper.step(arguments, snapshot, 30, 50)
    restored = [np.frombuffer(b, s.dtype).reshape(s.shape) for b, s in zip(kept, snapshot)]
    back, _ = stepper.step(arguments, restored, 30, 50)
    rest, _ = stepper.step(arguments, ahead, 50, LENGTH)
    for part in (first, again, back):
        assert np.array_equal(part[0], whole[:, 30:50])
    assert np.array_equal(rest[0], whole[:, 50:])


# A gate, a short convolution of 4 taps spaced by 2 under a pad, a delay of 3 steps, a long_conv with 5 taps, and a
# convolution whose kernel is that of a recurrence.
WINDOWS = """
#bth = affine_map<(b, t, h) -> (b, t, h)>
#kh = affine_map<(b, t, h) -> (t, h)>
#par = ["parallel", "parallel", "parallel"]
func.func @windows(%w: tensor<4x3xf64>, %k: tensor<5x3xf64>, %a: tensor<3xf64>, %u: tensor<?x?x3xf64>)
    -> tensor<?x?x3xf64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.25 : f64
  %b = tensor.dim %u, %c0 : tensor<?x?x3xf64>
  %t = tensor.dim %u, %c1 : tensor<?x?x3xf64>
  %e = tensor.empty(%b, %t) : tensor<?x?x3xf64>
  %padded = tensor.pad %u low[0, 6, 0] high[0, 0, 0] {
  ^bb0(%i: index, %j: index, %l: index):
    tensor.yield %zero : f64
  } : tensor<?x?x3xf64> to tensor<?x?x3xf64>
  %z = linalg.fill ins(%zero : f64) outs(%e : tensor<?x?x3xf64>) -> tensor<?x?x3xf64>
  %short = linalg.generic {indexing_maps = [affine_map<(b, t, h, k) -> (b, t + k * 2, h)>,
      affine_map<(b, t, h, k) -> (k, h)>, affine_map<(b, t, h, k) -> (b, t, h)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%padded, %w : tensor<?x?x3xf64>, tensor<4x3xf64>) outs(%z : tensor<?x?x3xf64>) {
  ^bb0(%x: f64, %y: f64, %s: f64):
    %p = arith.mulf %x, %y : f64
    %q = arith.addf %s, %p : f64
    linalg.yield %q : f64
  } -> tensor<?x?x3xf64>
  %late = tensor.extract_slice %padded[0, 3, 0] [%b, %t, 3] [1, 1, 1] : tensor<?x?x3xf64> to tensor<?x?x3xf64>
  %long = ssm.long_conv %short, %k {indexing_maps = [#bth, #kh, #bth], time = 1 : i64,
      numerics = #ssm.numerics<strict>} : tensor<?x?x3xf64>, tensor<5x3xf64> -> tensor<?x?x3xf64>
  %one = arith.constant dense<1.0> : tensor<f64>
  %kernel = ssm.materialize_kernel transition(%a : tensor<3xf64>) input(%one : tensor<f64>)
      output(%one : tensor<f64>) length(%t) {indexing_maps = [affine_map<(h, l) -> (h)>, affine_map<(h, l) -> ()>,
      affine_map<(h, l) -> ()>, affine_map<(h, l) -> (l, h)>], time = 1 : i64} -> tensor<?x3xf64>
  %y = ssm.long_conv %u, %kernel {indexing_maps = [#bth, #kh, #bth], time = 1 : i64}
      : tensor<?x?x3xf64>, tensor<?x3xf64> -> tensor<?x?x3xf64>
  %r = linalg.generic {indexing_maps = [#bth, #bth, #bth], iterator_types = #par}
      ins(%late, %long : tensor<?x?x3xf64>, tensor<?x?x3xf64>) outs(%y : tensor<?x?x3xf64>) {
  ^bb0(%x: f64, %l: f64, %s: f64):
    %p = arith.mulf %x, %l : f64
    %q = arith.addf %s, %p : f64
    linalg.yield %q : f64
  } -> tensor<?x?x3xf64>
  return %r : tensor<?x?x3xf64>
}
"""


def windows_oracle(w, k, a, u):
    padded = np.concatenate([np.full((len(u), 6, 3), 0.25), u], axis=1)
    steps = u.shape[1]
    short = 0.25 + sum(w[i] * padded[:, 2 * i : 2 * i + steps] for i in range(4))
    long, y, x = np.zeros_like(u), np.zeros_like(u), 0
    for t in range(steps):
        long[:, t] = sum(k[i] * short[:, t - i] for i in range(min(t + 1, 5)))
        x = a * x + u[:, t]
        y[:, t] = x
    return y + padded[:, 3 : 3 + steps] * long


@pytest.mark.parametrize("sizes", CHUNKS)
def test_windows(sizes):
    rng = np.random.default_rng(8)
    arguments = [rng.standard_normal((4, 3)), rng.standard_normal((5, 3)), rng.uniform(0.5, 0.99, 3),
                 rng.standard_normal((2, LENGTH, 3))]
    stepper = Stepper(WINDOWS, "windows", strategy="")
    want = windows_oracle(*arguments)
    got = stepper.stream(arguments, sizes)[0]
    assert np.linalg.norm(got - want) <= 1e-14 * np.linalg.norm(want)
