"""Residual blocks as people write them in JAX, each lowered to a sequence of kernels, against float64.

Norms, products, paddings, slices, recurrences and a loop that is none: bench/blocks.py has the blocks.
"""

import functools
import sys

import numpy as np
import pytest
import sass
from emulator import emulate
from harness import BUILD

sys.path.insert(0, str(BUILD / "python"))
jax = pytest.importorskip("jax", reason="jax is not installed")
from blocks import BLOCKS  # noqa: E402
from mlir_ssm._compile import core  # noqa: E402

if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import mlir_ssm.jax as ssm  # noqa: E402

SHAPE = (2, 45, 32)
# Each block for two of them, which takes a minute less than for all.
CHIPS = ["sm_80", "sm_90a", "sm_100a", "sm_120a"]

# Kernels of each, in their order.
KERNELS = {
    "Mamba": "row_reduction, matrix_product, elementwise, elementwise, elementwise, matrix_product, matrix_product, matrix_product, "
             "matrix_product, matrix_product, channel_scan, matrix_product",
    "S4D": "row_reduction, channel_scan, matrix_product, matrix_product",
    "LRU": "elementwise, elementwise, row_reduction, matrix_product, column_scan, matrix_product, matrix_product, matrix_product",
    "RWKV-4": "row_reduction, elementwise, elementwise, elementwise, elementwise, elementwise, matrix_product, matrix_product, matrix_product, "
              "step_loop, matrix_product, row_reduction, elementwise, elementwise, elementwise, elementwise, matrix_product, matrix_product, "
              "matrix_product",
    "Griffin": "row_reduction, matrix_product, matrix_product, elementwise, elementwise, elementwise, matrix_product, matrix_product, "
               "column_scan, matrix_product",
    "gated linear attention": "row_reduction, matrix_product, matrix_product, matrix_product, matrix_product, channel_scan, row_reduction, "
                              "matrix_product, matrix_product",
    "minGRU": "row_reduction, matrix_product, matrix_product, column_scan, matrix_product, row_reduction, matrix_product, matrix_product",
}


@functools.cache
def lowered(name):
    """Its text, inputs, and result in float64."""
    block, parameters = BLOCKS[name](*SHAPE)
    x = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    inputs = [np.asarray(value, np.float32) for value in (*parameters.values(), x)]
    def program(*values):
        return block(dict(zip(parameters, values)), values[-1])
    with jax.enable_x64(True):
        wide = np.asarray(jax.jit(program)(*(value.astype(float) for value in inputs)))
    return ssm.lower(program, *inputs), inputs, wide


@pytest.mark.parametrize("name", KERNELS)
def test_equals_float64(name):
    text, inputs, want = lowered(name)
    (y,), report = emulate(text, inputs, [(SHAPE, np.float32)], entry="main", seed=3)
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)
    assert report["races"] == 0 and report["launch"]["kernel"] == KERNELS[name]
    assert report["shared"]["wavefronts"] <= 1.1 * report["shared"]["ideal_wavefronts"]


def decays(a, x):
    def combine(left, right):
        return left[0] * right[0], left[1] * right[0] + right[1]
    return jax.lax.associative_scan(combine, (jax.numpy.broadcast_to(a, x.shape), x), axis=1)[1]


def attention(x, w, a):
    scores = jax.numpy.einsum("btd,bsd->bts", x @ w, x) / 4
    return jax.nn.softmax(scores, axis=-1) @ x * a


FUNCTIONS = {
    "attention": (attention, "matrix_product, matrix_product, row_reduction, matrix_product"),
    "softmax of softmax": (lambda x, w, a: jax.nn.softmax(jax.nn.softmax(x @ w * a)), "matrix_product, row_reduction"),
    "rolled": (lambda x, w, a: decays(a, jax.numpy.roll(x @ w, 1, axis=1)), "matrix_product, elementwise, elementwise, column_scan"),
    "last step": (lambda x, w, a: decays(a, x)[:, -1] @ w, "column_scan, matrix_product"),
    "joined": (lambda x, w, a: jax.numpy.concatenate([x @ w, decays(a, x)], axis=-1),
               "matrix_product, column_scan, elementwise, elementwise"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    f, kernels = FUNCTIONS[name]
    rng = np.random.default_rng(2)
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in ((2, 21, 16), (16, 16))] + [np.linspace(0.1, 0.9, 16, dtype=np.float32)]
    with jax.enable_x64(True):
        want = np.asarray(f(*(jax.numpy.asarray(x.astype(float)) for x in inputs)))
    (y,), report = emulate(ssm.lower(f, *inputs), inputs, [(want.shape, np.float32)], entry="main", seed=3)
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)
    assert report["races"] == 0 and report["launch"]["kernel"] == kernels


@pytest.mark.skipif(not sass.PTXAS, reason="there is no ptxas: the CUDA toolkit has it, or the wheel nvidia-cuda-nvcc")
@pytest.mark.parametrize("name, chip", [(name, chip) for i, name in enumerate(KERNELS) for chip in CHIPS[i % 2::2]])
def test_stay_in_registers(name, chip, tmp_path):
    said = sass.assemble(lowered(name)[0], "main", chip, tmp_path)
    assert said.stack == 0 and said.spills == 0, said
