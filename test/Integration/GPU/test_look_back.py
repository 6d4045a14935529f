"""The kernel with many blocks for each row, against the NumPy oracle.

A tile is 256 threads of 4 accesses of 16 bytes: 4096 elements of f32. Blocks
publish what they know to the blocks behind them, so every schedule counts.
Transitions of modulus 1 carry everything to the end, and integers are exact.
"""

import re

import numpy as np
import pytest
from emulator import BARRIER, Exact, run_case, run_seeds
from harness import ToolError
from mlir_text import Recurrence

ROWS, STEADY = "rt,,,rt->rt", "r,,,rt->rt"

CASES = [
    *(Exact(ROWS, {"r": 1, "t": n}, init="r", dynamic="t") for n in (0, 1, 3, 4096, 4097)),
    Exact("t,,,t->t", {"t": 20003}),
    # Of three rows, begins that differ; two tiles are full, and a third one is empty.
    *(Exact(spec, {"r": 3, "t": n}, init="r", reverse=n % 2 == 1) for spec in (ROWS, STEADY) for n in (8176, 8177)),
    Exact(ROWS, {"r": 3, "t": 9000}, init="r"),
    Exact("bht,,,bht->bht", {"b": 2, "h": 2, "t": 5000}, read="before", init="bh"),
    *(Exact(STEADY, {"r": 2, "t": 8203}, init="r", reverse=reverse, read=read) for reverse in (False, True) for read in ("after", "before")),
    Exact(STEADY, {"r": 1, "t": 5001}, complex="auh", init="r", dynamic="t"),
    Exact(ROWS, {"r": 2, "t": 5001}, complex="auh", init="r"),
    Exact(ROWS, {"r": 1, "t": 6000}, complex="u"),
    Exact(ROWS, {"r": 1, "t": 7000}, dtype="f64", init="r"),
    Exact(ROWS, {"r": 2, "t": 9001}, init="r", reverse=True),
]

FEW_TILES = Exact(ROWS, {"r": 2, "t": 3 * 4096}, init="r")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_reference(case):
    results, report = run_case(case, seed=3)
    assert case.is_exact(results)
    assert report["races"] == 0
    assert report["launch"]["kernel"] == "look_back"


class Turning(Recurrence):
    """A transition of modulus 1 that is no root of unity."""

    def operands(self):
        drawn = super().operands()
        return drawn | {"a": np.full_like(drawn["a"], np.exp(0.7j))}


@pytest.mark.parametrize("chip", ["sm_90", "sm_120"])
@pytest.mark.parametrize("case", [Recurrence(STEADY, {"r": 2, "t": 9001}, complex="auh", init="r"), Turning(STEADY, {"r": 2, "t": 5000}, complex="auh")],
                         ids=["decaying", "turning"])
def test_powers_of_a_transition_keep_their_digits(case, chip):
    """A product of powers in f32 would double the error of each. They are in f64, or pairs of f32 where that is slow."""
    results, report = run_case(case, seed=3, chip=chip)
    assert not case.errors(results, case.dtype, "tree_scan")
    assert report["races"] == 0 and report["launch"]["kernel"] == "look_back"
    assert (report["instructions"]["float64"] > 0) == (chip == "sm_90")


def test_every_schedule_ends_and_is_right():
    case = Exact(ROWS, {"r": 1, "t": 4 * 4096}, init="r")
    for seed, (results, report) in enumerate(run_seeds(case, range(1, 101)), start=1):
        assert case.is_exact(results), f"seed {seed}"
        assert report["races"] == 0, f"seed {seed}"
    assert seed == 100


def late(kernel):
    """Publishes ends late: a tile goes on past 128 totals."""
    at = list(re.finditer(r"\n *store atomic", kernel))[-1].start()
    kernel = kernel[:at] + 40 * "\n  call void @llvm.nvvm.nanosleep(i32 0)" + kernel[at:]
    return kernel + "\ndeclare void @llvm.nvvm.nanosleep(i32)\n"


def test_looks_back_over_many_windows():
    """By 128 tiles."""
    def wrong(kernel):
        kernel, count = re.subn(r"(= add .*i64 %\d+, )-128\b", r"\g<1>-127", kernel)
        assert count == 1
        return late(kernel)
    case = Exact("t,,,t->t", {"t": 140 * 4096 - 5})
    assert case.is_exact(run_case(case, edit=late, resident=140)[0])
    assert not case.is_exact(run_case(case, edit=wrong, resident=140)[0])


def test_powers_of_many_windows_are_products():
    case = Turning(STEADY, {"r": 1, "t": 140 * 2048}, complex="auh")
    (y, _), report = run_case(case, edit=late, resident=140)
    want, _ = case.oracle
    assert np.linalg.norm(y - want) <= 1e-5 * np.linalg.norm(want)
    assert report["launch"]["kernel"] == "look_back"


def test_transactions_are_ideal():
    case = Exact("t,,,t->t", {"t": 8 * 4096})
    _, report = run_case(case)
    traffic = report["global"]
    # a, u and y once each. In order, a tile finds the end of the one in front.
    assert traffic["sectors"] <= 1.02 * 3 * 4 * 8 * 4096 / 32
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["requests"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length, dynamic", [(20003, ""), (20003, "t"), (16386, "t")])
def test_ragged_rows_move_whole_sectors(length, dynamic, reverse):
    """Accesses begin with sectors, wherever a row does; single elements are in front of the first and behind the last one."""
    case = Exact(ROWS, {"r": 3, "t": length}, reverse=reverse, dynamic=dynamic)
    results, report = run_case(case)
    assert case.is_exact(results) and report["launch"]["kernel"] == "look_back"
    assert report["global"]["sectors"] <= 1.02 * report["global"]["ideal_sectors"]


@pytest.mark.parametrize("which", range(3))
def test_a_deleted_barrier_is_a_race(which):
    def without(kernel):
        calls = list(BARRIER.finditer(kernel))
        assert len(calls) == 3
        return kernel[:calls[which].start()] + kernel[calls[which].end():]
    try:
        _, report = run_case(FEW_TILES, seed=1, edit=without)
        assert report["races"] > 0
    except ToolError as error:  # a ticket that was not written is no tile
        assert which == 0 and "out of bounds" in error.stderr


def test_a_flag_in_front_of_its_value_is_seen():
    """A value that is written after its flag: some schedule reads what was there."""
    def early(kernel):
        store = re.compile(r"\n( *)store atomic i64 %\S+(, ptr addrspace\(1\) [^\n]*)")
        kernel, count = store.subn(lambda m: f"\n{m[1]}store atomic i64 4294967296{m[2]}{m[0]}", kernel)
        assert count == 3
        return kernel
    assert not all(FEW_TILES.is_exact(run_case(FEW_TILES, seed=s, edit=early)[0]) for s in (1, 2, 3, 4))


def test_a_plain_publish_is_a_race():
    def plain(kernel):
        kernel, count = re.subn(r'store atomic (i64 [^\n]*) syncscope\("device"\) monotonic', r"store \1", kernel)
        assert count == 3
        return kernel
    _, report = run_case(FEW_TILES, seed=1, edit=plain)
    assert report["races"] > 0
