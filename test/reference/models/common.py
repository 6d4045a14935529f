"""Functions and random draws that several models share."""

import numpy as np


def sigmoid(x):
    """1 / (1 + e^{-x}), without overflow and for complex x too."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def softplus(x):
    """log(1 + e^x)."""
    return np.logaddexp(0, x)


def inverse_softplus(y):
    return y + np.log(-np.expm1(-y))


def silu(x):
    return x * sigmoid(x)


def gelu(x):
    """The tanh approximation."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def normalize(x):
    """x over its Euclidean norm along the last axis."""
    return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True))


def complex_normal(rng, shape):
    """Unit-variance complex normal."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def log_uniform(rng, low, high, shape):
    return np.exp(rng.uniform(np.log(low), np.log(high), shape))


def steps(rng, shape):
    """Step sizes dt as trained models start from: log-uniform in [1e-3, 1e-1]."""
    return log_uniform(rng, 1e-3, 1e-1, shape)


def slow_decays(rng, shape):
    """Decays in [0.5, 0.9999], most of them close to 1: 1 - a is log-uniform in [1e-4, 0.5]."""
    return 1 - log_uniform(rng, 1e-4, 0.5, shape)


def causal(u, kernel):
    """y_t = sum_{s<=t} K_{t-s} u_s for u [B, L, H] and K [L, H], or [L, O, H] for a matrix kernel."""
    spec = "tsh,bsh->bth" if kernel.ndim == 2 else "tsoh,bsh->bto"
    lag = np.subtract.outer(np.arange(u.shape[1]), np.arange(u.shape[1]))
    toeplitz = np.where((lag >= 0).reshape(lag.shape + (1,) * (kernel.ndim - 1)), kernel[np.maximum(lag, 0)], 0)
    return np.einsum(spec, toeplitz, u)
