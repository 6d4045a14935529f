"""What others have for the same, where it is installed."""

import ctypes
import functools
import importlib
import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from gpu_driver import Absent


def need(module):
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise Absent(f"{module} cannot be imported: {error}") from None


class OnDevice:
    """A buffer, as others read one: NumPy's description of it at a place of the device."""

    def __init__(self, buffer, shape, dtype):
        # NumPy has no bfloat16, and what reads this no bits without a sign.
        self.is_bf16 = dtype == np.uint16
        self.__cuda_array_interface__ = dict(version=2, shape=tuple(shape), data=(buffer.address.value, False),
                                             typestr=np.dtype(np.int16 if self.is_bf16 else dtype).str)

    def to_torch(self, torch):
        tensor = torch.as_tensor(self, device="cuda")
        return tensor.view(torch.bfloat16) if self.is_bf16 else tensor


def build_cub(folder, chip="native"):
    """The library of cub_scan.cu."""
    if not (compiler := shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")):
        raise Absent("there is no nvcc, nor a cub_scan.so beside the kernels")
    library = Path(folder) / "cub_scan.so"
    subprocess.run([compiler, "-O3", "-std=c++17", f"-arch={chip}", "-shared", "-Xcompiler", "-fPIC",
                    Path(__file__).with_name("cub_scan.cu"), "-o", library], check=True)
    return library


def load_cub(folder):
    library = folder.resolve() / "cub_scan.so"
    if library.exists():
        return ctypes.CDLL(library)
    with tempfile.TemporaryDirectory() as place:
        return ctypes.CDLL(build_cub(place))


class Peers:
    """What peers are made of: torch, and what is built beside the kernels."""

    def __init__(self, folder):
        self.folder = folder

    @functools.cached_property
    def torch(self):
        return need("torch")

    def cub_scan(self, a, u):
        """A program that scans the rows of two tensors, time last."""
        torch, scan, count, length = self.torch, load_cub(self.folder).cub_scan, math.prod(a.shape), a.shape[-1]
        if count > length and length & (length - 1):
            raise Absent("several rows must have a power of two steps")
        y, size = torch.full_like(a, math.nan), ctypes.c_size_t()
        sizes = [ctypes.c_longlong(n) for n in (count, length - 1 if count > length else -1)]
        arrays = [ctypes.c_void_p(x.data_ptr()) for x in (a, u, y)]

        def run(workspace):
            if status := scan(workspace, ctypes.byref(size), *arrays, *sizes):
                raise RuntimeError(f"CUB's scan failed: CUDA's error {status}")
            return y

        run(None)
        workspace = torch.empty(size.value, dtype=torch.uint8, device=a.device)
        return lambda: run(ctypes.c_void_p(workspace.data_ptr()))

    def triton_scans(self, a, u):
        """Programs that do the same, of several sizes of blocks."""
        kernel, rows, length = need("gpu_triton").scan_rows, math.prod(a.shape[:-1]), a.shape[-1]

        def program(block, warps):
            y = self.torch.full_like(a, math.nan)

            def run():
                kernel[rows,](a, u, y, length, BLOCK=block, num_warps=warps)
                return y
            return run

        return [program(block, warps) for block, warps in ((1024, 4), (2048, 4), (2048, 8), (4096, 8), (4096, 16))]

    def product(self, size):
        """A product of square matrices of bf16."""
        left, right = (self.torch.randn(size, size, device="cuda", dtype=self.torch.bfloat16) for _ in range(2))
        return lambda: left @ right

    def release(self):
        """The memory that torch keeps for its next tensors."""
        if "torch" in vars(self):
            self.torch.cuda.empty_cache()
