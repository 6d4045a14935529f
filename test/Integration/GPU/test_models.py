"""Models whose recurrences, products with B and C and elementwise ops are kernels, against their oracles."""

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


@pytest.mark.parametrize("name", ["bigs", "gla", "hgrn", "lru", "mamba1", "mamba1_complex", "mamba2", "mega", "mega_bidirectional", "retnet",
                                  "s4d", "s4d_real", "s5", "s5_bidirectional"])
@pytest.mark.parametrize("length", [1, 37, 150])
def test_equals_oracle(name, length):
    model = MODELS[name]
    case = model.draw("f32", trained=True, length=length)
    results, report = run_model(model, case, length, seed=2)
    assert max(model.errors(results, case)) <= TOLERANCES["f32"]
    assert report["races"] == 0
