"""Steps of compiled functions against the equations, in float64, and errors."""

from pathlib import Path

import numpy as np
import pytest

import mlir_ssm as ssm

RNG = np.random.default_rng(8)
MODELS = Path(__file__).resolve().parents[2] / "examples" / "models"

# y_t = 0.5 y_{t-1} + v_t of the short convolution v_t = 4 u_t + 2 u_{t-1} + u_{t-2}: a state and a window.
SMOOTH = """
#bth = affine_map<(b, t, h) -> (b, t, h)>
func.func @smooth(%u: tensor<?x?x3xf32>) -> tensor<?x?x3xf32> {
  %k = arith.constant dense<[[4.0, 2.0, 1.0], [4.0, 2.0, 1.0], [4.0, 2.0, 1.0]]> : tensor<3x3xf32>
  %a = arith.constant dense<0.5> : tensor<3xf32>
  %v = ssm.long_conv %u, %k {indexing_maps = [#bth, affine_map<(b, t, h) -> (h, t)>, #bth], time = 1 : i64}
      : tensor<?x?x3xf32>, tensor<3x3xf32> -> tensor<?x?x3xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<3xf32>) signal(%v : tensor<?x?x3xf32>)
      {indexing_maps = [affine_map<(b, t, h) -> (h)>, #bth, #bth, affine_map<(b, t, h) -> (b, h)>], time = 1 : i64}
      -> tensor<?x?x3xf32>, tensor<?x3xf32>
  return %y : tensor<?x?x3xf32>
}
"""


def smooth(u):
    u = u.astype(float)
    y, h = np.zeros_like(u), 0
    for t in range(u.shape[1]):
        h = 0.5 * h + 4 * u[:, t] + (2 * u[:, t - 1] if t > 0 else 0) + (u[:, t - 2] if t > 1 else 0)
        y[:, t] = h
    return y


@pytest.fixture(scope="module")
def step():
    return ssm.derive_step(ssm.compile(SMOOTH, entry="smooth"))


def signal(batch=2, length=20):
    return RNG.standard_normal((batch, length, 3)).astype(np.float32)


def test_one_step_at_a_time(step):
    u = signal()
    state, got = step.init(2), []
    for t in range(u.shape[1]):
        y, state = step(u[:, t], state)
        assert y.shape == (2, 3)
        got.append(y)
    np.testing.assert_allclose(np.stack(got, 1), smooth(u), rtol=2e-6, atol=2e-6)


def test_chunks_and_single_steps_mixed(step):
    u = signal(1)
    state, got, t = step.init(1), [], 0
    for size in (7, 1, 0, 9):
        y, state = step(u[:, t:t + size], state)
        assert y.shape == (1, size, 3)
        got.append(y)
        t += size
    for t in range(t, u.shape[1]):
        y, state = step(u[:, t], state)
        got.append(y[:, None])
    np.testing.assert_allclose(np.concatenate(got, 1), smooth(u), rtol=2e-6, atol=2e-6)


