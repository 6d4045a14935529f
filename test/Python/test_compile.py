"""Compiled functions, the caches, threads, and what an import costs."""

import ctypes
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from arrays import LAYOUTS, layout
from conftest import BUILD

import mlir_ssm as ssm
from mlir_ssm import _compile

AXPY = """
func.func @f(%a: tensor<f32> {ssm.name = "a"}, %x: tensor<?x3xf32> {ssm.name = "x"},
             %y: tensor<?x3xf32> {ssm.name = "y"}) -> tensor<?x3xf32> {
  %s = tensor.extract %a[] : tensor<f32>
  %0 = linalg.map ins(%x, %y : tensor<?x3xf32>, tensor<?x3xf32>) outs(%y : tensor<?x3xf32>)
    (%xi: f32, %yi: f32, %yo: f32) {
      %1 = arith.mulf %s, %xi : f32
      %2 = arith.addf %1, %yi : f32
      linalg.yield %2 : f32
    }
  return %0 : tensor<?x3xf32>
}
"""
SCAN = """
#l = affine_map<(t) -> (t)>
#s = affine_map<(t) -> ()>
func.func @decay(%a: tensor<f64>, %x: tensor<?xf64>) -> (tensor<?xf64>, tensor<f64>) {
  %y, %h = ssm.linear_recurrence transition(%a : tensor<f64>) signal(%x : tensor<?xf64>)
    {indexing_maps = [#s, #l, #l, #s], time = 0 : i64} -> tensor<?xf64>, tensor<f64>
  return %y, %h : tensor<?xf64>, tensor<f64>
}
"""


def python(*lines, **environment):
    """Runs a program in a new process; its output."""
    env = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(ssm.__file__)), **environment)
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_program():
    f = ssm.compile(AXPY, threads=1)
    x, y = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    for kind in LAYOUTS:
        np.testing.assert_allclose(f(np.float32(2), layout(x, kind), y), 2 * x + y, rtol=1e-6)
    assert f(np.float32(2), x[:0], y[:0]).shape == (0, 3)
    assert repr(f) == "<f(a: float32[], x: float32[d0, 3], y: float32[d0, 3]) -> (r0: float32[d0, 3]) for host>"
    with pytest.raises(ValueError, match=r"'y' must be float32\[d0, 3\] with d0 = 5, but it is float32\[4, 3\]"):
        f(np.float32(2), x, y[:4])
    with pytest.raises(TypeError, match=r"'x' must be float32.*float64\[5, 3\]"):
        f(np.float32(2), x.astype(float), y)
    with pytest.raises(TypeError, match="takes 3 inputs, but 2 were given"):
        f(x, y)


def test_explain_asm_and_save(tmp_path):
    f = ssm.compile(SCAN, entry="decay")
    assert f.explain.startswith("linear_recurrence: ") and "fft_conv" in f.explain
    assert f.signature["strategies"][0]["op"] == "linear_recurrence"
    assert "decay_run" in f.asm
    f.save(tmp_path / "decay")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["decay.h", "decay.o"]
    source = tmp_path / "main.c"
    source.write_text("""
#include "decay.h"
double call(double *a, double *x, int64_t n, double *y, double *workspace) {
  double last;
  ssm_tensor ins[] = {{a, SSM_F64, 0, 0, 0}, {x, SSM_F64, 1, &n, 0}};
  ssm_tensor outs[] = {{y, SSM_F64, 1, &n, 0}, {&last, SSM_F64, 0, 0, 0}};
  return decay_run(ins, outs, workspace, 0) ? -1 : last;
}""")
    library = tmp_path / "decay.so"
    subprocess.run(["clang-22", "-shared", "-fPIC", "-o", library, source, tmp_path / "decay.o"], check=True)
    call = ctypes.CDLL(str(library)).call
    call.restype = ctypes.c_double
    x = np.arange(1, 8.0)
    a, y = np.array(0.5), np.empty_like(x)
    work = np.empty(f.signature["workspace_bytes"] + 64, np.uint8)
    aligned = work[-work.ctypes.data % 64:]
    pointer = [ctypes.c_void_p(v.ctypes.data) for v in (a, x, y, aligned)]
    last = call(pointer[0], pointer[1], ctypes.c_int64(7), pointer[2], pointer[3])
    want, final = f(a, x)
    assert last == final and (y == want).all()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86 CPUs")
