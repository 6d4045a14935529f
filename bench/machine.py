"""The machine's own bounds, measured with small C loops."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("triad.c")


def aligned(count):
    """`count` ones in f32, aligned to 64 bytes."""
    room = np.ones(count + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + count]


def triad_times(report, elements):
    """Seconds of c = a * b over arrays of f32, on one thread; the better kind
    of store for this size."""
    library = report.build_dir / "bench" / "triad.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["clang-22", "-O3", "-march=native", "-shared", "-fPIC", SOURCE, "-o", library],
                   check=True)
    code = ctypes.CDLL(str(library))
    count = -(-elements // 16) * 16
    arrays = [aligned(count) for _ in range(3)]
    arguments = [*(ctypes.c_void_p(array.ctypes.data) for array in arrays), ctypes.c_size_t(count)]
    return min((report.times(lambda: function(*arguments), repeats=50)
                for function in (code.triad, code.triad_streaming)), key=min)
