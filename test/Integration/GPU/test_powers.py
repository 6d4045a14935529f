"""The taps of kernels on GPUs, against powers in extended precision."""

import numpy as np
import pytest
from emulator import emulate
from harness import DTYPES
from mlir_text import Kernel, element, program

CASES = [
    Kernel("hn,hn,hn->hl", {"h": 3, "n": 5, "l": 2100}, complex="abc", projection="twice_real"),
    Kernel("hn,n,h->lh", {"h": 3, "n": 4, "l": 130}),
    Kernel("n,ni,on->oil", {"n": 3, "i": 2, "o": 2, "l": 65}, complex="a"),
    Kernel("h,h,->hl", {"h": 2, "l": 1}),
]


def run(case):
    is_complex = bool(case.complex) and case.projection == "none"
    output = ([case.sizes[s] for s in case.k], DTYPES[element("f32", is_complex)])
    (k,), report = emulate(program([case]), list(case.inputs.values()), [output])
    assert report["races"] == 0 and report["launch"]["kernel"] == "powers"
    return k, report


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_powers(case):
    k, _ = run(case)
    assert not case.errors([k], "f32", None)


def test_slow_decay_keeps_its_digits():
    """The largest error of a tap, which a norm over all taps would hide."""
    case = Kernel("n,,->nl", {"n": 4, "l": 4096}, "f32", "a")
    angle = np.random.default_rng(3).uniform(-np.pi, np.pi, 4)
    case.inputs["a"] = (0.999 * np.exp(1j * angle)).astype(np.complex64)
    case.inputs["b"], case.inputs["c"] = np.ones((), np.float32), np.ones((), np.float32)
    k, report = run(case)
    assert np.max(np.abs(k - case.oracle[0]) / np.abs(case.oracle[0])) <= 16 * 2.0**-24
    assert report["global"]["sectors"] <= 1.02 * report["global"]["ideal_sectors"]