@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3"])
def test_a_target_that_this_machine_includes_is_called(target):
    """Its kernels are narrower than the host's, and as exact."""
    if target == "x86-64-v3" and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this CPU has no AVX2")
    x = np.random.default_rng(0).standard_normal(200)
    f = ssm.compile(SCAN, entry="decay", target=target)
    assert "zmm" not in f.asm and f.signature["target"] == target
    h, want = 0.0, []
    for value in x:
        want.append(h := 0.9 * h + value)
    y, last = f(np.float64(0.9), x)
    np.testing.assert_allclose(y, want, rtol=1e-13)
    assert last == y[-1]


def test_other_target(tmp_path):
    f = ssm.compile(AXPY, target="neoverse-v1")
    with pytest.raises(ValueError, match="target: .*neoverse-v1"):
        f(np.float32(1), np.ones((1, 3), np.float32), np.ones((1, 3), np.float32))
    f.save(tmp_path / "axpy")
    assert b"\xb7" == (tmp_path / "axpy.o").read_bytes()[18:19]  # the machine of an ELF file: AArch64


def test_failed_save_leaves_nothing(tmp_path):
    f = ssm.compile(AXPY)
    with pytest.raises(OSError):
        f.save(tmp_path / "absent" / "k")
    assert list(tmp_path.iterdir()) == []


def test_file(tmp_path):
    path = tmp_path / "model.mlir"
    path.write_text(SCAN)
    assert ssm.compile(path, entry="decay")(np.array(0.5), np.ones(3))[1] == 1.75
    assert ssm.compile(str(path), entry="decay").explain
    path.write_text("func.func @decay() -> f32 {\n  return\n}\n")
    with pytest.raises(ValueError, match=r"model\.mlir:2:3: error: "):
        ssm.compile(path)


@pytest.mark.parametrize("text", ["func.func @f() {" + "(" * 300, "\0", "ML\udcefR", "func.func @f() { \udcff }", "",
                                  "module {}"])
def test_hostile_text(text):
    with pytest.raises(ValueError, match="error"):
        ssm.compile(text)


@pytest.mark.parametrize("operation", [
    'llvm.inline_asm has_side_effects "no such instruction", "" : () -> ()',
    '%0 = llvm.inline_asm has_side_effects "", "={no such register}" : () -> f32',
])
def test_error_of_the_code_generator(operation):
    """What ends LLVM's own tools, at once or by a diagnostic, is an exception; and the next compilation works."""
    with pytest.raises(ValueError, match="<string>: error: "):
        ssm.compile("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n" + operation +
                    "\nreturn %x : tensor<4xf32> }")
    assert ssm.linear_recurrence(np.float32([[0.5]]), np.ones((1, 3, 1), np.float32))[1][0, 0] == 1.75


def test_dlpack():
    class Foreign:
        def __init__(self, x):
            self.x = x

        def __dlpack__(self, **keywords):
            return self.x.__dlpack__(**keywords)

        def __dlpack_device__(self):
            return self.x.__dlpack_device__()
    x = np.ones((1, 3, 2), np.float32)
    states, _ = ssm.linear_recurrence(Foreign(np.full(2, 0.5, np.float32)), Foreign(x))
    assert (states[0, :, 0] == [1, 1.5, 1.75]).all()


def test_bfloat16():
    x = np.ones((1, 3, 2), ml_dtypes.bfloat16)
    states, final = ssm.linear_recurrence(np.full(2, 0.5, ml_dtypes.bfloat16), x)
    assert states.dtype == ml_dtypes.bfloat16 and final.dtype == np.float32
    assert (states[0, :, 0].astype(float) == [1, 1.5, 1.75]).all()
    again, _ = ssm.linear_recurrence(np.full(2, 0.5, ml_dtypes.bfloat16), x, init=final)
    assert again[0, 0, 0] == 1.875


def test_a_call_is_compiled_once(monkeypatch):
    compiled = []
    monkeypatch.setattr(_compile, "compile_text", lambda *a, **k: compiled.append(a) or original(*a, **k))
    x = np.ones((1, 11, 3), np.float32)
    for _ in range(3):
        ssm.linear_recurrence(x, x)
    workers = [threading.Thread(target=ssm.linear_recurrence, args=(x[:, :10], x[:, :10])) for _ in range(4)]
    for step in (threading.Thread.start, threading.Thread.join):
        for worker in workers:
            step(worker)
    assert len(compiled) == 2


original = _compile.compile_text


def test_memory_cache_forgets_the_oldest():
    plans = _compile.Plans(limit=2)
    for key in "abc":
        plans.get(key, lambda: key)
    assert list(plans.plans) == ["b", "c"] and not plans.making


