"""Steps that are taken together, by powers of two that are normal numbers and by any (NormalPowers.cpp).

x_t[d, n] = 2^(dt_t[d] A[d, n]) x_{t-1}[d, n] + u_t[d], from ones; without a signal, after
a step of dt = 1 and others of dt = 0, the states are 2^A.
"""

from pathlib import Path

import numpy as np
import pytest
import zoo

STATES, STEPS = 16, 8
HAS_AVX2 = {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text().split())
TARGETS = [pytest.param("host", id="host"),
           pytest.param("x86-64-v3", id="avx2", marks=pytest.mark.skipif(not HAS_AVX2, reason="no AVX2"))]


def program(channels, steps):
    dims = "t, d, n"
    dt, A, states, transition = (f"tensor<{shape}xf32>" for shape in (
        f"{steps}x{channels}", f"{channels}x{STATES}", f"{channels}x{STATES}", f"{steps}x{channels}x{STATES}"))
    row = f"tensor<{steps}x{STATES}xf32>"
    return f"""
#td = affine_map<({dims}) -> (t, d)>
#tn = affine_map<({dims}) -> (t, n)>
#dn = affine_map<({dims}) -> (d, n)>
#tdn = affine_map<({dims}) -> (t, d, n)>
func.func @f(%dt: {dt}, %A: {A}, %C: {row}, %u: {dt}, %one: {states}) -> ({dt}, {states}) {{
  %empty = tensor.empty() : {transition}
  %a = linalg.generic {{indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%dt, %A : {dt}, {A}) outs(%empty : {transition}) {{
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    %1 = math.exp2 %0 : f32
    linalg.yield %1 : f32
  }} -> {transition}
  %y, %h = ssm.linear_recurrence transition(%a : {transition}) signal(%u : {dt}) output(%C : {row})
      init(%one : {states})
      {{indexing_maps = [#tdn, #td, #tn, #dn, #td, #dn], time = 0 : i64}} -> {dt}, {states}
  return %y, %h : {dt}, {states}
}}
"""


def scan(dt, A, C, target, threads=1, u=0):
    """The outputs and the last states."""
    text = program(dt.shape[1], len(dt))
    code = zoo.Code(text, f"--target={target}", f"--threads={threads}", "--strategy=sequential")
    return code.call("f", dict(dt=dt, A=A, C=C, u=np.broadcast_to(u, dt.shape), one=np.ones_like(A)))


def powers(A, target):
    """2^A, in the first of the steps that are taken together."""
    dt = np.zeros((STEPS, A.shape[0]))
    dt[0] = 1
    _, h = scan(dt, A, np.ones((STEPS, STATES)), target)
    return h


def error_in_units(y, A):
    want = np.exp2(A.astype(np.float32).astype(np.longdouble))
    unit = np.spacing(np.maximum(want, np.finfo(np.float32).tiny).astype(np.float32))
    return np.max(np.abs(y - want) / unit)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("channels", [1536, 13])
def test_error_of_normal_powers(channels, target):
    random = np.random.default_rng(0)
    for low, high in [(-124.9, 124.9), (-1, 1), (-1e-3, 1e-3)]:
        A = random.uniform(low, high, (channels, STATES))
        assert error_in_units(powers(A, target), A) <= 2


@pytest.mark.parametrize("target", TARGETS)
def test_exact_where_whole(target):
    A = np.resize(np.arange(-124, 125), (16, STATES))
    np.testing.assert_array_equal(powers(A, target), np.exp2(A.astype(np.float64)))


@pytest.mark.parametrize("target", TARGETS)
def test_other_powers(target):
    """A lane that is beyond has all steps taken by powers of any size."""
    random = np.random.default_rng(1)
    A = random.uniform(-150, 127.9, (64, STATES))
    assert error_in_units(powers(A, target), A) <= 2
    special = np.float32([1e30, -1e30, np.nan, 1e-40, 128, -149, -150.5, 125, -125, 126, -126, 3, 0, -0.0, 127, -127])
    for channels in (special, np.float32([np.nan, 3, 0, -0.0] * 4)):
        h = powers(np.tile(channels, (8, 1)), target)
        with np.errstate(over="ignore", under="ignore"):
            want = np.exp2(channels.astype(np.float64)).astype(np.float32)
        np.testing.assert_allclose(h, np.tile(want, (8, 1)), rtol=2.4e-7, atol=1.5e-45)


@pytest.mark.parametrize("target", TARGETS)
def test_infinite_steps(target):
    dt = np.zeros((STEPS, 16))
    dt[0], dt[0, 8:] = np.inf, np.nan
    _, h = scan(dt, np.tile([1.0, -1.0], (16, 8)), np.ones((STEPS, STATES)), target)
    np.testing.assert_array_equal(h, np.where(np.arange(16)[:, None] < 8, np.tile([np.inf, 0], (16, 8)), np.nan))


@pytest.mark.parametrize("target", TARGETS)
def test_both_in_turn(target):
    """Some steps and channels of either kind; for 1, 2 and 4 threads alike."""
    random = np.random.default_rng(2)
    steps, channels = 43, 72
    dt, A = random.uniform(0, 1, (steps, channels)), random.uniform(-3, 0, (channels, STATES))
    dt[8:16, 16:24] *= 100
    dt[20, 40] = 1000
    C, u = random.uniform(-1, 1, (steps, STATES)), random.uniform(-1, 1, (steps, channels))
    results = [scan(dt, A, C, target, threads, u) for threads in (1, 2, 4)]
    dt, A, C, u = (v.astype(np.float32).astype(np.float64) for v in (dt, A, C, u))
    state, want = np.ones(A.shape), np.empty(dt.shape)
    for t in range(steps):
        state = np.exp2(dt[t, :, None] * A) * state + u[t, :, None]
        want[t] = (state * C[t]).sum(-1)
    for y, h in results:
        np.testing.assert_array_equal(y, results[0][0])
        np.testing.assert_array_equal(h, results[0][1])
        np.testing.assert_allclose(y, want, rtol=0, atol=1e-6 * np.abs(want).max())
        np.testing.assert_allclose(h, state, rtol=0, atol=1e-6 * np.abs(state).max())
