"""ssm-c/Compile.h, called as a program in another language would."""

import ctypes
import json
import re
import subprocess
import threading

import numpy as np
import pytest
from harness import BUILD, ROOT

PROGRAM = b"""
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @decay(%a: tensor<4xf32>, %u: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<8x4xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<8x4xf32>, tensor<4xf32>
  return %x : tensor<8x4xf32>
}
"""
LINES = PROGRAM.replace(b"(t, d) -> (t, d)", b"(t, d) -> (d, t)").replace(b"8x4", b"1024x1024").replace(
    b"tensor<4x", b"tensor<1024x")
OBJECT, ASSEMBLY, LLVM, CUBIN, SPIRV = range(5)


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("target", ctypes.c_char_p), ("entry", ctypes.c_char_p),
                ("strategy", ctypes.c_char_p), ("name", ctypes.c_char_p), ("emit", ctypes.c_int),
                ("threads", ctypes.c_uint), ("prepare", ctypes.c_int)]


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(ctypes.c_char)), ("size", ctypes.c_size_t)]


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64))]


def open_library():
    library = ctypes.CDLL(BUILD / "lib" / "libssm-c.so")
    for name in ("ssm_compile", "ssm_rewrite", "ssm_load", "ssm_library_function"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("messages", "code", "explanation", "header", "launches", "signature"):
        getattr(library, f"ssm_result_{name}").restype = Bytes
    for name in ("ssm_host_target", "ssm_version"):
        getattr(library, name).restype = ctypes.c_char_p
    library.ssm_result_kernels.restype = ctypes.c_size_t
    return library


C = open_library()


class Result:
    """What a result held; it is freed."""

    def __init__(self, address):
        pointer = ctypes.c_void_p(address)
        self.ok = C.ssm_result_ok(pointer) == 1
        for name in ("messages", "code", "explanation", "header", "launches"):
            value = getattr(C, f"ssm_result_{name}")(pointer)
            assert value.data[value.size] == b"\0"
            setattr(self, name, ctypes.string_at(value.data, value.size))
        self.signatures = []
        for i in range(C.ssm_result_kernels(pointer)):
            value = C.ssm_result_signature(pointer, ctypes.c_size_t(i))
            self.signatures.append(json.loads(ctypes.string_at(value.data, value.size)))
        assert C.ssm_result_signature(pointer, ctypes.c_size_t(len(self.signatures))).size == 0
        C.ssm_result_free(pointer)


def compile(text, **options):
    given = Options(struct_size=ctypes.sizeof(Options), **options)
    return Result(C.ssm_compile(text, ctypes.c_size_t(len(text)), ctypes.byref(given)))


def rewrite(text, pipeline, name=None):
    return Result(C.ssm_rewrite(text, ctypes.c_size_t(len(text)), pipeline, name))


def load(code, threads=1):
    problem = ctypes.c_void_p()
    library = C.ssm_load(code, ctypes.c_size_t(len(code)), threads, ctypes.byref(problem))
    return library and ctypes.c_void_p(library), Result(problem.value) if problem.value else None


def tensor(array):
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    return Tensor(array.ctypes.data, 3, array.ndim, shape, None)


def test_a_recurrence_compiled_loaded_and_run():
    result = compile(PROGRAM, entry=b"decay")
    assert result.ok and result.messages == b"" and result.launches == b""
    assert b"decay_run" in result.header and b"linear_recurrence" in result.explanation
    assert [signature["name"] for signature in result.signatures] == ["decay"]
    library, problem = load(result.code)
    assert problem is None
    assert C.ssm_library_function(library, b"other_run") is None
    run = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(C.ssm_library_function(library, b"decay_run"))
    rng = np.random.default_rng(0)
    a, u = rng.random(4, dtype=np.float32), rng.standard_normal((8, 4), dtype=np.float32)
    x, expected = np.empty_like(u), np.zeros((8, 4))
    state = np.zeros(4)
    for t in range(8):
        state = expected[t] = a * state + u[t]
    outs = (Tensor * 1)(tensor(x))
    assert run((Tensor * 2)(tensor(a), tensor(u)), outs, None, None) == 0
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-6)  # sums cancel
    C.ssm_library_free(library)


def test_every_kind_of_output():
    assert compile(PROGRAM, emit=OBJECT).code.startswith(b"\x7fELF")
    assert b"decay_run:" in compile(PROGRAM, emit=ASSEMBLY, target=b"x86-64-v3").code
    assert b"define" in compile(PROGRAM, emit=LLVM).code
    ptx = compile(LINES, emit=ASSEMBLY, target=b"nvidia:sm_90")
    assert b".visible .entry" in ptx.code and json.loads(ptx.launches)
    assert b"s_endpgm" in compile(LINES, emit=ASSEMBLY, target=b"amd:gfx942").code
    assert compile(LINES, emit=SPIRV, target=b"opencl:spirv64").code.startswith(b"\x03\x02\x23\x07")


