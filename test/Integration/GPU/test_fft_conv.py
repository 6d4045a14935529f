"""Convolutions by transforms in a block's registers, against the direct sum.

A block has 16 points for each thread and 512 at least. What the emulator counts
is asserted too: no races, whole sectors, no bank conflicts.
"""

import numpy as np
import pytest
from emulator import BARRIER, emulate
from harness import DTYPES
from mlir_text import Conv, element, program

BATCH = "bht,ht->bht"

CASES = [
    *(Conv(BATCH, {"b": 2, "h": 2, "t": n}, taps=n) for n in (0, 1, 511, 513, 1025)),
    Conv(BATCH, {"b": 1, "h": 1, "t": 4096}, taps=4096),
    Conv(BATCH, {"b": 3, "h": 2, "t": 700}, taps=33, dynamic="bh"),
    Conv(BATCH, {"b": 9, "h": 1, "t": 30}, taps=90, dynamic="b", direction="backward"),
    Conv("ht,hct->hct", {"h": 2, "c": 3, "t": 100}, taps=100),
    *(Conv("bt,t->bt", {"b": 2, "t": n}, taps=k, direction="two_sided")
      for n, k in ((512, 1023), (512, 2000), (700, 65), (40, 1), (1, 8))),
    # Signals with a second half of a window.
    Conv("bt,t->bt", {"b": 3, "t": 1000}, taps=25),
    Conv("bt,t->bt", {"b": 3, "t": 1000}, taps=25, direction="backward"),
    # Accesses of four steps, with ends of signal and kernel among a thread's.
    Conv("bt,t->bt", {"b": 3, "t": 1000}, taps=28),
    Conv("bt,t->bt", {"b": 1, "t": 900}, taps=904, direction="two_sided"),
]

COMPLEX = [
    *(Conv(BATCH, {"b": 3, "h": 2, "t": n}, taps=n, complex="uk") for n in (1, 257, 300)),
    Conv("bt,t->bt", {"b": 1, "t": 700}, taps=65, complex="uk", direction="two_sided"),
    Conv("bt,t->bt", {"b": 1, "t": 6001}, taps=300, complex="uk", direction="backward"),
]

WINDOWS = [
    Conv(BATCH, {"b": 3, "h": 1, "t": 9001}, taps=700),
    Conv("bt,t->bt", {"b": 1, "t": 20000}, taps=3),
    Conv("bt,t->bt", {"b": 3, "t": 5000}, taps=5000),
    Conv("bt,t->bt", {"b": 1, "t": 9003}, taps=1501, direction="two_sided"),
    Conv("bt,t->bt", {"b": 1, "t": 9003}, taps=100, direction="backward"),
]

# Of 32 points a thread, in shared memory that the launch gives.
LARGEST = [
    Conv(BATCH, {"b": 3, "h": 2, "t": 8192}, taps=8192, dynamic="bh"),
    Conv("bt,t->bt", {"b": 1, "t": 7001}, taps=6999, direction="backward"),
    Conv("bt,t->bt", {"b": 2, "t": 10000}, taps=2100),
    Conv("bt,t->bt", {"b": 1, "t": 20001}, taps=9001, direction="two_sided"),
    Conv("bt,t->bt", {"b": 1, "t": 4096}, taps=4096, complex="uk"),
    # Windows that overlap.
    Conv(BATCH, {"b": 3, "h": 1, "t": 8196}, taps=8196, dynamic="bh"),
    Conv("bt,t->bt", {"b": 1, "t": 10000}, taps=9999, direction="backward"),
    Conv("bt,t->bt", {"b": 1, "t": 5001}, taps=5001, complex="uk"),
]

PASSES = [
    Conv(BATCH, {"b": 3, "h": 2, "t": 12292}, taps=12292, dynamic="bh"),
    Conv("bt,t->bt", {"b": 1, "t": 12289}, taps=12289),
    Conv("bt,t->bt", {"b": 2, "t": 20001}, taps=30001, direction="two_sided"),
    Conv("bt,t->bt", {"b": 1, "t": 13000}, taps=12999, direction="backward"),
    Conv("bt,t->bt", {"b": 1, "t": 6145}, taps=6145, complex="uk"),
    *(Conv("t,t->t", {"t": n}, taps=n) for n in (1 << 17, (1 << 18) - 5)),
]

TURNED = [
    Conv("bth,th->bth", {"b": 2, "h": 33, "t": 70}, taps=70),
    Conv("bth,ht->bth", {"b": 1, "h": 3, "t": 701}, taps=33, dynamic="bh", direction="backward"),
    Conv("tb,t->bt", {"b": 34, "t": 31}, taps=31),
    Conv("tb,t->tb", {"b": 1, "t": 1}, taps=1),
    Conv("th,tch->cth", {"h": 5, "c": 3, "t": 100}, taps=100),
    Conv("bth,th->bth", {"b": 1, "h": 3, "t": 300}, taps=300, complex="uk"),
    Conv("bth,th->bth", {"b": 1, "h": 3, "t": 9000}, taps=9000),
    Conv("bth,th->bth", {"b": 1, "h": 2, "t": 9000}, taps=40, direction="two_sided"),
]


def run(case, seed=3, **options):
    sizes = [case.sizes[letter] for letter in case.y if letter in case.dynamic]
    output = ([case.sizes[s] for s in case.y], DTYPES[element(case.dtype, bool(case.complex))])
    return emulate(program([case]), list(case.inputs.values()), [output], sizes, seed=seed, **options)


def kernels(report):
    return 1 + len(report["launch"]["then"])


