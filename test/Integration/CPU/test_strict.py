"""numerics<strict>: what comes later in time reaches nothing earlier.

Bitwise zero before the first input that is not zero, and neither NaN nor
infinity moves backward, for every strategy that strict allows.
"""

import numpy as np
import pytest
from harness import ToolError, run
from mlir_text import Recurrence

L, FIRST = 700, 611
STRATEGIES = ["sequential", "tree_scan", "direct_conv", "auto"]


def recurrence(reverse=False):
    return Recurrence("hn,hn,hn,bth->bth", {"b": 2, "h": 3, "n": 4, "t": L}, "f32", reverse=reverse, numerics="strict")


def text_of(case):
    operands, (types, results) = case.inputs, case.types()
    args = ", ".join(f"%{k}0: {t}" for k, t in zip(operands, types, strict=True))
    names = case.results(0)
    return (f"func.func @f({args}) -> ({', '.join(results)}) {{\n" + case.body(0)
            + f"\n  return {', '.join(names)} : {', '.join(results)}\n}}\n")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
def test_nothing_moves_backward(strategy, reverse, value):
    case = recurrence(reverse)
    inputs = dict(case.inputs)
    u = np.zeros_like(inputs["u"])
    at = L - 1 - FIRST if reverse else FIRST
    u[:, at] = value
    inputs["u"] = u
    y = run(text_of(case), *inputs.values(), strategy=strategy)[0]
    before = y[:, at + 1:] if reverse else y[:, :at]
    assert np.array_equal(before, np.zeros_like(before))
    assert np.any(y[:, at] != 0)


def test_refuses_the_transform():
    case = recurrence()
    with pytest.raises(ToolError, match="numerics<strict> asks for exact causality"):
        run(text_of(case), *case.inputs.values(), strategy="fft_conv")
