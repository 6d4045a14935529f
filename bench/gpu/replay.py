#!/usr/bin/env python3
"""Runs on a GPU what the tests ran on the emulator, and compares the results.

    SSM_RECORD_KERNELS=FOLDER build/venv/bin/python -m pytest test/Integration/GPU    # where the compiler is
    replay.py FOLDER                                                                # where the GPU is

The first records each kernel that a test emulates: PTX, JSON, inputs and the
emulator's results. The second needs them, the files beside this one, NumPy and the
CUDA driver. A kernel is right if it differs from the emulator by no more than
its arithmetic explains, in norm, and if it gives the same bits twice; look-back
scans may differ in their last bits. Results and workspace are full of NaN before each run.
The exit code is 1 if one is wrong.
"""

import argparse
import ctypes
import sys
from pathlib import Path

import numpy as np
from gpu_driver import Absent, Driver, Kernel

# Of one run of a kernel from another one's: functions of the special function unit and the order of sums differ.
BOUNDS = {"bfloat16": 2e-2, "float16": 5e-3, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}


def widen(array, dtype):
    """As numbers that NumPy subtracts."""
    if dtype == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(complex if array.dtype.kind == "c" else float)


def difference(got, want, dtype):
    """In norm, of the result's; NaN and infinities must be where the emulator has them."""
    got, want = widen(got, dtype), widen(want, dtype)
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return np.inf
    return np.linalg.norm(got[finite] - want[finite]) / (np.linalg.norm(want[finite]) or 1.0)


def label_of(stem):
    with np.load(stem.with_suffix(".npz")) as arrays:
        return str(arrays["label"])


def replay(driver, stem):
    """What is wrong with a kernel, or nothing, and its difference, as a part of what is allowed."""
    with np.load(stem.with_suffix(".npz")) as arrays:
        inputs = [arrays[f"in{i}"] for i in range(sum(name.startswith("in") for name in arrays))]
        wants = [arrays[f"out{i}"] for i in range(sum(name.startswith("out") for name in arrays))]
    kernel = Kernel(driver, stem)
    kernel.bind(inputs)
    runs = []
    for _ in range(2):
        for buffer in kernel.buffers[len(inputs):]:
            driver("cuMemsetD8_v2", buffer.address, 0xFF, ctypes.c_size_t(buffer.size))
        kernel.prepare()
        kernel.run()
        runs.append([x.reshape(want.shape) for x, want in zip(kernel.read(), wants, strict=True)])
    kernel.free()
    dtypes = [spec["dtype"] for spec in kernel.launch["outputs"]]
    parts = [difference(got, want, dtype) / BOUNDS.get(dtype, 1e-300) for got, want, dtype in zip(runs[0], wants, dtypes, strict=True)]
    problem = f"differs by {max(parts):.1e} of what is allowed" if not max(parts, default=0) <= 1 else ""
    repeatable = "look_back" not in kernel.launch["kernel"]
    if repeatable and any(a.tobytes() != b.tobytes() for a, b in zip(*runs)):
        problem = "two runs differ"
    return problem, max(parts, default=0)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    try:
        driver = Driver()
    except Absent as absent:
        raise SystemExit(f"bench/gpu: {absent}") from None
    stems = sorted(path.with_suffix("") for path in args.folder.glob("*.npz"))
    worst, wrong = 0.0, 0
    for number, stem in enumerate(stems):
        try:
            problem, part = replay(driver, stem)
        except RuntimeError as error:
            # An illegal access ends the context: what follows has no answer.
            print(f"{stem.name}: {label_of(stem)}: {error}; {len(stems) - number - 1} kernels were not run")
            return True
        wrong += bool(problem)
        worst = worst if problem else max(worst, part)
        if problem:
            print(f"{stem.name}: {label_of(stem)}: {problem}", flush=True)
    print(f"{driver.name}: {len(stems) - wrong} right, {wrong} wrong; the right ones differ by at most {worst:.2g} of what is allowed")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
