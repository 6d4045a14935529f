"""Discrete Fourier transforms along one axis, scaled as in numpy.fft."""

import numpy as np

from . import _text
from ._arrays import as_array, check_axis, check_integer, describe, element, is_complex, real
from ._compile import Plan, plans

REALS = {"float32": "f32", "float64": "f64"}
NUMBERS = {**REALS, "complex64": "complex<f32>", "complex128": "complex<f64>"}


def fft(x, axis=-1):
    """X_k = sum_j x_j exp(-2 pi i j k / n) along `axis`, for any n of at least 1.

    x: complex64 or complex128, or float32 or float64, which is copied to the complex dtype of its width.
    Returns X, complex, of x's shape. TypeError for another dtype, ValueError for an empty axis.
    """
    return transform("fft", complexify(as_array(x, "x")), axis)


def ifft(x, axis=-1):
    """x_j = (1/n) sum_k X_k exp(2 pi i j k / n) along `axis`: the inverse of `fft`, with the same dtypes."""
    return transform("ifft", complexify(as_array(x, "x")), axis)


def rfft(x, axis=-1):
    """The bins k = 0 .. n//2 of `fft` of a real x; the others are their conjugates.

    x: float32 or float64. Returns X, complex, with n//2 + 1 numbers along `axis`.
    """
    return transform("rfft", as_array(x, "x"), axis)


def irfft(X, n=None, axis=-1):
    """The n real numbers whose `rfft` is X: n//2 + 1 numbers along `axis`.

    n: 2 (m - 1) if None, with m the size of X along `axis`. As in numpy.fft, bins beyond n//2 are dropped, missing
    ones are zero, and the imaginary parts of bin 0 and, for even n, of bin n/2 are ignored.
    """
    X = as_array(X, "X")
    axis = check_axis(axis, X.ndim, "X")
    if n is None:
        n = 2 * (X.shape[axis] - 1)
    n = check_integer(n, "n")
    if n < 1:
        raise ValueError(f"n: expected at least 1 number along the axis, but it is {n} for X {describe(X)}")
    bins = n // 2 + 1
    if X.shape[axis] < bins:
        missing = list(X.shape)
        missing[axis] = bins - X.shape[axis]
        X = np.concatenate([X, np.zeros(missing, X.dtype)], axis)
    elif X.shape[axis] > bins:
        X = X[(slice(None),) * axis + (slice(bins),)]
    return transform("irfft", X, axis, n)


def complexify(x):
    return x.astype(np.complex64 if x.dtype == np.float32 else np.complex128) if x.dtype.name in REALS else x


def transform(name, x, axis, n=None):
    axis = check_axis(axis, x.ndim, "x")
    key = (name, x.shape, x.dtype, axis, n)
    return plans.get(key, lambda: plan_transform(name, x, axis, n))((x,))[0]


def plan_transform(name, x, axis, n):
    operand = element(x, "X" if name == "irfft" else "x", REALS if name == "rfft" else NUMBERS)
    if name == "irfft" and not is_complex(operand):
        raise TypeError(f"X: the dtype must be complex64 or complex128, but it is {x.dtype}")
    if not x.shape[axis]:
        raise ValueError(f"x: expected at least 1 number along axis {axis}, but it is {describe(x)}")
    shape = list(x.shape)
    if name == "rfft":
        shape[axis] = shape[axis] // 2 + 1
    elif name == "irfft":
        shape[axis] = n
    part = real(operand)
    result = _text.tensor(shape, part if name == "irfft" else f"complex<{part}>")
    program = _text.Program(name)
    value = _text.fft(program, program.argument("x", x.shape, operand), axis, name in ("ifft", "irfft"), result)
    program.result(value, result)
    return Plan(program, "auto", [None])
