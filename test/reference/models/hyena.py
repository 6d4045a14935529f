"""A gated long convolution with an implicit filter (Hyena, arXiv 2302.10866).

v_t = g_in_t * u_t ;  y_t = g_out_t * (sum_{s<=t} K_{t-s} v_s + D v_t)
K_l = (W2 sin(omega (W1 z_l + b1)) + b2) e^{-decay l/L} with positions z_l = [l/L, cos(2 pi m l/L), sin(2 pi m l/L)],
m = 1 .. bands. There is no finite state. u, g_in, g_out, y [B, L, H]; K [L, H]; decay, D [H].
"""

import numpy as np

from .common import log_uniform


def params(rng, channels=3, bands=2, hidden=8):
    features = 1 + 2 * bands
    return dict(
        W1=rng.standard_normal((hidden, features)) / np.sqrt(features),
        b1=rng.standard_normal(hidden),
        omega=1.0,
        W2=rng.standard_normal((channels, hidden)) / np.sqrt(hidden),
        b2=0.1 * rng.standard_normal(channels),
        decay=rng.uniform(0, 3, channels),
        D=rng.standard_normal(channels),
    )


def trained_like(rng, channels=3, bands=8, hidden=32):
    """High frequencies, and windows from the whole signal down to a fraction of it."""
    return params(rng, channels, bands, hidden) | dict(omega=10.0, decay=log_uniform(rng, 0.3, 30, channels))


def inputs(rng, batch=2, length=24, channels=3):
    return {name: rng.standard_normal((batch, length, channels)) for name in ("u", "g_in", "g_out")}


def kernel(p, length):
    position = np.arange(length)[:, None] / length
    angle = 2 * np.pi * position * np.arange(1, (p["W1"].shape[1] + 1) // 2)
    z = np.concatenate([position, np.cos(angle), np.sin(angle)], axis=1)
    return (np.sin(p["omega"] * (z @ p["W1"].T + p["b1"])) @ p["W2"].T + p["b2"]) * np.exp(-p["decay"] * position)


def forward(params, inputs):
    v = inputs["g_in"] * inputs["u"]
    taps = kernel(params, v.shape[1])
    y = params["D"] * v
    for t in range(v.shape[1]):
        for s in range(t + 1):
            y[:, t] += taps[t - s] * v[:, s]
    return inputs["g_out"] * y, None


def by_fft(params, inputs):
    v = inputs["g_in"] * inputs["u"]
    n = 2 * v.shape[1]
    product = np.fft.rfft(kernel(params, v.shape[1]), n, axis=0) * np.fft.rfft(v, n, axis=1)
    y = np.fft.irfft(product, n, axis=1)[:, : v.shape[1]]
    return inputs["g_out"] * (y + params["D"] * v), None
