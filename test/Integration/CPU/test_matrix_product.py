"""linalg.matmul of bf16 into f32: exact on small integers, and off by rounding in f32 on others."""

import itertools

import ml_dtypes
import numpy as np
import pytest
from harness import run, tool

# Rows in blocks of 16 and fewer, columns in vectors of 16, 8 and 4, and sizes that stay loops: no vector of columns, an
# odd depth.
SIZES = [(16, 32, 16), (37, 64, 48), (5, 2, 8), (1, 6, 4), (20, 10, 24), (33, 7, 16), (8, 4, 5)]


def text(sizes):
    """One function of all products."""
    arguments, lines, results = [], [], []
    for i, (m, k, n) in enumerate(sizes):
        a, b, c = f"tensor<{m}x{k}xbf16>", f"tensor<{k}x{n}xbf16>", f"tensor<{m}x{n}xf32>"
        arguments += [f"%a{i}: {a}", f"%b{i}: {b}", f"%c{i}: {c}"]
        lines.append(f"  %y{i} = linalg.matmul ins(%a{i}, %b{i} : {a}, {b}) outs(%c{i} : {c}) -> {c}")
        results.append((f"%y{i}", c))
    names, types = (", ".join(column) for column in zip(*results))
    return "\n".join([f"func.func @f({', '.join(arguments)}) -> ({types}) {{", *lines, f"  return {names} : {types}", "}"])


def products(draw):
    arrays = [(draw(m, k).astype(ml_dtypes.bfloat16), draw(k, n).astype(ml_dtypes.bfloat16), draw(m, n).astype(np.float32))
              for m, k, n in SIZES]
    return arrays, run(text(SIZES), *itertools.chain(*arrays), entry="f")


def test_integers_are_exact():
    rng = np.random.default_rng(0)
    arrays, results = products(lambda *shape: rng.integers(-9, 10, shape))
    for (a, b, c), y in zip(arrays, results, strict=True):
        np.testing.assert_array_equal(y, c + a.astype(float) @ b.astype(float))


def test_sums_are_in_f32():
    rng = np.random.default_rng(1)
    arrays, results = products(lambda *shape: rng.standard_normal(shape))
    for (a, b, c), y in zip(arrays, results, strict=True):
        a, b = a.astype(float), b.astype(float)
        bound = (a.shape[1] + 1) * 2.0**-24 * (np.abs(a) @ np.abs(b) + np.abs(c))
        assert (np.abs(y - (c + a @ b)) <= bound).all()


@pytest.mark.parametrize("target, instruction", [
    ("znver4", "vdpbf16ps"), ("cooperlake", "vdpbf16ps"), ("sapphirerapids", "\ttdpbf16ps"), ("x86-64-v4", "vfmadd")])
def test_the_instruction(target, instruction):
    code = tool("ssm-compile", "-", "-o", "-", "--emit=asm", f"--target={target}", input=text([(16, 32, 16)])).stdout
    assert instruction in code
    assert ("vdpbf16ps" in code) == (instruction == "vdpbf16ps")
