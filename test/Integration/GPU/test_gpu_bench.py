"""bench/gpu: its programs, run by the emulator, and its checks; the rest
against a driver that computes nothing, whose results must be found wrong."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import gpu_cases
import ml_dtypes
import numpy as np
import pytest
import sass
from emulator import emulate
from gpu_driver import Absent, read_code
from gpu_matrix_states import count_products
from gpu_measure import Measurement
from gpu_scans import Scan
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


def build_driver(folder):
    compiler = shutil.which("clang-22") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", ROOT / "test" / "GPU" / "Inputs" / "libcuda.c", "-o",
                    folder / "libcuda.so.1"], check=True)
    return dict(LD_LIBRARY_PATH=str(folder))


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    done = run(folder, "--make", "--quick", "--compiler", BUILD / "bin" / "ssm-compile")
    assert done.returncode == 0, done.stderr
    assert (folder / "cub_scan.so").exists() or "CUB's scan is not built: there is no nvcc" in done.stderr
    return folder


def test_wrong_results_get_no_figure(kernels, tmp_path):
    done = run(kernels, "--quick", "--repeats=2", "--output", tmp_path / "out.json", **build_driver(tmp_path))
    assert done.returncode == 1, done.stderr
    records = json.loads((tmp_path / "out.json").read_text())["records"]
    assert len(records) == len(gpu_cases.QUICK)
    assert all(r["note"].startswith("wrong: off by") and r["median_s"] is None for r in records)
    assert done.stdout.count("| ssm | wrong") == len(records) and "Not quotable" in done.stdout


def test_only_the_cases_asked_for(kernels, tmp_path):
    done = run(kernels, "--quick", "--repeats=2", "--only=channels last", **build_driver(tmp_path))
    assert [line.split("|")[1].strip() for line in done.stdout.splitlines() if "| ssm |" in line] == [
        case.name for case in gpu_cases.QUICK if "channels last" in case.name]


def test_what_fails_stops_no_other_case(kernels, tmp_path):
    done = run(kernels, "--quick", "--repeats=2", FAIL="cuLaunchKernel", **build_driver(tmp_path))
    assert done.returncode == 1
    assert done.stdout.count("| ssm | failed: cuLaunchKernel failed: out of memory (2)") == len(gpu_cases.QUICK)


def test_stops_where_the_device_is_lost(kernels, tmp_path):
    """With what was measured before it."""
    done = run(kernels, "--quick", "--repeats=2", "--output", tmp_path / "out.json", FAIL="cuCtxSynchronize", **build_driver(tmp_path))
    assert done.returncode == 1 and "the device is lost" in done.stderr
    assert len(json.loads((tmp_path / "out.json").read_text())["records"]) == 1


def test_prefers_cubins(tmp_path):
    (tmp_path / "f.ptx").write_bytes(b"text")
    assert read_code(tmp_path / "f") == b"text"
    (tmp_path / "f.cubin").write_bytes(b"code")
    assert read_code(tmp_path / "f") == b"code"


@pytest.mark.skipif(not sass.PTXAS, reason="there is no ptxas: the CUDA toolkit has it, or the wheel nvidia-cuda-nvcc")
def test_makes_cubins(tmp_path):
    arguments = [tmp_path, "--make", "--quick", "--only=column scan", "--compiler", BUILD / "bin" / "ssm-compile"]
    path = f"{os.path.dirname(sass.PTXAS)}:{os.environ['PATH']}"
    assert run(*arguments, "--emit=cubin", "--chip=sm_90a", PATH=path).returncode == 0
    cubin, = tmp_path.glob("*.cubin")
    assert cubin.read_bytes().startswith(b"\x7fELF") and cubin.with_suffix(".json").exists()
    # PTX that is made later is what is run.
    assert run(*arguments).returncode == 0
    assert not cubin.exists() and cubin.with_suffix(".ptx").exists()


class Tensor(np.ndarray):
    """As much of torch as results are compared by."""

    def float(self):
        return self.astype(np.float32)


def as_tensor(described, device):
    interface = described.__cuda_array_interface__
    dtype, (address, _) = np.dtype(interface["typestr"]), interface["data"]
    size = int(np.prod(interface["shape"])) * dtype.itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(interface["shape"]).view(Tensor)


def measure_peer(make):
    """The record of a scan's peer beside ours, which is right and takes 6 s; a copy of a byte takes one."""
    case = Scan("scan", "K1", [2, 8], 1, "")
    a, u = case.inputs(np.random.default_rng(2))
    y = np.zeros_like(u)
    for t in range(8):
        y[:, t] = a[:, t] * y[:, t - 1] + u[:, t]
    place = lambda x: (SimpleNamespace(address=ctypes.c_uint64(x.ctypes.data)), x.shape, x.dtype)
    torch = SimpleNamespace(as_tensor=as_tensor, float32=None, linalg=SimpleNamespace(vector_norm=lambda x, dtype: np.linalg.norm(x)))
    peers = SimpleNamespace(torch=torch)
    timer = lambda program: program.seconds
    kernel = SimpleNamespace(inputs=[place(a), place(u)], outputs=[place(y)])
    return Measurement(None, timer, dict(copy=1.0), peers).measure_peer(case, "peer", make, kernel, 6.0)


