"""ssm.fft equals the transform in extended precision."""

import numpy as np
import pytest
from mlir_text import FFT, check, compute


def cases(dtype):
    out = [FFT([2**k], 0, k % 2 == 1, dtype) for k in (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 16)]
    shapes = [([8, 3], 0), ([3, 8], 1), ([64, 17], 0), ([5, 64], 1), ([2, 256, 3], 1), ([2, 3, 256], 2),
              ([256, 2, 3], 0), ([1, 1024], 1), ([1024, 1], 0), ([33, 4], 1), ([4, 33], 0), ([0, 16], 1)]
    for n, (shape, axis) in enumerate(shapes):
        others = "".join(str(k) for k in range(len(shape)) if k != axis)
        out.append(FFT(shape, axis, n % 2 == 0, dtype, others * (n // 2 % 2)))
    # Every radix written out, in loops, several of each; chirp transforms.
    sizes = [3, 5, 6, 7, 9, 11, 34, 61, 67, 105, 143, 360, 667, 1000, 1021]
    for k, n in enumerate(sizes):
        out.append(FFT([n, 3], 0, k % 4 == 0, dtype) if k % 2 else FFT([20, n], 1, k % 4 == 0, dtype))
    for k, n in enumerate([1, 2, 3, 8, 15, 67, 134]):
        out.append(FFT([2, n, 5], 1, k % 3 == 0, dtype, real="in"))
        out.append(FFT([n], 0, k % 3 != 0, dtype, real="out"))
    out.append(FFT([3, 67], 1, False, dtype, "0", "in"))
    out.append(FFT([16, 18], 0, True, dtype, "1", "out"))
    return out


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_equals_reference(dtype):
    check(cases(dtype), dtype, None, batch=10)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_error_grows_with_the_logarithm(dtype):
    """0.6 eps sqrt(log2 n), eps twice the rounding error."""
    sizes = [2**k for k in (4, 8, 12, 16)]
    chosen = [FFT([n], 0, dtype=dtype) for n in sizes]
    eps = {"f32": 2.0**-23, "f64": 2.0**-52}[dtype]
    for n, case, (got,) in zip(sizes, chosen, compute(chosen), strict=True):
        want = case.oracle[0]
        assert np.linalg.norm(got - want) <= 0.6 * eps * np.sqrt(np.log2(n)) * np.linalg.norm(want), n


def test_constants_and_impulses_are_exact():
    chosen = []
    for n in (2, 64, 1024):
        for row in (0, 1):
            case = FFT([2, n], 1)
            x = np.zeros((2, n), np.complex64)
            x[0, :], x[1, 0] = 1, 1
            case.inputs["x"] = x
            chosen.append(case)
    for case, (X,) in zip(chosen, compute(chosen), strict=True):
        n = case.shape[1]
        np.testing.assert_array_equal(X[0], np.r_[n, np.zeros(n - 1)])
        np.testing.assert_array_equal(X[1], np.ones(n))


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_rows_are_independent(poison):
    case = FFT([4, 64], 1)
    clean = case.inputs["x"].copy()
    (want,) = compute([case])[0]
    case.inputs["x"] = clean.copy()
    case.inputs["x"][2, 5] = poison
    (got,) = compute([case])[0]
    assert not np.isfinite(got[2]).any()
    got[2] = want[2]
    np.testing.assert_array_equal(got, want)
