"""The kernel for neighbouring channels, whose threads share time, against the NumPy oracle.

A warp has 128 bytes of channels, and other steps in every lane that is so many
further. Deleting the barrier of the emitted kernel must be seen as a race.
"""

import ml_dtypes
import numpy as np
import pytest
from emulator import Exact, emulate, run_case, without_the_barrier
from gpu_scans import GatedUnit
from mlir_text import Recurrence

COLUMNS = "bth,,,bth->bth"

CASES = [
    *(Recurrence(COLUMNS, {"b": 2, "t": n, "h": 32}, init="bh") for n in (0, 1, 7, 8, 511, 512, 513, 1030)),
    # 47 channels are accessed one by one, 46 by two.
    *(Recurrence(COLUMNS, {"b": 2, "t": 33, "h": h}, init="bh", reverse=True) for h in (1, 46, 47, 48)),
    Recurrence(COLUMNS, {"b": 3, "t": 70, "h": 5}, complex="auh", init="bh", dynamic="bth"),
    Recurrence(COLUMNS, {"b": 3, "t": 70, "h": 6}, complex="u", read="before"),
    Recurrence("h,h,,bth->bth", {"b": 2, "t": 300, "h": 8}, dtype="f64"),
    Recurrence("tbh,,,tbh->tbh", {"b": 3, "t": 300, "h": 12}, reverse=True, init="hb", final="hb"),
    # A transition that all steps have, of each channel or of all.
    *(Recurrence("h,,,bth->bth", {"b": 2, "t": n, "h": h}, init="bh", reverse=h == 47) for n, h in ((0, 32), (1, 32), (513, 32), (70, 46), (70, 47))),
    Recurrence("bh,,,bth->bth", {"b": 3, "t": 70, "h": 6}, complex="auh", init="bh", read="before", dynamic="bth"),
    Recurrence("b,,,bth->bth", {"b": 3, "t": 70, "h": 8}, dtype="f64", init="bh"),
    # Decays and gates that all channels share.
    Recurrence("bt,bt,h,bth->bth", {"b": 2, "t": 200, "h": 36}),
    Recurrence("bth,bth,bth,bth->bth", {"b": 1, "t": 300, "h": 8}, complex="abc", projection="twice_real"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_reference(case):
    results, report = run_case(case, seed=3)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["races"] == 0 and report["launch"]["kernel"] == "column_scan"


def test_states_are_exact():
    case = Exact(COLUMNS, {"b": 2, "t": 1100, "h": 12}, complex="auh", init="bh")
    results, report = run_case(case, seed=4)
    assert case.is_exact(results) and report["races"] == 0


@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
def test_narrow_storage(dtype, bound):
    """The states have f32; only what is stored is rounded, to 2^-11 or 2^-8."""
    case = Recurrence(COLUMNS, {"b": 1, "t": 50, "h": 40}, dtype=dtype)
    (y, final), _ = run_case(case)
    want, last = case.oracle
    assert np.all(np.abs(y.astype(float) - want) <= bound * np.abs(want) + 1e-6)
    assert final.dtype == np.float32
    assert np.linalg.norm(final - last) <= 1e-6 * np.linalg.norm(last)


@pytest.mark.parametrize("dtype, bytes_of", [("f32", 4), ("bf16", 2)])
def test_transactions_are_ideal(dtype, bytes_of):
    case = Recurrence(COLUMNS, {"b": 2, "t": 512, "h": 64}, dtype=dtype)
    _, report = run_case(case, seed=5)
    traffic = report["global"]
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    # a, u and y once each, 16 bytes of each lane, and the final state in f32.
    moved = bytes_of * 3 * 2 * 512 * 64
    assert traffic["bytes"] == moved + 4 * 2 * 64
    assert 0 < traffic["requests"] - moved // (32 * 16) <= 4
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]


def test_deleted_barrier_is_a_race():
    case = Recurrence(COLUMNS, {"b": 1, "t": 2048, "h": 32})
    _, report = run_case(case, seed=1, edit=without_the_barrier)
    assert report["races"] > 0


@pytest.mark.parametrize("dtype, bound", [("f32", GatedUnit.bound), ("bf16", 8e-3)])
@pytest.mark.parametrize("sizes", [[2, 3, 70], [1, 40, 300]], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_gated_unit(sizes, reverse, dtype, bound):
    case = GatedUnit("", sizes, "", reverse=reverse, dtype=dtype, layout="bth")
    inputs = case.inputs(np.random.default_rng(1))
    element = np.float32 if dtype == "f32" else ml_dtypes.bfloat16
    results, report = emulate(case.text(), inputs, [(case.shape, element)], seed=5)
    assert case.error(inputs, results) <= bound
    assert report["races"] == 0 and report["launch"]["kernel"] == "column_scan"