def scan_of(a, u, seconds, wrong=0):
    def program():
        y = np.zeros_like(u)
        for t in range(a.shape[1]):
            y[:, t] = a[:, t] * y[:, t - 1] + u[:, t]
        y[-1, -1] += wrong
        return y
    program.seconds = seconds
    return program


def test_of_a_peers_programs_the_fastest_counts():
    record = measure_peer(lambda peers, a, u: [scan_of(a, u, seconds) for seconds in (24.0, 12.0, 18.0)])
    assert "note" not in record and record["error"] < 1e-6
    assert (record["median_s"], record["ratio"], record["of_copy"]) == (12.0, 2.0, 3 * 4 * 16 / 12)


@pytest.mark.parametrize("wrong", [1.0, np.nan])
def test_a_peer_that_is_wrong_gets_no_figure(wrong):
    record = measure_peer(lambda peers, a, u: [scan_of(a, u, 1.0), scan_of(a, u, 1.0, wrong)])
    assert record["note"].startswith("wrong: off from ours by") and record["median_s"] is None


def test_a_peer_that_is_absent_or_fails_says_so():
    def refuse(peers, a, u):
        raise Absent("there is none")

    assert measure_peer(refuse)["note"] == "skipped: there is none"
    assert measure_peer(lambda peers, a, u: [lambda: u[:1]])["note"].startswith("failed: ValueError: its result has the shape (1, 8)")


def test_peers_of_torch_compute_the_same():
    """On the CPU."""
    torch = pytest.importorskip("torch")
    for case in gpu_cases.QUICK:
        inputs = case.inputs(np.random.default_rng(1))
        for name, make in case.peers().items():
            if name.startswith("torch"):
                program, = make(SimpleNamespace(torch=torch), *map(torch.from_numpy, inputs))
                assert case.error(inputs, [program().contiguous().numpy()]) <= case.bound


def test_products_of_a_chunk():
    """As a loop over its steps counts them."""
    n, p = 8, 4
    count = sum((step + 1) * (n + p) + 2 * n * p for step in range(64))
    assert count_products(1, 64, 1, p, n) == count
    assert count_products(3, 4096, 5, p, n) == 3 * 64 * 5 * count


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="this machine has a GPU")
def test_says_that_there_is_no_driver(tmp_path):
    """As documented, from a folder that has nothing else of the project."""
    folder = shutil.copytree(SCRIPT.parent, tmp_path / "gpu", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([folder / "run.py", "kernels"], cwd=tmp_path, capture_output=True, text=True,
                          env=dict(os.environ, PATH=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"))
    assert done.returncode == 1 and "bench/gpu: there is no CUDA driver: libcuda.so.1" in done.stderr
