"""Calls that ssm-run measures work in the memory of the calls before them."""

import resource

import numpy as np
import pytest

from harness import ROOT, SANITIZED, tool

STEPS = 1 << 16
PAGES = STEPS * 64 * 8 // resource.getpagesize()  # Of the states, complex<f32>.


def faults(folder, calls):
    """Page faults of ssm-run that times so many calls of the demo's convolution."""
    rng = np.random.default_rng(0)
    # Damping and frequency of the 64 oscillators, as logarithms, and the sound.
    operands = [rng.normal(-4, 1, 64), rng.normal(-1, 1, 64), rng.normal(size=STEPS)]
    options = ["--entry=cochlea", "--strategy=fft_conv", f"--time={calls}", "--output", folder / "states.npy"]
    for i, operand in enumerate(operands):
        np.save(folder / f"{i}.npy", operand.astype(np.float32))
        options += ["--input", folder / f"{i}.npy"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    tool("ssm-run", ROOT / "examples" / "cochlea.mlir", *options)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has an allocator of its own, which keeps no memory")
def test_calls_share_their_memory(tmp_path):
    """The convolution has buffers of run-time length, several times as large as the states."""
    once, often = faults(tmp_path, 1), faults(tmp_path, 11)
    assert often - once < PAGES, "ten more calls touch less memory than one result"