def test_as_the_tools_do(tmp_path):
    source, output = tmp_path / "decay.mlir", tmp_path / "decay.s"
    source.write_bytes(PROGRAM)
    subprocess.run([BUILD / "bin/ssm-compile", source, "--emit=asm", "-o", output], check=True)
    assert compile(PROGRAM, emit=ASSEMBLY).code == output.read_bytes()
    done = subprocess.run([BUILD / "bin/ssm-opt", source, "--ssm-lower-to-linalg", "--cse"], capture_output=True,
                          check=True)
    for pipeline in (b"builtin.module(ssm-lower-to-linalg,cse)", b"ssm-lower-to-linalg,cse"):
        assert rewrite(PROGRAM, pipeline).code.strip() == done.stdout.strip()


@pytest.mark.parametrize("text, options, message", [
    (b"func.func @f(", dict(name=b"layer.mlir"), rb"^layer\.mlir:1:\d+: error: "),
    (b"", dict(entry=b"f"), b"error: .*f"),
    (b"\xff\xfe\x00", {}, b"^program:1:1: error: "),
    (PROGRAM, dict(entry=b"other"), b"error: .*other"),
    (PROGRAM, dict(target=b"no-such-cpu"), b"error: .*no-such-cpu"),
    (PROGRAM, dict(target=b"nvidia:sm_1", emit=ASSEMBLY), b"error: .*sm_1"),
    (PROGRAM, dict(target=b"tpu:v5", emit=ASSEMBLY), b"error: a GPU's target starts with nvidia:"),
    (PROGRAM, dict(target=b"nvidia:sm_90"), b"error: a GPU has no object file"),
    (PROGRAM, dict(target=b"nvidia:sm_90", emit=ASSEMBLY, prepare=1), b"error: prepare is for CPUs"),
    (PROGRAM, dict(target=b"nvidia:sm_90", emit=SPIRV), b"error: .*opencl:spirv64"),
    (PROGRAM, dict(target=b"opencl:spirv64", emit=ASSEMBLY), b"error: .*opencl:spirv64"),
    (PROGRAM, dict(emit=CUBIN), b"error: a cubin needs a target such as nvidia:sm_90"),
    (PROGRAM, dict(emit=17), b"error: emit must be one of ssm_emit's values"),
    (PROGRAM, dict(emit=-1), b"error: emit must be one of ssm_emit's values"),
    (PROGRAM, dict(threads=5000), b"error: threads must be at most 4096"),
    (PROGRAM, dict(strategy=b"magic"), b"error: .*magic"),
])
def test_bad_input_is_a_message(text, options, message):
    result = compile(text, **options)
    assert not result.ok and result.code == b"" and result.signatures == []
    assert re.search(message, result.messages), result.messages
    assert result.messages.endswith(b"\n")


def test_a_bad_pipeline_is_a_message():
    for pipeline, message in [(b"no-such-pass", b"no-such-pass"), (b"cse)", b"error"), (b"cse(", b"error"),
                              (b"ssm-select-strategy{force=magic}", b"magic")]:
        result = rewrite(PROGRAM, pipeline)
        assert not result.ok and message in result.messages, result.messages
    assert rewrite(b"func.func", b"cse", b"x.mlir").messages.startswith(b"x.mlir:1:")


def test_what_is_no_object_file_is_not_loaded():
    for code in (b"", b"not an object", compile(PROGRAM).code[:300]):
        library, problem = load(code)
        assert library is None and not problem.ok and problem.messages.endswith(b"\n")
    assert C.ssm_load(b"", ctypes.c_size_t(0), 1, None) is None


def test_an_older_caller_knows_fewer_options():
    given = Options(struct_size=Options.entry.offset + Options.entry.size, entry=b"decay", emit=17, threads=9999)
    assert Result(C.ssm_compile(PROGRAM, ctypes.c_size_t(len(PROGRAM)), ctypes.byref(given))).ok
    assert Result(C.ssm_compile(PROGRAM, ctypes.c_size_t(len(PROGRAM)), None)).ok


def test_many_threads_at_once():
    codes = [None] * 4
    threads = [threading.Thread(target=lambda i=i: codes.__setitem__(i, compile(PROGRAM).code)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes[0] and codes == [codes[0]] * 4


def test_version_and_host():
    version = re.search(r"project\(ssm VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert C.ssm_version().decode() == version
    assert compile(PROGRAM, target=C.ssm_host_target()).ok


def test_exports_its_functions_only():
    done = subprocess.run(["llvm-nm-22", "--dynamic", "--defined-only", "--format=just-symbols", BUILD / "lib/libssm-c.so"],
                          capture_output=True, text=True, check=True)
    declared = set(re.findall(r"\b(ssm_\w+)\(", (ROOT / "include/ssm-c/Compile.h").read_text()))
    assert set(done.stdout.split()) == declared
