"""The kernel with one block for each row, against the NumPy oracle.

A chunk is 128 threads of 16 bytes: 512 elements of f32. Deleting the barrier
of the emitted kernel must be seen as a race.
"""

import pytest
from emulator import run_case, without_the_barrier
from mlir_text import Recurrence

ROWS, STEADY = "rt,,,rt->rt", "r,,,rt->rt"

CASES = [
    *(Recurrence(ROWS, {"r": 3, "t": n}) for n in (0, 1, 3, 4, 31, 511, 512, 513, 1030)),
    Recurrence(ROWS, {"r": 2, "t": 700}, init="r", dynamic="rt"),
    Recurrence("r,,,rt->rt", {"r": 2, "t": 1500}, init="r"),
    Recurrence("bht,,,bht->bht", {"b": 2, "h": 3, "t": 600}, read="before", init="bh", dynamic="bh"),
    Recurrence(ROWS, {"r": 2, "t": 600}, complex="auh", init="r"),
    Recurrence(ROWS, {"r": 2, "t": 515}, complex="u"),
    Recurrence(ROWS, {"r": 2, "t": 600}, dtype="f64"),
    *(Recurrence(ROWS, {"r": 2, "t": n}, init="r", reverse=True) for n in (1, 700, 1031)),
    Recurrence(ROWS, {"r": 2, "t": 90}, complex="au", init="r", read="before", reverse=True),
    # A transition that all steps have, whose powers act in front of a row and behind it too.
    *(Recurrence(STEADY, {"r": 3, "t": n}, init="r") for n in (0, 1, 3, 512, 513, 1031)),
    *(Recurrence(STEADY, {"r": 3, "t": n}, complex="auh", init="r", read="before", reverse=reverse)
      for n in (1, 90, 1031) for reverse in (False, True)),
    Recurrence(STEADY, {"r": 3, "t": 517}, complex="a", init="r", dynamic="rt"),
    Recurrence(STEADY, {"r": 2, "t": 601}, dtype="f64", init="r", complex="auh"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_reference(case):
    results, report = run_case(case, seed=3)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["races"] == 0
    assert report["launch"]["kernel"] == "row_scan"


@pytest.mark.parametrize("reverse", [False, True])
def test_transactions_are_ideal(reverse):
    case = Recurrence(ROWS, {"r": 2, "t": 4096}, reverse=reverse)
    _, report = run_case(case)
    traffic = report["global"]
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    # a, u and y once each, and the final state.
    assert traffic["bytes"] == 4 * (3 * 2 * 4096 + 2)
    # 16 bytes of each lane.
    assert traffic["requests"] == 4 * 3 * 2 * 4096 // (32 * 16) + 2
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["requests"]
    assert report["barriers"] == 2 * 4096 // 512


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length, dynamic", [(4097, "r"), (4099, "rt"), (2050, "rt")])
def test_ragged_rows_move_whole_sectors(length, dynamic, reverse):
    """Accesses begin with sectors, wherever a row does; single elements are in front of the first and behind the last one."""
    case = Recurrence(ROWS, {"r": 3, "t": length}, reverse=reverse, dynamic=dynamic)
    results, report = run_case(case)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["launch"]["kernel"] == "row_scan"
    assert report["global"]["sectors"] <= 1.02 * report["global"]["ideal_sectors"]


def test_deleted_barrier_is_a_race():
    case = Recurrence(ROWS, {"r": 1, "t": 2048})
    _, report = run_case(case, seed=1, edit=without_the_barrier)
    assert report["races"] > 0