@pytest.mark.parametrize("case, count", [
    *((case, 1) for case in CASES + COMPLEX + WINDOWS + LARGEST), *((case, 4) for case in PASSES),
    *(pytest.param(case, None, id=f"turned {case.name}") for case in TURNED),
], ids=lambda x: x.name if isinstance(x, Conv) else "")
def test_equals_direct_sum(case, count):
    results, report = run(case)
    assert not case.errors(results, case.dtype, "fft_conv")
    assert report["races"] == 0 and report["launch"]["kernel"] == "fft_conv"
    assert count in (None, kernels(report))


@pytest.mark.slow
def test_columns_of_columns():
    """Of 2^21 points: rows of 2048, and 32 columns twice."""
    case = Conv("t,t->t", {"t": 2**20 + 1}, taps=2**20 + 1)
    results, report = run(case)
    assert not case.errors(results, case.dtype, "fft_conv")
    assert report["races"] == 0 and kernels(report) == 7


def test_a_length_of_the_run_time():
    case = Conv("bt,t->bt", {"b": 2, "t": 5001}, taps=40)
    text = program([case]).replace("2x5001", "2x?")
    results, report = emulate(text, list(case.inputs.values()), [((2, 5001), np.float32)], [5001], seed=2)
    assert not case.errors(results, case.dtype, "fft_conv")
    assert report["races"] == 0 and kernels(report) == 1


@pytest.mark.parametrize("spec", ["bht,ht->bht", "bth,th->bth"])
@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
@pytest.mark.parametrize("length", [300, 7000])
def test_narrow_storage(spec, dtype, bound, length):
    """Transforms have f32; only what is stored is rounded, to 2^-11 or 2^-8."""
    case = Conv(spec, {"b": 1, "h": 2, "t": length}, taps=length, dtype=dtype)
    (y,), report = run(case)
    want = case.oracle[0]
    assert np.all(np.abs(y.astype(float) - want) <= bound * np.abs(want) + 1e-5)
    assert report["races"] == 0


@pytest.mark.parametrize("case, count", [
    # u, k and y once each, by four steps of a lane, two, and one.
    (Conv(BATCH, {"b": 1, "h": 2, "t": 512}, taps=512), 4 * 3 * 2 * 512),
    (Conv(BATCH, {"b": 1, "h": 2, "t": 1024}, taps=1024), 4 * 3 * 2 * 1024),
    (Conv(BATCH, {"b": 1, "h": 2, "t": 2048}, taps=2048), 4 * 3 * 2 * 2048),
    (Conv(BATCH, {"b": 1, "h": 2, "t": 4096}, taps=4096), 4 * 3 * 2 * 4096),
    (Conv(BATCH, {"b": 1, "h": 2, "t": 512}, taps=512, complex="uk"), 8 * 3 * 2 * 512),
    (Conv(BATCH, {"b": 1, "h": 2, "t": 8192}, taps=8192), 4 * 3 * 2 * 8192),
    # Windows of 6144 results and 8192 steps, or twice as many steps, the last of which end with the signal.
    (Conv("bt,t->bt", {"b": 1, "t": 3 * 6144}, taps=2048), 4 * (3 * 2048 + (8192 - 2048) + 2 * 8192 + 3 * 6144)),
    (Conv("bt,t->bt", {"b": 1, "t": 3 * 11360}, taps=5001), 4 * (3 * 5001 + (16384 - 5024) + 2 * 16384 + 3 * 11360)),
    # Kernel and signal: in, complex out and in. Rows out, columns in and the result out.
    (Conv(BATCH, {"b": 1, "h": 1, "t": 16384}, taps=16384), 16384 * (2 * (4 + 8 + 8) + 8 + 8 + 4)),
    (Conv(BATCH, {"b": 1, "h": 1, "t": 1 << 16}, taps=1 << 16), 65536 * (2 * (4 + 8 + 8) + 8 + 8 + 4)),
    # The signal turned, read, the result written, and turned; the kernel turned, and read by two blocks.
    (Conv("bth,th->bth", {"b": 2, "h": 32, "t": 512}, taps=512), 4 * (2 * 6 + 4) * 32 * 512),
], ids=lambda x: x.name if isinstance(x, Conv) else "")
def test_transactions_are_ideal(case, count):
    _, report = run(case)
    traffic, shared = report["global"], report["shared"]
    assert traffic["bytes"] == count
    assert traffic["sectors"] <= 1.02 * traffic["ideal_sectors"]
    assert shared["wavefronts"] <= 1.1 * shared["ideal_wavefronts"]


def test_barriers():
    """Three transforms of two exchanges, and one barrier between kernel and signal."""
    _, report = run(Conv(BATCH, {"b": 1, "h": 2, "t": 2048}, taps=2048))
    assert report["barriers"] == 2 * (3 * 2 + 1)


@pytest.mark.parametrize("case, count", [
    (Conv(BATCH, {"b": 1, "h": 1, "t": 1024}, taps=1024), 7),
    (Conv("bt,t->bt", {"b": 1, "t": 2000}, taps=64), 7),
    (Conv("bt,t->bt", {"b": 2, "t": 8192}, taps=8192), 5),
    # Columns of 8 points of the kernel and the signal, and back: one exchange each. Rows of 2048 points: seven barriers.
    (Conv("bt,t->bt", {"b": 1, "t": 12289}, taps=12289), 3 + 7),
    (Conv("tb,t->tb", {"b": 33, "t": 40}, taps=40), 1 + 7 + 1),
], ids=lambda x: x.name if isinstance(x, Conv) else "")
def test_a_deleted_barrier_is_a_race(case, count):
    for which in range(count):
        def without(kernel):
            calls = list(BARRIER.finditer(kernel))
            assert len(calls) == count
            return kernel[:calls[which].start()] + kernel[calls[which].end():]
        _, report = run(case, seed=1, edit=without)
        assert report["races"] > 0, f"barrier {which}"
