"""The taps of kernels on GPUs, against powers in extended precision."""

import numpy as np
import pytest
from emulator import RATES, emulate
from harness import DTYPES
from mlir_text import Kernel, element, program

CASES = [
    Kernel("hn,hn,hn->hl", {"h": 3, "n": 5, "l": 2100}, complex="abc", projection="twice_real"),
    Kernel("hn,n,h->lh", {"h": 3, "n": 4, "l": 130}),
    Kernel("n,ni,on->oil", {"n": 3, "i": 2, "o": 2, "l": 65}, complex="a"),
    Kernel("h,h,->hl", {"h": 2, "l": 1}),
]


def run(case, chip="sm_90"):
    is_complex = bool(case.complex) and case.projection == "none"
    output = ([case.sizes[s] for s in case.k], DTYPES[element("f32", is_complex)])
    (k,), report = emulate(program([case]), list(case.inputs.values()), [output], chip=chip)
    assert report["races"] == 0 and report["launch"]["kernel"] == "powers"
    # Those of an RTX do two FMAs of f64 a cycle: powers are pairs of f32 there.
    assert (report["instructions"]["float64"] > 0) == (chip == "sm_90")
    return k, report


@pytest.mark.parametrize("chip", ["sm_90", "sm_120"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_powers(case, chip):
    k, _ = run(case, chip)
    assert not case.errors([k], "f32", None)


@pytest.mark.parametrize("chip", ["sm_90", "sm_120"])
def test_slow_decay_keeps_its_digits(chip):
    """The largest error of a tap, which a norm over all taps would hide."""
    case = Kernel("n,,->nl", {"n": 4, "l": 4096}, "f32", "a")
    angle = np.random.default_rng(3).uniform(-np.pi, np.pi, 4)
    case.inputs["a"] = (0.999 * np.exp(1j * angle)).astype(np.complex64)
    case.inputs["b"], case.inputs["c"] = np.ones((), np.float32), np.ones((), np.float32)
    k, report = run(case, chip)
    assert np.max(np.abs(k - case.oracle[0]) / np.abs(case.oracle[0])) <= 16 * 2.0**-24
    assert report["global"]["sectors"] <= 1.02 * report["global"]["ideal_sectors"]


def test_pairs_are_faster_where_f64_is_slow():
    """Of a multiprocessor's cycles that f64 would take, an eighth."""
    case = Kernel("hn,hn,hn->hl", {"h": 1, "n": 8, "l": 2048}, complex="abc", projection="twice_real")
    (_, wide), (_, pairs) = run(case, "sm_90"), run(case, "sm_120")
    assert pairs["instructions"]["float"] / RATES["float"] <= wide["instructions"]["float64"] / 2 / 8
