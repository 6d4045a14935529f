"""What the cases of all ops share."""

import functools

import numpy as np
from harness import DTYPES

# Bound on |result - oracle| / |oracle|, L2 over the whole array.
BARS = {"f32": {"fft_conv": 1e-6, "": 4e-7}, "f64": {"fft_conv": 1e-14, "": 1e-14}}


def bar(dtype, strategy):
    return BARS[dtype].get(strategy, BARS[dtype][""])


def tensor(shape, element):
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def affine(dims, letters):
    """affine_map<(t, d) -> (d)> from the strings "td" and "d"."""
    return f"affine_map<({', '.join(dims)}) -> ({', '.join(letters)})>"


def element(dtype, is_complex):
    return f"complex<{dtype}>" if is_complex else dtype


def normal(rng, shape, dtype, is_complex):
    """Standard normal numbers, rounded to the op's precision."""
    x = rng.standard_normal(shape)
    if is_complex:
        x = (x + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return np.asarray(x).astype(DTYPES[element(dtype, is_complex)])


def decaying(rng, shape, dtype, is_complex):
    """Transitions with |a| spread evenly over (0.9, 0.999).

    Where every |a| is 0.999, a loop of exact fused multiply-adds in f32 is off
    by 5.4e-7 itself, so no bar below that can be asked for there.
    """
    n = int(np.prod(shape))
    a = 0.9 + 0.099 * (rng.permutation(n).reshape(shape) + 0.5) / max(n, 1)
    if is_complex:
        a = a * np.exp(1j * rng.uniform(-np.pi, np.pi, shape))
    else:
        a = a * rng.choice([1, -1], shape, p=[0.8, 0.2])
    return np.asarray(a).astype(DTYPES[element(dtype, is_complex)])


def extended(x):
    """f64 data for an oracle that is then more exact than the op."""
    wide = {"float64": np.longdouble, "complex128": np.clongdouble}
    return x.astype(wide.get(x.dtype.name, x.dtype))


def pinned(strategy):
    return [f"strategy = #ssm.strategy<{strategy}>"] if strategy else []


class Case:
    """What the cases of all ops share."""

    strategy = ""  # the text of a #ssm.strategy of the case's own

    @functools.cached_property
    def inputs(self):
        return self.operands()

    @functools.cached_property
    def oracle(self):
        return self.expected()

    def scales(self):
        """What the error of each result is relative to: its own norm."""
        return [norm(want) for want in self.oracle]

    def errors(self, results, dtype, strategy):
        """One line for each result that misses its bar."""
        lines = []
        for i, (got, want, scale) in enumerate(zip(results, self.oracle, self.scales(), strict=True)):
            if got.shape != np.shape(want):
                lines.append(f"{self.name}: result {i} has shape {got.shape}, expected {np.shape(want)}")
            elif not (error := norm(got ^ want if got.dtype == bool else got - want) / (scale or 1)) <= bar(dtype, strategy):
                lines.append(f"{self.name}: result {i} is off by {error:.2e}, allowed {bar(dtype, strategy):.0e}")
        return lines


def norm(x):
    return float(np.linalg.norm(np.asarray(x).ravel().astype(complex)))
