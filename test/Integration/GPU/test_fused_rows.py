"""Rows of contiguous time with ops around the recurrence, as one kernel: a
gated linear unit with its gates, feedthrough and output gate, against its
equations in float64.

    a = exp(-8 softplus(nu) sigmoid(r))
    x_t = a_t x_{t-1} + sqrt(1 - a_t^2) i_t u_t
    y_t = (c_t x_t + D u_t) silu(z_t)
"""

import ml_dtypes
import numpy as np
import pytest
from emulator import Exact, emulate, run_case
from gpu_scans import GatedUnit
from mlir_text import Recurrence

ROWS = "rt,rt,rt,rt->rt"

PLAIN = [
    *(Recurrence(ROWS, {"r": 2, "t": n}, init="r") for n in (0, 1, 515, 4096, 4097)),
    Recurrence(ROWS, {"r": 2, "t": 5003}, init="r", reverse=True, dynamic="rt"),
    Recurrence("rt,r,r,rt->rt", {"r": 3, "t": 600}, complex="abc", read="before", projection="real", reverse=True),
    Recurrence("rt,rt,,rt->rt", {"r": 3, "t": 600}, dtype="f64"),
]


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_input_and_output(case):
    results, report = run_case(case, seed=3)
    assert not case.errors(results, case.dtype, "tree_scan")
    rows, length = case.sizes["r"], case.sizes["t"]
    tile = 256 * 4 * 16 // {"f64": 8, "f32": 8 if case.complex else 4}[case.dtype] if rows * length else 1
    kernel = "row_scan" if "r" in case.dynamic or length <= tile else "look_back"
    assert report["races"] == 0 and report["launch"]["kernel"] == kernel


def test_complex_states_are_exact():
    case = Exact("r,r,rt,rt->rt", {"r": 2, "t": 4100}, complex="abch", init="r", projection="twice_real")
    results, report = run_case(case, seed=4)
    assert case.is_exact(results)
    assert report["races"] == 0 and report["launch"]["kernel"] == "look_back"


@pytest.mark.parametrize("rows, length, kernel", [
    ([2, 3], 1, "row_scan"), ([1, 3], 700, "row_scan"), ([1, 1], 1031, "row_scan"),
    ([1, 2], 4 * 4096, "look_back"), ([1, 1], 9001, "look_back")], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_gated_unit(rows, length, kernel, reverse):
    case = GatedUnit("", [*rows, length], "", reverse=reverse)
    inputs = case.inputs(np.random.default_rng(1))
    results, report = emulate(case.text(), inputs, [(case.shape, np.float32)], seed=5)
    assert case.error(inputs, results) <= case.bound
    assert report["races"] == 0 and report["launch"]["kernel"] == kernel


@pytest.mark.parametrize("length, kernel", [(2048, "row_scan"), (4 * 4096, "look_back")])
def test_each_tensor_moves_once(length, kernel):
    case = GatedUnit("", [1, 2, length], "")
    inputs = case.inputs(np.random.default_rng(1))
    _, report = emulate(case.text(), inputs, [(case.shape, np.float32)])
    assert report["launch"]["kernel"] == kernel
    traffic = report["global"]
    # r, i, c, u, z and y, beside what channels have and tiles publish.
    assert 0 <= traffic["bytes"] - 4 * 6 * 2 * length <= 0.01 * traffic["bytes"]
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["requests"]


def test_narrow_storage():
    case = GatedUnit("", [1, 2, 1500], "", dtype="bf16")
    inputs = case.inputs(np.random.default_rng(1))
    (y,), report = emulate(case.text(), inputs, [(case.shape, ml_dtypes.bfloat16)])
    assert case.error(inputs, [y]) <= 8e-3
    assert report["races"] == 0 and report["launch"]["kernel"] == "row_scan"
