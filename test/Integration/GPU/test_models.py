"""Models whose recurrence and elementwise ops are one kernel, against their oracles."""

import re

import numpy as np
import pytest
from emulator import emulate
from zoo import MODELS, TOLERANCES, element, functions, text_of


def run_model(model, case, length, batch=2, **options):
    text = text_of(model.file)
    arguments, results = functions(text)[model.name]

    def shape(mlir_type):
        sizes = iter((batch, length))
        return [next(sizes) if d == "?" else int(d) for d in re.findall(r"([\d?]+)x", mlir_type)]

    inputs = [np.asarray(case.arguments[name]).astype(element(t)).reshape(shape(t)) for name, t in arguments]
    return emulate(text, inputs, [(shape(t), element(t)) for t in results], [batch, length], entry=model.name, **options)


@pytest.mark.parametrize("name", ["gla", "hgrn", "mamba1", "mamba1_complex", "mamba2", "mega", "retnet", "s4d", "s4d_real"])
def test_equals_oracle(name):
    model = MODELS[name]
    case = model.draw("f32", trained=True, length=37)
    results, report = run_model(model, case, 37, seed=2)
    assert max(model.errors(results, case)) <= TOLERANCES["f32"]
    assert report["races"] == 0
