"""Our code: compiled by ssm-compile, called through the C interface."""

import ctypes
import json
import re
import subprocess
import time
from pathlib import Path

import ml_dtypes  # noqa: F401  gives NumPy bfloat16, in which --prepare hands matrices on
import numpy as np
from measure import empty

DTYPES = {"float16": 1, "bfloat16": 2, "float32": 3, "float64": 4, "complex64": 5, "complex128": 6}  # ssm-c/Runtime.h


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64))]


def tensors(arrays):
    def tensor(array):
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        return Tensor(array.ctypes.data, DTYPES[array.dtype.name], array.ndim, shape, None)
    return (Tensor * len(arrays))(*map(tensor, arrays))


class CompileError(Exception):
    pass


class Compiler:
    """ssm-compile with a folder for its outputs and a number of threads."""

    def __init__(self, build_dir, threads):
        self.tools = Path(build_dir) / "bin"
        self.folder = Path(build_dir) / "bench" / "kernels"
        self.threads, self.count = threads, 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def derive_step(self, text):
        """The program with @f_step, one step of @f with explicit states."""
        done = subprocess.run([self.tools / "ssm-opt", "--inline", "--ssm-derive-step=entry=f chunk=1"], input=text,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise CompileError(done.stderr.strip().splitlines()[0])
        return done.stdout

    def compile(self, text, strategy="auto", threads=None, prepare=False, entry="f"):
        """A function of a program; with `prepare` also that of its parameters."""
        self.count += 1
        stem = self.folder / f"t{self.threads}-{self.count}"
        model, library = stem.with_suffix(".mlir"), stem.with_suffix(".so")
        model.write_text(text)
        command = [self.tools / "ssm-compile", model, f"--entry={entry}", "--emit=shared", "-o", library, "--explain",
                   f"--threads={threads or self.threads}"]
        if strategy != "auto":
            command.append(f"--strategy={strategy}")
        if prepare:
            command.append("--prepare")
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        elapsed = time.perf_counter() - start
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise CompileError(next((line for line in lines if "error:" in line), lines[0]))
        try:
            return Kernel(library, entry, elapsed, done.stdout)
        finally:
            library.unlink()
            model.unlink()


class Kernel:
    def __init__(self, library, entry, compile_s, explanation):
        self.entry, self.compile_s, self.explanation = entry, compile_s, explanation
        self.code = ctypes.CDLL(str(library))
        self.code.ssm_status_string.restype = ctypes.c_char_p
        self.signature = self.read_signature(entry)
        self.strategy = ", ".join(choice["strategy"] for choice in self.signature["strategies"])

    def read_signature(self, function):
        read = self.code[f"{function}_signature"]
        read.restype = ctypes.c_char_p
        return json.loads(read())

    def prepare(self, *parameters):
        """What calls need of the parameters, to be bound after the other inputs."""
        return self.bind(*parameters, function=f"{self.entry}_prepare")()

    def bind(self, *inputs, function=None, outputs=None):
        """A function without arguments that computes and returns the results, in `outputs` if they are given."""
        function = function or self.entry
        outputs = outputs or [empty(x["shape"], x["dtype"]) for x in self.read_signature(function)["outputs"]]
        count = self.code[f"{function}_workspace_bytes"]
        count.restype = ctypes.c_size_t
        workspace = empty([count()], np.uint8)
        ins, outs = tensors(inputs), tensors(outputs)
        run, scratch = self.code[f"{function}_run"], ctypes.c_void_p(workspace.ctypes.data)

        def call(keep=(inputs, workspace)):
            status = run(ins, outs, scratch, None)
            if status:
                raise RuntimeError(self.code.ssm_status_string(status).decode())
            return outputs
        call.outputs = outputs
        return call


UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def judgements(explanation):
    """What --explain says of the only op of a program: the strategy chosen and
    {strategy: estimated seconds, or the reason why it was refused}."""
    (line,) = explanation.strip().splitlines()
    parts = line.split(": ", 1)[1].split("; ")
    found = {}
    for part in parts:
        name, _, rest = part.partition(" ")
        if match := re.match(r"([\d.e+-]+) (us|ms|s)\b", rest):
            found[name] = float(match[1]) * UNITS[match[2]]
        elif rest.startswith("refused: "):
            found[name] = rest.removeprefix("refused: ")
    return parts[0].partition(" ")[0], found
