"""Residual blocks as people write them in JAX (blocks.py), lowered by mlir_ssm.jax.lower
and compiled, against jax.jit of the same function."""

import numpy as np
from blocks import BLOCKS
from measure import Absent, aligned, error_norm
from peers import jax, jitted, load

SHAPES = [(2, 1024, 256)]  # B, L, D
QUICK = [(1, 24, 32)]


def exactly(block, p, x):
    """In float64."""
    with jax().enable_x64(True):
        wide = [jax().numpy.asarray(value, np.float64) for value in (*p.values(), x)]
        return np.asarray(jax().jit(lambda *values: block(dict(zip(p, values)), values[-1]))(*wide))


def measure(bench, name, B, L, D):
    block, p = BLOCKS[name](B, L, D)
    inputs = [aligned(value) for value in (*p.values(), np.random.default_rng(1).standard_normal((B, L, D)))]

    def program(*values):
        return block(dict(zip(p, values)), values[-1])
    race = bench.race(dict(task=f"block of {name}", shape=[B, L, D], layout="btd", dtype="float32"))
    if not race.active:
        return
    expected = exactly(block, p, inputs[-1])

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)
    text = load("mlir_ssm.jax").lower(program, *inputs)
    kernel = race.compile(lambda: bench.compiler.compile(text, entry="main"))
    if kernel:
        race.enter("ssm", lambda: kernel.bind(*inputs), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
    race.enter("jax.jit", lambda: jitted(program, *inputs), check)
    race.run()


def run(bench):
    try:
        load("mlir_ssm.jax")
        jax()
    except Absent as absent:
        print(f"block: skipped: {absent}", flush=True)
        return
    for shape in QUICK if bench.quick else SHAPES:
        for name in BLOCKS:
            measure(bench, name, *shape)
