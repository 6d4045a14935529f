"""Convolutions by transforms in a block's registers, against the direct sum.

A block has 16 points for each thread and 512 at least. What the emulator counts
is asserted too: no races, whole sectors, no bank conflicts.
"""

import re

import numpy as np
import pytest
from emulator import emulate
from harness import DTYPES
from mlir_text import Conv, program

BATCH = "bht,ht->bht"

CASES = [
    *(Conv(BATCH, {"b": 2, "h": 2, "t": n}, taps=n) for n in (0, 1, 511, 513, 1025)),
    Conv(BATCH, {"b": 1, "h": 1, "t": 4096}, taps=4096),
    Conv(BATCH, {"b": 3, "h": 2, "t": 700}, taps=33, dynamic="bh"),
    Conv(BATCH, {"b": 9, "h": 1, "t": 30}, taps=90, dynamic="b", direction="backward"),
    Conv("ht,hct->hct", {"h": 2, "c": 3, "t": 100}, taps=100),
    *(Conv("bt,t->bt", {"b": 2, "t": n}, taps=k, direction="two_sided")
      for n, k in ((512, 1023), (512, 2000), (700, 65), (40, 1), (1, 8))),
]


def run(case, seed=3, **options):
    sizes = [case.sizes[letter] for letter in case.y if letter in case.dynamic]
    output = ([case.sizes[s] for s in case.y], DTYPES[case.dtype])
    return emulate(program([case]), list(case.inputs.values()), [output], sizes, seed=seed, **options)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_direct_sum(case):
    results, report = run(case)
    assert not case.errors(results, case.dtype, "fft_conv")
    assert report["races"] == 0 and report["launch"]["kernel"] == "fft_conv"


@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
def test_narrow_storage(dtype, bound):
    """Transforms have f32; only what is stored is rounded, to 2^-11 or 2^-8."""
    case = Conv(BATCH, {"b": 1, "h": 2, "t": 300}, taps=300, dtype=dtype)
    (y,), _ = run(case)
    want = case.oracle[0]
    assert np.all(np.abs(y.astype(float) - want) <= bound * np.abs(want) + 1e-5)


def test_transactions_are_ideal():
    case = Conv(BATCH, {"b": 1, "h": 2, "t": 2048}, taps=2048)
    _, report = run(case)
    traffic, shared = report["global"], report["shared"]
    assert traffic["sectors"] == traffic["ideal_sectors"]
    assert traffic["bytes"] == 4 * 3 * 2 * 2048  # u, k and y once each
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]
    # Three transforms of two exchanges, and one barrier between kernel and signal.
    assert report["barriers"] == 2 * (3 * 2 + 1)


def test_a_deleted_barrier_is_a_race():
    case = Conv(BATCH, {"b": 1, "h": 1, "t": 1024}, taps=64)
    barrier = re.compile(r"\n *(tail )?call void @llvm.nvvm.barrier[^\n]*")
    count = 7
    for which in range(count):
        def without(kernel):
            calls = list(barrier.finditer(kernel))
            assert len(calls) == count
            return kernel[:calls[which].start()] + kernel[calls[which].end():]
        _, report = run(case, seed=1, edit=without)
        assert report["races"] > 0
