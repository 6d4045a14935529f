"""The kernel with one thread for each channel, against the NumPy oracle.

What the emulator counts is asserted too: no races, and what a block reads once.
"""

import numpy as np
import pytest
from emulator import BARRIER, run_case
from harness import tool
from mlir_text import Recurrence, program

S4D, MAMBA = "hn,hn,hn,bth->bth", "bthn,bthn,btn,bth->bth"
# B and C are the same for all channels of a block, which shares them by tiles of 32 steps, or fewer.
SHARED = "hn,btn,btn,bth->bth"

# Without states only layouts that differ get this kernel.
CASES = [
    Recurrence("bht,,,bth->bth", {"b": 2, "t": 33, "h": 48}),
    Recurrence("bth,,,bht->bth", {"b": 2, "t": 33, "h": 47}, init="bh", reverse=True),
    Recurrence("bth,,,bht->bth", {"b": 3, "t": 9, "h": 5}, complex="auh", init="bh", dynamic="bth"),
    Recurrence("bth,,,bht->bth", {"b": 1, "t": 0, "h": 3}, init="bh", dynamic="t"),
    Recurrence("hn,hn,hn,bth->bth", {"b": 2, "t": 12, "h": 8, "n": 2}, dtype="f64"),
    Recurrence(S4D, {"b": 2, "t": 40, "h": 6, "n": 4}, complex="abc", projection="twice_real"),
    Recurrence(S4D, {"b": 1, "t": 17, "h": 3, "n": 5}, complex="abc", projection="real", read="before", reverse=True),
    Recurrence(MAMBA, {"b": 2, "t": 30, "h": 40, "n": 16}),
    Recurrence("bth,btn,btn,bthp->bthp", {"b": 1, "t": 20, "h": 3, "p": 4, "n": 8}),
]
TILES = [
    *(Recurrence(SHARED, {"b": 2, "t": n, "h": 40, "n": 16}, init="bhn") for n in (0, 1, 31, 32, 33, 70)),
    Recurrence(SHARED, {"b": 3, "t": 37, "h": 33, "n": 16}, init="bhn", reverse=True, dynamic="bth"),
    Recurrence(SHARED, {"b": 2, "t": 40, "h": 16, "n": 8}, read="before", init="bhn", complex="abc", projection="real"),
    Recurrence(SHARED, {"b": 1, "t": 65, "h": 9, "n": 64}),
    Recurrence("hn,btn,btn,bth->bth", {"b": 1, "t": 66, "h": 40, "n": 16}, dtype="f64"),
    Recurrence("hn,tbn,hn,tbh->bth", {"b": 2, "t": 66, "h": 40, "n": 16}),
    Recurrence("hpn,btpn,btpn,bth->bth", {"b": 2, "t": 34, "h": 20, "p": 2, "n": 8}),
    # Accesses of two channels, of single ones, and of eight; of one value for all channels; of layouts that differ.
    *(Recurrence(SHARED, {"b": 1, "t": 40, "h": h, "n": 16}, init="bhn") for h in (34, 35)),
    Recurrence("hn,btn,btn,bt->bth", {"b": 2, "t": 40, "h": 36, "n": 16}),
    Recurrence("hn,btn,btn,bht->bth", {"b": 2, "t": 40, "h": 36, "n": 16}),
    Recurrence("hn,btn,btn,bth->bht", {"b": 2, "t": 40, "h": 36, "n": 16}),
    Recurrence(SHARED, {"b": 1, "t": 40, "h": 40, "n": 16}, complex="abcu"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_reference(case):
    results, report = run_case(case)
    assert not case.errors(results, case.dtype, "sequential")
    assert report["races"] == 0 and report["launch"]["kernel"] == "channel_scan"


@pytest.mark.parametrize("case", TILES, ids=lambda case: case.name)
def test_tiles_equal_reference(case):
    results, report = run_case(case, seed=4)
    assert not case.errors(results, case.dtype, "sequential")
    assert report["races"] == 0
    assert (report["barriers"] > 0) == (case.sizes["t"] >= 32)


def test_a_block_reads_what_its_channels_share_once():
    b, t, h, n = 2, 96, 64, 16
    _, report = run_case(Recurrence(SHARED, dict(b=b, t=t, h=h, n=n), final="bhn"), seed=5)
    blocks, tiles, channels, steps = b * 2, t // 32, 32, 32
    # The last tile is loaded twice: it is loaded ahead of itself too. A, the results and the final state, once.
    loads = blocks * (tiles + 1) * steps * (2 * n + channels)
    traffic, shared = report["global"], report["shared"]
    assert report["launch"]["block"] == 128 and report["barriers"] == blocks * (1 + tiles)
    assert traffic["bytes"] == 4 * (loads + 2 * b * h * n + b * t * h)
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


# So many channels that a thread has two of them; blocks with and without an end, and accesses of four, two and eight.
PAIRS = [
    Recurrence(SHARED, {"b": 264, "t": 71, "h": 64, "n": 16}, init="bhn", final="bhn"),
    Recurrence(SHARED, {"b": 500, "t": 37, "h": 36, "n": 16}, init="bhn", reverse=True),
    Recurrence(SHARED, {"b": 500, "t": 37, "h": 34, "n": 16}, read="before"),
    Recurrence(SHARED, {"b": 270, "t": 40, "h": 64, "n": 16}, dtype="bf16"),
]


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_pairs_of_channels_equal_reference(case):
    results, report = run_case(case, seed=7)
    narrow = case.dtype == "bf16"
    assert narrow or not case.errors(results, case.dtype, "sequential")
    if narrow:
        want, _ = case.oracle
        assert np.linalg.norm(results[0].astype(float) - want) <= 8e-3 * np.linalg.norm(want)
    shared = report["shared"]
    assert report["races"] == 0 and report["launch"]["block"] == 64
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
def test_tiles_of_narrow_storage(dtype, bound):
    """Eight channels in an access."""
    case = Recurrence(SHARED, {"b": 1, "t": 96, "h": 64, "n": 16}, dtype=dtype, final="bhn")
    (y, _), report = run_case(case, seed=6)
    want, _ = case.oracle
    assert np.linalg.norm(y.astype(float) - want) <= bound * np.linalg.norm(want)
    traffic, shared = report["global"], report["shared"]
    assert report["races"] == 0 and traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


def test_deleted_barriers_of_tiles_are_races():
    case = Recurrence(SHARED, {"b": 1, "t": 64, "h": 32, "n": 16})
    for which in range(2):
        def without(kernel):
            calls = list(BARRIER.finditer(kernel))
            assert len(calls) == 2
            return kernel[:calls[which].start()] + kernel[calls[which].end():]
        _, report = run_case(case, seed=1, edit=without)
        assert report["races"] > 0, f"barrier {which}"


@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
def test_narrow_storage(dtype, bound):
    """The states have f32; only what is stored is rounded, to 2^-11 or 2^-8."""
    case = Recurrence("hn,hn,hn,bth->bth", {"b": 1, "t": 50, "h": 33, "n": 2}, dtype=dtype)
    (y, final), _ = run_case(case)
    want, last = case.oracle
    assert np.all(np.abs(y.astype(float) - want) <= bound * np.abs(want) + 1e-6)
    assert final.dtype == np.float32
    assert np.linalg.norm(final - last) <= 1e-6 * np.linalg.norm(last)


def test_time_last_does_not():
    """What the counts are for: this layout wants another kernel."""
    case = Recurrence("hn,hn,hn,bht->bht", {"b": 2, "t": 64, "h": 64, "n": 2})
    _, report = run_case(case)
    assert report["global"]["sectors"] > 4 * report["global"]["ideal_sectors"]


@pytest.mark.parametrize("chip", ["sm_75", "sm_80", "sm_90a", "sm_100a", "sm_120a"])
def test_ptx_for_every_chip(chip, tmp_path):
    (tmp_path / "f.mlir").write_text(program([CASES[0]]))
    tool("ssm-compile", tmp_path / "f.mlir", f"--target=nvidia:{chip}", "--emit=ptx", "-o", tmp_path / "f.ptx")
    text = (tmp_path / "f.ptx").read_text()
    assert f".target {chip}" in text and ".visible .entry f(" in text
    assert "\0" not in text and "__nv_" not in text
