"""Measures the error of ssm.fft over many sizes: python test/Integration/fft_accuracy.py [f32 f64]

Every size to 512, the primes to 1021, powers of two to 2^20, 1e6 and 999,983 against a transform in extended
precision. Prints the largest error, in units of eps sqrt(log2 n) with eps the spacing of numbers at 1 (twice the unit
roundoff), and ends with exit code 1 if it is above 0.6 anywhere.
"""

import sys
from pathlib import Path

import numpy as np
import scipy.fft

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mlir_text import FFT, compute  # noqa: E402

BAR = 0.6


def is_prime(n):
    return all(n % k for k in range(2, int(n**0.5) + 1))


GROUPS = {
    "2..512": range(2, 513),
    "primes 521..1021": [n for n in range(521, 1022) if is_prime(n)],
    "2^9..2^20": [2**k for k in range(9, 21)],
    "1,000,000": [10**6],
    "999,983": [999_983],
}


def measure(sizes, dtype):
    """The relative L2 errors. Of small sizes 16 rows are transformed, so that rounding averages out."""
    cases = [FFT([max(1, min(16, 4096 // n)), n], 1, dtype=dtype) for n in sizes]
    eps = {"f32": 2.0**-23, "f64": 2.0**-52}[dtype]
    for n, case, (got,) in zip(sizes, cases, compute(cases), strict=True):
        want = scipy.fft.fft(case.inputs["x"].astype(np.clongdouble))
        error = np.sqrt(float(np.sum(np.abs(got - want) ** 2) / np.sum(np.abs(want) ** 2)))
        yield n, error / eps / np.sqrt(np.log2(n))


def main():
    missed = False
    for dtype in sys.argv[1:] or ["f32", "f64"]:
        for name, sizes in GROUPS.items():
            errors = {}
            # A larger function takes longer to compile than its parts.
            for start in range(0, len(sizes), 2):
                errors.update(measure(sizes[start : start + 2], dtype))
            worst = max(errors, key=errors.get)
            missed |= errors[worst] > BAR
            print(f"{dtype}  {name:18} largest {errors[worst]:.3f} (n = {worst:,}), "
                  f"median {np.median(list(errors.values())):.3f}, allowed {BAR}", flush=True)
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
