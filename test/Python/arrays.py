"""Arrays for tests of the package: any dtype, any layout, and how far a result may be off."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

BF16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(d) for d in ("f2", "f4", "f8", "c8", "c16")] + [BF16]
# Half a unit in the last place of a stored result, and the roundings of the arithmetic.
BARS = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 1e-6, "complex64": 1e-6, "float64": 1e-13,
        "complex128": 1e-13}
LAYOUTS = ("contiguous", "transposed", "stepped", "reversed", "offset", "read-only")


def layout(x, kind):
    """x with the same numbers, laid out otherwise."""
    if x.ndim == 0 and kind in ("stepped", "reversed"):
        return x
    if kind == "transposed":
        return x.copy("F")
    if kind == "stepped":
        wide = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
        view = wide[tuple(slice(1, 2 * n, 2) for n in x.shape)]
        view[...] = x
        return view
    if kind == "reversed":
        every = tuple(slice(None, None, -1) for _ in x.shape)
        return np.ascontiguousarray(x[every])[every]
    if kind == "offset":  # not aligned to its elements
        raw = np.zeros(x.nbytes + 1, np.uint8)
        view = raw[1:].view(x.dtype).reshape(x.shape)
        view[...] = x
        return view
    if kind == "read-only":
        x = x.copy()
        x.flags.writeable = False
    return x


def is_complex(dtype):
    return np.dtype(dtype).kind == "c"


def part(dtype):
    """float32 for complex64."""
    return np.zeros(0, dtype).real.dtype if is_complex(dtype) else np.dtype(dtype)


def with_part(dtype):
    """The dtypes that may meet `dtype`: those of its width."""
    return [d for d in DTYPES if part(d) == part(dtype)]


class Maker:
    """Draws arrays: the numbers from a generator, the rest from hypothesis."""

    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))

    def pick(self, *choices):
        return self.data.draw(st.sampled_from(choices))

    def layout(self, x):
        return layout(x, self.pick(*LAYOUTS))

    def normal(self, shape, dtype):
        x = self.rng.standard_normal(shape)
        if is_complex(dtype):
            x = x + 1j * self.rng.standard_normal(shape)
        return self.layout(np.asarray(x).astype(dtype))

    def decaying(self, shape, dtype, largest=0.95):
        """Transitions of absolute value below `largest`."""
        x = np.asarray(self.rng.uniform(0.3, largest, shape))
        sign = np.exp(1j * self.rng.uniform(-3, 3, shape)) if is_complex(dtype) else self.rng.choice([-1, 1], shape)
        return self.layout(np.asarray(x * sign).astype(dtype))


def check(got, want, dtype, scale=None, slack=1, bar=None):
    """`got` has the dtype and, relative to the norm of `scale` or `want`, the numbers of `want`, to the bar of `bar`
    or of the dtype."""
    assert got.dtype == dtype, (got.dtype, dtype)
    assert got.shape == np.shape(want), (got.shape, np.shape(want))
    wide = np.clongdouble if is_complex(dtype) else np.longdouble
    error = np.abs(got.astype(wide) - want)
    size = np.linalg.norm(np.ravel(want if scale is None else scale).astype(complex))
    off = np.linalg.norm(np.ravel(error).astype(float))
    assert off <= slack * BARS[np.dtype(bar or dtype).name] * size + 1e-30, (off / (size or 1), np.dtype(dtype).name)
