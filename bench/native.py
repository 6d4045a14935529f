"""The code by hand of native/*.cpp, one shared library with a C interface."""

import ctypes
import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from measure import Absent, empty

SOURCES = Path(__file__).parent / "native"
FLAGS = ["-std=c++20", "-O3", "-march=native", "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-math-errno",
         "-fopenmp", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall"]


def build(build_dir):
    """Compiles what is newer than the library; the library's path."""
    library = Path(build_dir) / "bench" / "native.so"
    sources = sorted(SOURCES.glob("*.cpp"))
    newest = max(path.stat().st_mtime for path in [*sources, *SOURCES.glob("*.h")])
    if not library.exists() or library.stat().st_mtime < newest:
        library.parent.mkdir(parents=True, exist_ok=True)
        new = library.with_suffix(f".{os.getpid()}.tmp")
        subprocess.run(["clang++-22", *FLAGS, *sources, "-o", new], check=True)
        os.replace(new, library)
    return library


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


class Native:
    """Calls with arrays and numbers; all numbers are 64-bit but the threads."""

    def __init__(self, build_dir, threads):
        self.code = ctypes.CDLL(str(build(build_dir)))
        self.threads = threads
        self.code.bench_multiply_adds.restype = self.code.bench_exponentials.restype = ctypes.c_double
        for create in (self.code.fftconv_create, self.code.pipeline_create):
            create.restype = ctypes.c_void_p

    def arguments(self, values):
        kinds = {np.ndarray: pointer, int: ctypes.c_int64, bool: ctypes.c_int, str: lambda text: text.encode(),
                 type(None): ctypes.c_void_p, Handle: lambda handle: handle}
        return [kinds[type(value)](value) for value in values] + [ctypes.c_int(self.threads)]

    def bind(self, name, *values, result=None):
        """A function without arguments that calls `name` and returns `result`."""
        function, arguments = getattr(self.code, name), self.arguments(values)

        def call(keep=values):
            function(*arguments)
            return result
        return call

    def handle(self, kind, *values):
        """What <kind>_create returns; freed with the handle."""
        address = getattr(self.code, f"{kind}_create")(*self.arguments(values))
        if not address:
            raise Absent(f"the {kind} by hand does not take this shape, or a library is missing")
        return Handle(getattr(self.code, f"{kind}_destroy"), address)

    @functools.cache
    def rate(self, operation):
        """Elements a second of an operation in registers: "multiply_adds" or
        "exponentials"; the best of some tries."""
        import time
        function = getattr(self.code, f"bench_{operation}")
        rounds, best = 20000, 0.0
        for _ in range(30):
            start = time.perf_counter()
            count = function(ctypes.c_int64(rounds), ctypes.c_int(self.threads))
            best = max(best, count / (time.perf_counter() - start))
        return best

    def triads(self, elements):
        """{name: function}, each a triad over arrays of so many f32."""
        count = -(-elements // 16) * 16
        a, b, c = (empty([count]) for _ in range(3))
        a[:] = b[:] = 1
        return {"triad through the caches": self.bind("bench_triad", a, b, c, count),
                "triad past the caches": self.bind("bench_triad_streaming", a, b, c, count)}


class Handle(ctypes.c_void_p):
    def __init__(self, destroy, address):
        super().__init__(address)
        self.destroy = destroy

    def __del__(self):
        self.destroy(self)


def fft_libraries():
    """{name: path} of the libraries with FFTW's interface."""
    mkl = sorted(Path(sys.prefix, "lib").glob("libmkl_rt.so.*"))
    found = {"fftw": "libfftw3f.so.3"}
    if mkl:
        found["mkl"] = str(mkl[0])
    return found
