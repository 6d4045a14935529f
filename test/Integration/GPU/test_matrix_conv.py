"""Convolutions by transforms that are products of matrices of bf16, against the direct sum.

Each number that is multiplied has a relative error of 2^-9, which adds up to
about 6e-3 of the result, norm by norm: see docs/Numerics.md. A wrong root, or a
number at a wrong place, makes an error near 1.
"""

import numpy as np
import pytest
from emulator import BARRIER, count_cycles, emulate
from harness import DTYPES, ToolError, tool
from mlir_text import Conv, element, program

BOUND = 8e-3
BATCH = "bht,ht->bht"
# Dense products of bf16 by mma.sync on a multiprocessor in a cycle: 1024 on sm_80 (NVIDIA, A100 white paper), in products of 16 x 8 x 16.
PRODUCTS = 1024 / (16 * 8 * 16)

CASES = [
    *(Conv(BATCH, {"b": 2, "h": 2, "t": n}, taps=n) for n in (0, 1, 511, 1024, 1025)),
    Conv(BATCH, {"b": 1, "h": 1, "t": 2048}, taps=2048),
    Conv(BATCH, {"b": 3, "h": 1, "t": 4096}, taps=4096),
    Conv(BATCH, {"b": 2, "h": 1, "t": 8192}, taps=8192),
    Conv("bt,t->bt", {"b": 1, "t": 10001}, taps=3001, direction="two_sided"),
    Conv("bt,t->bt", {"b": 1, "t": 4001}, taps=4096, complex="uk", direction="backward"),
    Conv(BATCH, {"b": 3, "h": 2, "t": 700}, taps=33, dynamic="bh"),
    Conv(BATCH, {"b": 9, "h": 1, "t": 30}, taps=90, dynamic="b", direction="backward"),
    Conv("ht,hct->hct", {"h": 2, "c": 3, "t": 100}, taps=100),
    *(Conv("bt,t->bt", {"b": 2, "t": n}, taps=k, direction="two_sided") for n, k in ((512, 1023), (700, 65), (1, 8))),
    # Signals, kernels and results with a second half of a window.
    Conv("bt,t->bt", {"b": 3, "t": 2000}, taps=25),
    Conv("bt,t->bt", {"b": 1, "t": 2000}, taps=1999, direction="backward"),
    Conv("bt,t->bt", {"b": 1, "t": 900}, taps=1804, direction="two_sided"),
    # Windows that overlap.
    Conv(BATCH, {"b": 3, "h": 1, "t": 9001}, taps=700),
    Conv("bt,t->bt", {"b": 1, "t": 20000}, taps=3),
    Conv("bt,t->bt", {"b": 1, "t": 9003}, taps=1501, direction="two_sided"),
    *(Conv(BATCH, {"b": 3, "h": 2, "t": n}, taps=n, complex="uk") for n in (1, 500, 1000, 2048)),
    Conv("bt,t->bt", {"b": 1, "t": 6001}, taps=300, complex="uk", direction="backward"),
    Conv("bth,th->bth", {"b": 2, "h": 33, "t": 70}, taps=70),
]


def run(case, **options):
    case.strategy = "fft_conv, matrix = bf16"
    sizes = [case.sizes[letter] for letter in case.y if letter in case.dynamic]
    output = ([case.sizes[s] for s in case.y], DTYPES[element(case.dtype, bool(case.complex))])
    return emulate(program([case]), list(case.inputs.values()), [output], sizes, seed=3, **options)


def error(y, want):
    return np.linalg.norm(y.astype(want.dtype) - want) / max(np.linalg.norm(want), 1e-30)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_direct_sum(case):
    (y,), report = run(case)
    assert error(y, case.oracle[0]) <= BOUND
    assert report["races"] == 0 and report["launch"]["kernel"] == "matrix_fft_conv"
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]


def test_impulses_come_back_where_they_were():
    """Every place of a window, to the last digits that bf16 has: none has what is another's."""
    case = Conv("bt,t->bt", {"b": 1, "t": 1024}, taps=1024)
    signal = np.random.default_rng(1).permutation(np.arange(1024) % 32 - 16).astype(np.float32)[None]
    impulse = np.zeros(1024, np.float32)
    impulse[5] = 1
    case.strategy = "fft_conv, matrix = bf16"
    (y,), _ = emulate(program([case]), [signal, impulse], [((1, 1024), np.float32)])
    np.testing.assert_allclose(y[0, 5:], signal[0, :-5], atol=0.5)
    np.testing.assert_allclose(y[0, :5], 0, atol=0.5)


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_narrow_storage(dtype):
    case = Conv(BATCH, {"b": 1, "h": 2, "t": 1500}, taps=1500, dtype=dtype)
    (y,), report = run(case)
    assert error(y.astype(float), case.oracle[0]) <= BOUND and report["races"] == 0


