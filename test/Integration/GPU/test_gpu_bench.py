"""bench/gpu: its programs, run by the emulator, and its checks; the rest
against a driver that computes nothing, whose results must be found wrong."""

import json
import os
import shutil
import subprocess
import sys

import gpu_cases
import ml_dtypes
import numpy as np
import pytest
from emulator import emulate
from harness import BUILD, ROOT

SCRIPT = ROOT / "bench" / "gpu" / "run.py"


@pytest.mark.parametrize("case", gpu_cases.QUICK, ids=lambda case: case.name)
def test_programs_and_checks(case):
    inputs = case.inputs(np.random.default_rng(1))
    narrow = case.kernel == "K6"
    shape = case.shape[: 4 if narrow else 3]
    as_bf16 = [x.view(ml_dtypes.bfloat16) if x.dtype == np.uint16 else x for x in inputs]
    (y,), report = emulate(case.text(), as_bf16, [(shape, ml_dtypes.bfloat16 if narrow else np.float32)])
    assert report["races"] == 0
    bits = lambda y: y.view(np.uint16) if narrow else y
    assert case.error(inputs, [bits(y)]) <= case.bound
    for place in (0, -1):
        wrong = y.copy()
        wrong.flat[place] += (1 if case.bound > 1e-3 else 1e-3) * np.abs(y).max()
        # A check of 16 channels sees those, and one of the first batch that.
        unseen = case.kernel == "K4" and case.shape[2] > 16 or case.kernel == "S5" and case.shape[0] > 1
        assert unseen and place == -1 or case.error(inputs, [bits(wrong)]) > case.bound


def run(*args, **environment):
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True,
                          env=dict(os.environ, **environment))


def test_wrong_results_get_no_figure(tmp_path):
    assert run(tmp_path, "--make", "--quick", "--compiler", BUILD / "bin" / "ssm-compile").returncode == 0
    compiler = shutil.which("clang-22") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", ROOT / "test" / "GPU" / "Inputs" / "libcuda.c", "-o",
                    tmp_path / "libcuda.so.1"], check=True)
    done = run(tmp_path, "--quick", "--repeats=2", "--output", tmp_path / "out.json", LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 1, done.stderr
    records = json.loads((tmp_path / "out.json").read_text())["records"]
    assert len(records) == len(gpu_cases.QUICK)
    assert all(r["note"].startswith("wrong: off by") and r["median_s"] is None for r in records)
    assert done.stdout.count("| ssm | wrong") == len(records) and "Not quotable" in done.stdout


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="this machine has a GPU")
def test_says_that_there_is_no_driver(tmp_path):
    """As documented, from a folder that has nothing else of the project."""
    folder = shutil.copytree(SCRIPT.parent, tmp_path / "gpu", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([folder / "run.py", "kernels"], cwd=tmp_path, capture_output=True, text=True,
                          env=dict(os.environ, PATH=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"))
    assert done.returncode == 1 and "bench/gpu: there is no CUDA driver: libcuda.so.1" in done.stderr