def test_a_state_that_was_kept_is_a_way_back(step):
    u = signal()
    _, kept = step(u[:, :5], step.init(2))
    copies = [x.copy() for x in kept]
    first, _ = step(u[:, 5:], kept)
    again, _ = step(u[:, 5:], kept)
    np.testing.assert_array_equal(first, again)
    for x, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_parameters_and_initial_states_are_given_once():
    f = ssm.compile(MODELS / "s4d.mlir", entry="s4d_real")
    a, b, c = -RNG.uniform(0.1, 2, (16, 8)), RNG.standard_normal((16, 8)), RNG.standard_normal((16, 8))
    d, dt, u = RNG.standard_normal(16), RNG.uniform(0.01, 0.1, 16), RNG.standard_normal((2, 30, 16))
    x0 = RNG.standard_normal((2, 16, 8))
    parameters = [x.astype(np.float32) for x in (a, b, c, d, dt)]
    abar = np.exp(dt[:, None] * a)
    for given in (None, x0):
        step = ssm.derive_step(f, *parameters, None, given)
        x = np.zeros_like(x0) if given is None else x0
        # The sizes of an initial state that is given are known; only the signal's are asked for.
        state = step.init(2)
        assert len(state) == 1
        for t in range(u.shape[1]):
            x = abar * x + (abar - 1) / a * b * u[:, t, :, None]
            y, state = step(u[:, t].astype(np.float32), state)
            np.testing.assert_allclose(y, (2 * c * x).sum(-1) + d * u[:, t], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(state[0], x, rtol=1e-4, atol=1e-4)


def test_a_state_in_a_file(step, tmp_path):
    u = signal()
    _, state = step(u[:, :5], step.init(2))
    step.save(tmp_path / "state.npz", state)
    loaded = step.load(tmp_path / "state.npz")
    np.testing.assert_array_equal(step(u[:, 5:], loaded)[0], step(u[:, 5:], state)[0])
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]
    other = ssm.derive_step(ssm.compile(SMOOTH.replace("0.5", "0.25"), entry="smooth"))
    with pytest.raises(ValueError, match="state.npz: the state is of another program"):
        other.load(tmp_path / "state.npz")
    for damaged in (b"", b"PK\x03\x04", (tmp_path / "state.npz").read_bytes()[:200]):
        (tmp_path / "broken.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match="broken.npz: not a state"):
            step.load(tmp_path / "broken.npz")
    np.savez(tmp_path / "foreign.npz", x=u)
    with pytest.raises(ValueError, match="foreign.npz: not a state"):
        step.load(tmp_path / "foreign.npz")
    np.save(tmp_path / "array.npy", u)
    with pytest.raises(ValueError, match="array.npy: not a state"):
        step.load(tmp_path / "array.npy")
    with pytest.raises(FileNotFoundError):
        step.load(tmp_path / "absent.npz")


def test_what_is_not_causal_is_named():
    backward = SMOOTH.replace("{indexing_maps = [affine_map<(b, t, h) -> (h)>,",
                              "{direction = #ssm.direction<backward>, indexing_maps = [affine_map<(b, t, h) -> (h)>,")
    assert backward != SMOOTH
    with pytest.raises(ValueError, match="error: 'ssm.linear_recurrence' op"):
        ssm.derive_step(ssm.compile(backward, entry="smooth"))


ZEROS = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize("call,error,text", [
    (lambda s: ssm.derive_step(smooth), TypeError, "f: expected what compile returned"),
    (lambda s: ssm.derive_step(ssm.compile(SMOOTH, entry="smooth"), None, None), TypeError, "arguments: expected 1"),
    (lambda s: ssm.derive_step(ssm.compile(SMOOTH, entry="smooth"), ZEROS), ValueError, "argument 0 .* varies in time"),
    (lambda s: ssm.derive_step(ssm.compile(MODELS / "s4d.mlir", entry="s4d_real")), ValueError,
     "argument 0 of f does not vary in time"),
    (lambda s: s.init(), ValueError, r"batch: expected 1 sizes, for the dynamic dimensions \[0\]"),
    (lambda s: s.init(-1), ValueError, "batch: expected sizes of at least 0"),
    (lambda s: s.init(1.5), TypeError, "batch: expected an integer"),
    (lambda s: s(ZEROS), TypeError, "expected 1 signals and the state"),
    (lambda s: s(ZEROS, None), TypeError, "state: expected what init"),
    (lambda s: s(ZEROS, ()), ValueError, "state: expected 2 arrays"),
    (lambda s: s(ZEROS, [x[..., :2] for x in s.init(2)]), ValueError, "state: array 0 must be float32"),
    (lambda s: s(ZEROS, [x.astype(float) for x in s.init(2)]), ValueError, "state: array 0 must be float32"),
    (lambda s: s(ZEROS, s.init(4)), ValueError, "^state: array 0 must be float32.* with d0 = 2"),
    (lambda s: s(ZEROS[0], s.init(2)), ValueError, r"signals: expected arrays of rank \[3\]"),
    (lambda s: s(ZEROS.astype(float), s.init(2)), TypeError, "^signal 0 .*float32"),
])
def test_errors(step, call, error, text):
    with pytest.raises(error, match=text):
        call(step)
