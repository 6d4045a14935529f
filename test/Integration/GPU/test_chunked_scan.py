"""Matrix states by products of matrices on the tensor cores, of warps and (sm_90a) of groups of warps, against the NumPy oracle.

Products of small integers are exact, and so are transitions of 1, -1 and 0:
every place is checked to the last bit.
"""

import re

import ml_dtypes
import numpy as np
import pytest
from emulator import BARRIER, emulate, run_case
from gpu_matrix_states import Mamba2
from mlir_text import Recurrence

SSD = "bth,btn,btn,bthp->bthp"
GROUPS = "btgh,btgn,btgn,btghp->btghp"

of_warps_and_groups = pytest.mark.parametrize("chip", ["sm_90", "sm_90a"])


class Exact(Recurrence):
    """Mostly zeros, so that sums stay below 2^8 and bf16 holds them."""

    def operands(self):
        rng = np.random.default_rng(3)
        def draw(name, like):
            if name == "a":
                return rng.choice([1, -1, 0], like.shape, p=[0.6, 0.35, 0.05]).astype(like.dtype)
            return (rng.integers(-1, 2, like.shape) * (rng.random(like.shape) < 0.15)).astype(like.dtype)
        return {name: draw(name, like) for name, like in super().operands().items()}

    def is_exact(self, results):
        return all(np.array_equal(got.astype(float), want) for got, want in zip(results, self.oracle, strict=True))


def case(make=Recurrence, t=70, n=64, p=64, h=2, **options):
    return make(SSD, {"b": 1, "t": t, "h": h, "n": n, "p": p}, dtype="bf16", **options)


TWO_CHUNKS = case(Exact, t=100)


@of_warps_and_groups
@pytest.mark.parametrize("options", [
    dict(t=0, init="bhnp"), dict(t=1, h=1), dict(t=64, n=128), dict(t=131, p=128, h=3, init="bhnp"),
    dict(t=70, dynamic="bt", final="bhpn")], ids=str)
def test_integers_are_exact(options, chip):
    exact = case(Exact, **options)
    results, report = run_case(exact, seed=3, chip=chip)
    assert exact.is_exact(results)
    assert report["launch"]["kernel"] == "chunked_scan" and report["races"] == 0


@of_warps_and_groups
def test_heads_share_b_and_c_in_groups(chip):
    exact = Exact(GROUPS, {"b": 2, "t": 66, "g": 2, "h": 3, "n": 64, "p": 64}, dtype="bf16")
    results, report = run_case(exact, seed=3, chip=chip)
    assert exact.is_exact(results)
    assert report["launch"]["kernel"] == "chunked_scan" and report["races"] == 0


@of_warps_and_groups
def test_factors_are_rounded_to_bf16(chip):
    """Three roundings to 2^-9 on the way to each result: of L C B, of the state, and of the result."""
    decaying = case(t=200)
    (y, final), _ = run_case(decaying, chip=chip)
    for got, want, bound in zip((y, final), decaying.oracle, (6e-3, 4e-3), strict=True):
        assert np.linalg.norm(got.astype(float) - want) <= bound * np.linalg.norm(want)


def test_transactions():
    _, report = run_case(case(Exact, t=128, n=128))
    # Products of 16 x 16 and 16 x 8 in each chunk of a head.
    tiles = 128 // 16
    rows = (1 + 2 + 3 + 4) * (2 * tiles + 8)  # C B, and its product with U: only blocks that are not behind
    state = 4 * tiles * 8 + 4 * tiles * 8  # C X, and B U
    assert report["instructions"]["tensor"] == 2 * 2 * 32 * (rows + state)
    assert report["barriers"] == 2 * (1 + 2 * 3)
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]
    assert report["global"]["sectors"] <= 1.05 * report["global"]["ideal_sectors"]


