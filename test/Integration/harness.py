"""Runs MLIR functions on NumPy arrays through the built tools.

    from harness import run
    states, final = run(text, a, x, entry="f", strategy="tree_scan")

Results come back with the element types of the function's signature;
bfloat16 is ml_dtypes.bfloat16, which .npy files store as two raw bytes.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SSM_BUILD_DIR", ROOT / "build"))
# A sanitizer takes time and memory of its own, and no Python package is built with it.
CACHE = BUILD / "CMakeCache.txt"
SANITIZED = CACHE.is_file() and re.search(r"^LLVM_USE_SANITIZER:\w+=.", CACHE.read_text(), re.M) is not None

DTYPES = {
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": np.float32,
    "f64": np.float64,
    "complex<f32>": np.complex64,
    "complex<f64>": np.complex128,
    "i1": np.bool_,
    "i32": np.int32,
    "i64": np.int64,
    "index": np.int64,
}


class ToolError(Exception):
    """A tool ended with an exit code other than 0; carries its stderr."""

    def __init__(self, command, status, stderr):
        super().__init__(f"{command[0]} ended with exit code {status}:\n{stderr}")
        self.status = status
        self.stderr = stderr


def tool(name, *args, check=True, **options):
    """Runs build/bin/<name>; the finished process, with text output."""
    command = [str(BUILD / "bin" / name), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    if check and done.returncode != 0:
        raise ToolError(command, done.returncode, done.stderr)
    return done


def split_types(text):
    """The types of a comma-separated list: 'tensor<2x3xf32>, f32' -> 2 strings."""
    types, depth, start = [], 0, 0
    for i, char in enumerate(text + ","):
        # The arrow of an affine map is no bracket.
        if char in "<({[":
            depth += 1
        elif char in ")}]" or (char == ">" and text[i - 1] != "-"):
            depth -= 1
        elif char == "," and depth == 0:
            if text[start:i].strip():
                types.append(text[start:i].strip())
            start = i + 1
    return types


def result_types(mlir_text, entry):
    """The result types of @entry, aliases resolved."""
    aliases = dict(re.findall(r"^(!\w+) = (.*)$", mlir_text, re.M))
    found = re.search(rf"\bfunc\.func (?:public )?@{entry}(?=\()", mlir_text)
    if not found:
        raise ValueError(f"no function @{entry} in the module")
    rest = mlir_text[found.end():]
    rest = rest[_closing(rest) + 1 :].lstrip()
    if not rest.startswith("->"):
        return []
    rest = rest[2:].lstrip()
    listed = rest[1 : _closing(rest)] if rest.startswith("(") else rest[: rest.index("{")]
    types = [re.sub(r"\s*\{.*\}$", "", t) for t in split_types(listed)]
    return [aliases.get(t, t) for t in types]


def _closing(text):
    """The index of the bracket that closes the one text starts with."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return i
    raise ValueError(f"unbalanced: {text}")


def element_dtype(mlir_type):
    """The NumPy dtype of a tensor or scalar type."""
    inner = re.fullmatch(r"tensor<(?:[\d?]+x)*(.+?)(?:, .*)?>", mlir_type)
    return np.dtype(DTYPES[inner.group(1) if inner else mlir_type])


def run(mlir_text, *inputs, entry="f", strategy=None, threads=1, options=()):
    """Compiles and runs @entry with ssm-run; its results as a list of arrays."""
    dtypes = [element_dtype(t) for t in result_types(mlir_text, entry)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = folder / "model.mlir"
        model.write_text(mlir_text)
        args = [model, f"--entry={entry}", f"--threads={threads}", *options]
        if strategy:
            args.append(f"--strategy={strategy}")
        if threads > 1:  # However little there is to share.
            (folder / "rates").write_text("forkJoin = 1e-12\n")
            args.append(f"--rates={folder / 'rates'}")
        for i, array in enumerate(inputs):
            np.save(folder / f"in{i}.npy", np.asarray(array))
            args += ["--input", folder / f"in{i}.npy"]
        outputs = [folder / f"out{i}.npy" for i in range(len(dtypes))]
        for path in outputs:
            args += ["--output", path]
        tool("ssm-run", *args)
        return [_load(path, dtype) for path, dtype in zip(outputs, dtypes)]


def _load(path, dtype):
    array = np.load(path)
    if dtype == ml_dtypes.bfloat16 and array.dtype != dtype:
        array = array.view(dtype)
    assert array.dtype == dtype, f"{path.name}: {array.dtype}, the signature says {dtype}"
    return array