@pytest.mark.parametrize("length, sectors", [(1024, 1), (2048, 2), (4096, 2), (8192, 2)])
def test_each_number_is_moved_once(length, sectors):
    """By 16 bytes a lane, the kernel by both blocks; from 2^11 points on two accesses of a thread share a sector."""
    _, report = run(Conv(BATCH, {"b": 2, "h": 1, "t": length}, taps=length))
    traffic = report["global"]
    assert traffic["bytes"] == 4 * 6 * length
    assert traffic["sectors"] == sectors * traffic["ideal_sectors"]
    assert traffic["requests"] == traffic["bytes"] / (16 * 32)


@pytest.mark.parametrize("length, arithmetic", [(4096, 1.1), (8192, 1.2)])
def test_what_limits_a_window(length, arithmetic):
    """Of eight signals: arithmetic, memory and products of matrices take about as long, where fft_conv takes twice as long.

    Of memory counts what there is to move, with copies of 4.3 TB/s. Sums and differences of 8192 points are beside the products.
    """
    case = Conv(BATCH, {"b": 8, "h": 1, "t": length}, taps=length)
    _, report = run(case)
    cycles = count_cycles(report) | {"tensor": report["instructions"]["tensor"] / 32 / PRODUCTS}
    memory = cycles.pop("memory") * report["global"]["ideal_sectors"] / report["global"]["sectors"]
    assert max(cycles.values()) <= arithmetic * memory, (cycles, memory)
    case.strategy = "fft_conv"
    _, plain = emulate(program([case]), list(case.inputs.values()), [([8, 1, length], np.float32)])
    assert max(*cycles.values(), memory) <= 0.55 * max(count_cycles(plain).values())


@pytest.mark.parametrize("case", [Conv(BATCH, {"b": 1, "h": 1, "t": 1024}, taps=1024), Conv(BATCH, {"b": 2, "h": 1, "t": 2048}, taps=2048),
                                  Conv(BATCH, {"b": 1, "h": 1, "t": 8192}, taps=8192)],
                         ids=lambda case: case.name)
def test_a_deleted_barrier_is_a_race(case):
    """One between signals' products and tiles, and one behind; a warp alone needs none, but that its lanes meet."""
    for which in range(2):
        def without(kernel):
            calls = [call for call in BARRIER.finditer(kernel)]
            assert len(calls) == 2
            return kernel[:calls[which].start()] + kernel[calls[which].end():]
        _, report = run(case, edit=without)
        assert report["races"] > 0, f"barrier {which}"


def test_long_kernels_are_refused(tmp_path):
    case = Conv("bt,t->bt", {"b": 1, "t": 16384}, taps=16384)
    case.strategy = "fft_conv, matrix = bf16"
    (tmp_path / "f.mlir").write_text(program([case]))
    with pytest.raises(ToolError) as refused:
        tool("ssm-compile", tmp_path / "f.mlir", "--target=nvidia:sm_90", "--emit=llvm", "-o", tmp_path / "f.ll")
    assert "it has 16384 taps; leave matrix out of its strategy" in refused.value.stderr
    with pytest.raises(ToolError) as refused:
        tool("ssm-compile", tmp_path / "f.mlir", "--target=amd:gfx942", "-o", tmp_path / "f.s")
    assert "has no such products" in refused.value.stderr


def test_a_chip_without_the_memory_takes_shorter_windows(tmp_path):
    """8192 points take 96 KiB of shared memory, and a chip that is not known may have 48."""
    case = Conv("bt,t->bt", {"b": 1, "t": 8192}, taps=8192)
    case.strategy = "fft_conv, matrix = bf16"
    (tmp_path / "f.mlir").write_text(program([case]))
    with pytest.raises(ToolError) as refused:
        tool("ssm-compile", tmp_path / "f.mlir", "--target=nvidia:sm_87", "--emit=llvm", "-o", tmp_path / "f.ll")
    assert "windows of at most 8192 real steps on sm_87, for at most 6144 taps if they are to overlap, but it has 8192" in refused.value.stderr