def test_transactions_of_groups():
    """The tensor cores read shared memory without the pipe of loads, whose passes are about a third of those of warps."""
    of_warps, of_groups = (run_case(case(Exact, t=128, n=128), chip=chip)[1] for chip in ("sm_90", "sm_90a"))
    # Of 64 x 16 and 16 x 128: C B and C X over 128 states, and U B over 64 steps; of 16 x 64, the product of C B and U.
    assert of_groups["instructions"]["tensor"] == 2 * 2 * 128 * (8 + 4 + 4)
    assert of_groups["barriers"] == 2 * (1 + 2 * 2)
    shared = of_groups["shared"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"] and shared["wavefronts"] <= 0.35 * of_warps["shared"]["wavefronts"]
    assert of_groups["global"]["sectors"] <= 1.05 * of_groups["global"]["ideal_sectors"]


def without(pattern, which, count):
    """For run_case's edit: a kernel without one of so many lines."""
    def edit(kernel):
        lines = list(re.finditer(pattern, kernel))
        assert len(lines) == count
        return kernel[:lines[which].start()] + kernel[lines[which].end():]
    return edit


@pytest.mark.parametrize("chip, count", [("sm_90", 4), ("sm_90a", 3)])
def test_a_deleted_barrier_is_a_race(chip, count):
    for which in range(count):
        _, report = run_case(TWO_CHUNKS, seed=1, chip=chip, edit=without(BARRIER, which, count))
        assert report["races"] > 0, f"barrier {which}"


def test_products_of_groups_see_what_was_fenced():
    """Without the fence of the asynchronous proxy they may read what was there before."""
    _, report = run_case(TWO_CHUNKS, seed=1, chip="sm_90a", edit=without(r"\n.*call void @llvm.nvvm.fence.proxy.*", 0, 1))
    assert report["races"] > 0


@pytest.mark.parametrize("which", range(3))
def test_products_of_groups_are_waited_for(which):
    """Sums of products, rows of the result, and the state: without a wait, or the end of its group, they are not there."""
    def weaken(kernel):
        waits = list(re.finditer(r"wgmma.wait_group.sync.aligned (\d)", kernel))
        assert [wait[1] for wait in waits] == ["0", "1", "0"]
        return kernel[:waits[which].start(1)] + "7" + kernel[waits[which].end(1):]
    for edit in (weaken, without(r"\n.*call void @llvm.nvvm.wgmma.commit.*", which, 3)):
        results, _ = run_case(TWO_CHUNKS, seed=1, chip="sm_90a", edit=edit)
        assert not TWO_CHUNKS.is_exact(results)


@pytest.mark.parametrize("change, kernel", [
    (dict(dtype="f16"), "channel_scan"), (dict(n=32), "channel_scan"), (dict(p=32), "channel_scan"),
    (dict(reverse=True), "channel_scan"), (dict(read="before"), "channel_scan")], ids=str)
def test_others_are_no_matrices(change, kernel):
    sizes = {"b": 1, "t": 5, "h": 1, "n": 64, "p": 64} | {k: v for k, v in change.items() if k in "np"}
    other = Recurrence(SSD, sizes, **({"dtype": "bf16"} | {k: v for k, v in change.items() if k not in "np"}))
    _, report = run_case(other)
    assert report["launch"]["kernel"] == kernel


@of_warps_and_groups
@pytest.mark.parametrize("shape", [[2, 1, 2, 64, 64], [1, 63, 1, 64, 64], [1, 65, 3, 128, 64], [1, 130, 1, 64, 128]], ids=str)
def test_mamba_2_is_one_kernel(shape, chip):
    """Steps, decays, signals, the product with D and the gate are computed on the way."""
    case = Mamba2("", shape, "")
    inputs = case.inputs(np.random.default_rng(3))
    (y,), report = emulate(case.text(), [x.view(ml_dtypes.bfloat16) if x.dtype == np.uint16 else x for x in inputs],
                           [(shape[:4], ml_dtypes.bfloat16)], seed=2, chip=chip)
    assert case.error(inputs, [y.view(np.uint16)]) <= 5e-3
    assert report["races"] == 0 and report["launch"]["kernel"] == "chunked_scan"
    assert report["global"]["sectors"] <= 1.05 * report["global"]["ideal_sectors"]
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]
