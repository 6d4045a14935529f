"""Makes and shows .npy files for lit tests.

npy.py make FILE SHAPE [DTYPE]   0, 1, 2, ... in this shape, e.g. 3x5
npy.py part FILE BEGIN END NEW    the rows from BEGIN to END of an array
npy.py show FILE                 dtype, shape and elements on one line
"""
import sys

import ml_dtypes
import numpy as np


def make(path, shape, dtype="float32"):
    sizes = [int(n) for n in shape.split("x")] if shape != "scalar" else []
    dtype = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    np.save(path, np.arange(np.prod(sizes, dtype=int)).reshape(sizes).astype(dtype))


def part(path, begin, end, new):
    np.save(new, np.load(path)[int(begin):int(end)])


def show(path):
    x = np.load(path)
    if x.dtype.kind == "V":
        x = x.view(ml_dtypes.bfloat16)
    print(x.dtype, x.shape, x.ravel().tolist())


if __name__ == "__main__":
    {"make": make, "part": part, "show": show}[sys.argv[1]](*sys.argv[2:])