def test_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(_compile.CACHE_VARIABLE, str(tmp_path / "cache"))
    args = np.array(0.5), np.ones(3)
    first = ssm.compile(SCAN, entry="decay")
    (entry,) = (tmp_path / "cache").iterdir()
    good = entry.read_bytes()
    monkeypatch.setattr(_compile.core(), "compile", None)
    second = ssm.compile(SCAN, entry="decay")
    assert second(*args)[1] == 1.75 and second.explain == first.explain
    with pytest.raises(TypeError):  # another number of threads is other code
        ssm.compile(SCAN, entry="decay", threads=3)
    monkeypatch.undo()
    monkeypatch.setenv(_compile.CACHE_VARIABLE, str(tmp_path / "cache"))
    for damaged in (b"", good[:40], good[:-1], good[:50] + b"?" + good[51:], bytes(len(good))):
        entry.write_bytes(damaged)
        assert ssm.compile(SCAN, entry="decay")(*args)[1] == 1.75
        assert entry.read_bytes() == good
    monkeypatch.setenv(_compile.CACHE_VARIABLE, "/proc/no/such/folder")
    assert ssm.compile(SCAN, entry="decay")(*args)[1] == 1.75


def test_disk_cache_of_many_processes(tmp_path):
    lines = ("import numpy as np, mlir_ssm as ssm", "x = np.ones((1, 9, 2), np.float32)",
             "for n in range(1, 6): assert ssm.linear_recurrence(x[0, 0] / 2, x[:, :n])[0].shape == (1, n, 2)")
    threads = [threading.Thread(target=python, args=lines, kwargs={_compile.CACHE_VARIABLE: str(tmp_path)})
               for _ in range(3)]
    for step in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            step(thread)
    assert len(list(tmp_path.iterdir())) == 5  # and no temporary file


def test_results_do_not_depend_on_the_threads():
    rng = np.random.default_rng(1)
    x = rng.standard_normal(100_000)
    results = [ssm.compile(SCAN, entry="decay", threads=n, strategy="tree_scan")(np.array(0.999), x)[0]
               for n in (1, 2, 5)]
    assert all((y == results[0]).all() for y in results)


def test_the_gil_is_released():
    """Python goes on in this thread while a kernel runs in another."""
    f = ssm.compile(SCAN, entry="decay", threads=1, strategy="sequential")
    a, x = np.array(0.999), np.ones(1_000_000)
    f(a, x)
    done = threading.Event()

    def work():
        for _ in range(100):
            f(a, x)
        done.set()
    worker = threading.Thread(target=work)
    steps = 0
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)  # the other thread gives the lock up by itself or not at all
    try:
        worker.start()
        while not done.is_set():
            steps += 1
            time.sleep(0)
    finally:
        sys.setswitchinterval(interval)
        worker.join()
    # With the lock held this thread would wait for all of the calls.
    assert steps > 200


def test_one_function_in_many_threads():
    f = ssm.compile(SCAN, entry="decay", strategy="tree_scan")
    wrong = []

    def work(seed):
        x = np.random.default_rng(seed).standard_normal(5000)
        want = f(np.array(0.9), x)[0]
        for _ in range(50):
            wrong.extend([] if (f(np.array(0.9), x)[0] == want).all() else [seed])
    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for step in (threading.Thread.start, threading.Thread.join):
        for worker in workers:
            step(worker)
    assert not wrong


def test_import_is_light():
    out = python("import sys, time, numpy", "start = time.perf_counter()", "import mlir_ssm",
                 "print(time.perf_counter() - start)", "print(*sys.modules)")
    seconds, modules = out.splitlines()
    assert float(seconds) < 0.3
    assert not {"jax", "torch", "scipy", "ml_dtypes", "mlir_ssm._core"} & set(modules.split())


def test_overhead_of_a_call():
    """A small problem: what is left is the way to the kernel and back."""
    a, x = np.full(4, 0.5, np.float32), np.ones((1, 4, 4), np.float32)
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        ssm.linear_recurrence(a, x)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 30e-6


def test_binding_of_a_thread_leaves_the_number_of_threads():
    """What OpenMP does to the calling thread at its first loop, with OMP_PROC_BIND=true."""
    program = """
import os, sys
sys.path.insert(0, sys.argv[1])
import mlir_ssm as ssm
text = "func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }"
before = ssm.compile(text).signature["threads"]
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
print(before == ssm.compile(text).signature["threads"])
"""
    done = subprocess.run([sys.executable, "-c", program, str(BUILD / "python")], capture_output=True, text=True,
                          check=True)
    assert done.stdout == "True\n"
