"""An outside project builds against the installed package."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import BUILD

HERE = Path(__file__).parent
PREFIX = BUILD / "prefix"

# One worker builds the consumer for all of them.
pytestmark = pytest.mark.xdist_group("consumer")

def cmake(*args):
    done = subprocess.run(["cmake", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cached(name):
    """The value of a variable in the build's CMake cache."""
    for line in (BUILD / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split("=", 1)[1]
    return ""


@pytest.fixture(scope="module")
def consumer():
    """The folder of the built consumer; a rerun rebuilds only what changed."""
    shutil.rmtree(PREFIX, ignore_errors=True)
    cmake("--install", BUILD, "--prefix", PREFIX)
    folder = BUILD / "consumer"
    same = ["CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_CXX_FLAGS", "CMAKE_BUILD_TYPE",
            "CMAKE_CXX_COMPILER_LAUNCHER"]
    cmake("-G", "Ninja", "-S", HERE, "-B", folder, f"-DCMAKE_PREFIX_PATH={PREFIX}",
          *(f"-D{name}={cached(name)}" for name in same if cached(name)))
    cmake("--build", folder)
    return folder


def test_parses_runs_a_pass_and_prints(consumer):
    done = subprocess.run([consumer / "consumer", HERE / "decay.mlir", "ssm-lower-to-linalg"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "func.func @decay" in done.stdout and "linalg.generic" in done.stdout
    assert "ssm." not in done.stdout


def test_an_unknown_pass_is_an_error(consumer):
    done = subprocess.run([consumer / "consumer", HERE / "decay.mlir", "no-such-pass"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "no-such-pass" in done.stderr


def test_calls_a_compiled_kernel(consumer):
    done = subprocess.run([consumer / "kernel_user"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "status 0, last 1 1.875 4"
    assert lines[1].startswith("wrong shape: ") and lines[1] != "wrong shape: ok"


def test_compiles_and_calls_from_c(consumer):
    done = subprocess.run([consumer / "compiler_user"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "status 0, last 1 1.875 4"
    assert lines[1].startswith("program:1:") and "error: " in lines[1]


def test_links_the_shared_libraries_only(consumer):
    """Static copies of MLIR beside libMLIR.so would double every TypeID."""
    needed = subprocess.run(["ldd", consumer / "consumer"], capture_output=True, text=True).stdout
    assert "libMLIR.so" in needed and "libLLVM.so" in needed
    assert os.path.getsize(consumer / "consumer") < 64 * 2**20


def test_installed_tools_start(consumer):
    for path in sorted((PREFIX / "bin").iterdir()):
        done = subprocess.run([path, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [
    "include/ssm/Init.h",
    "include/ssm/IR/SSMOps.td",
    "include/ssm/IR/SSMOps.h.inc",
    "bin/ssm-opt",
    "lib/ssm_plugin.so",
])
def test_prefix_has(consumer, path):
    assert (PREFIX / path).exists()
