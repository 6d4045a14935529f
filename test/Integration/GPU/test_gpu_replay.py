"""bench/gpu/replay.py: what the emulator's runs record, against a driver that computes nothing."""

import os
import shutil
import subprocess
import sys

import emulator
import numpy as np
import pytest
from harness import ROOT
from mlir_text import Recurrence

SCRIPT = ROOT / "bench" / "gpu" / "replay.py"


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A folder with two kernels, one of them of bf16."""
    monkeypatch.setattr(emulator, "RECORDS", tmp_path / "kernels")
    for dtype in ("f32", "bf16"):
        emulator.run_case(Recurrence("rt,,,rt->rt", {"r": 2, "t": 40}, dtype=dtype))
    return tmp_path / "kernels"


def replay(folder, **environment):
    return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, env=dict(os.environ, **environment))


def test_records_a_kernel_once(recorded):
    names = sorted(path.name for path in recorded.iterdir())
    assert len(names) == 6 and {name.split(".")[1] for name in names} == {"ptx", "json", "npz"}
    emulator.run_case(Recurrence("rt,,,rt->rt", {"r": 2, "t": 40}, dtype="f32"))
    assert sorted(path.name for path in recorded.iterdir()) == names
    for path in recorded.glob("*.npz"):
        with np.load(path) as arrays:
            assert str(arrays["label"]).endswith(": row_scan")
            assert all(arrays[f"out{i}"].any() for i in range(2))


def test_kernels_without_results_are_wrong(recorded, tmp_path):
    compiler = shutil.which("clang-22") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", ROOT / "test" / "GPU" / "Inputs" / "libcuda.c", "-o",
                    tmp_path / "libcuda.so.1"], check=True)
    done = replay(recorded, LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("differs by inf of what is allowed") == 2 and "0 right, 2 wrong" in done.stdout


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="this machine has a GPU")
def test_says_that_there_is_no_driver(recorded):
    done = replay(recorded)
    assert done.returncode == 1 and "bench/gpu: there is no CUDA driver: libcuda.so.1" in done.stderr
