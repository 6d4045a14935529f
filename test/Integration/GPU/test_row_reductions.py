"""Norms and softmaxes of rows, each as one kernel, against float64.

A warp has a row of up to 256 accesses of 16 bytes, and a block a longer one.
"""

import ml_dtypes
import numpy as np
import pytest
from emulator import BARRIER, count_cycles, emulate
from harness import DTYPES
from mlir_text import Rows

CASES = [
    *(Rows("softmax", [3, n]) for n in (1, 3, 31, 32, 65, 1000, 1024, 1025, 4096, 4099, 9001)),
    *(Rows("layer_norm", [2, 5, n]) for n in (1, 64, 257, 1028, 5000)),
    *(Rows("rms_norm", shape) for shape in ([1, 300], [7, 1], [5, 4, 3, 36])),
    *(Rows("log_sum_exp", [5, n]) for n in (40, 2000)),
    *(Rows(kind, [3, 2, n], dynamic=True) for kind in ("layer_norm", "log_sum_exp") for n in (1, 129, 2000)),
    *(Rows(kind, [3, n], dtype="f64") for kind in ("layer_norm", "softmax") for n in (66, 1500)),
]


def run(case, **options):
    rng = np.random.default_rng(5)
    # Far from zero, where a sum that is out of order would lose digits.
    x = (rng.standard_normal(case.shape) + 3).astype(DTYPES[case.dtype])
    gain = rng.uniform(0.5, 2, case.shape[-1]).astype(DTYPES[case.real])
    inputs = [x, gain] if case.kind.endswith("norm") else [x]
    (y,), report = emulate(case.text(), inputs, [(case.result_shape, DTYPES[case.dtype])], case.shape if case.dynamic else (), **options)
    assert report["launch"]["kernel"] == "row_reduction" and report["races"] == 0
    return y.astype(float), case.oracle(x, gain), report


def error(y, want):
    return np.max(np.abs(y - want), initial=0) / max(np.max(np.abs(want), initial=0), 1e-30)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_float64(case):
    y, want, _ = run(case, seed=3)
    # A norm of one element is the difference of that and itself.
    if case.kind == "layer_norm" and case.shape[-1] == 1:
        return np.testing.assert_array_equal(y, 0)
    assert error(y, want) <= (1e-14 if case.dtype == "f64" else 3e-6)


@pytest.mark.parametrize("dtype, bound", [("f16", 1e-3), ("bf16", 8e-3)])
@pytest.mark.parametrize("kind", ["layer_norm", "softmax"])
def test_narrow_storage(kind, dtype, bound):
    """Sums have f32; only what is stored is rounded, to 2^-11 or 2^-8. Eight elements in an access."""
    y, want, report = run(Rows(kind, [3, 512], dtype=dtype))
    assert error(y, want) <= bound
    assert report["global"]["sectors"] == report["global"]["ideal_sectors"]


@pytest.mark.parametrize("kind, shape", [("layer_norm", [16, 256]), ("softmax", [8, 1024]), ("rms_norm", [2, 4096])])
def test_each_element_moves_once(kind, shape):
    """By 16 bytes of a lane; the gain once for each row. Memory binds."""
    _, _, report = run(Rows(kind, shape))
    traffic, elements = report["global"], int(np.prod(shape))
    assert traffic["bytes"] == 4 * elements * (3 if kind.endswith("norm") else 2)
    assert traffic["requests"] == traffic["bytes"] // (16 * 32)
    assert traffic["sectors"] == traffic["ideal_sectors"]
    cycles = count_cycles(report)
    memory = cycles.pop("memory")
    assert max(cycles.values()) <= 0.5 * memory, (cycles, memory)


@pytest.mark.parametrize("shape, count", [([8, 256], 0), ([2, 4096], 2), ([2, 5000], 2)])
def test_barriers(shape, count):
    """A block's warps meet once for each sum; without that, they race."""
    case = Rows("layer_norm", shape)
    found = []
    _, _, report = run(case, edit=lambda text: found.extend(BARRIER.finditer(text)) or text)
    assert len(found) == count and report["barriers"] == count * (shape[0] if count else 0)
    for which in range(count):
        def without(kernel):
            call = list(BARRIER.finditer(kernel))[which]
            return kernel[:call.start()] + kernel[call.end():]
        with pytest.raises(AssertionError):
            run(case, seed=1, edit=without)
