"""MEGA's multi-dimensional damped moving average (arXiv 2209.10655).

p = sigmoid(delta), q = 1 - p sigmoid(alpha) ;  h_t = q h_{t-1} + p beta u_t ;  e_t = sum_n gamma_n h_tn / sqrt(N)
y_t = silu(e_t + omega u_t).   delta, alpha, beta, gamma [H, N] real, omega [H]; u, y [B, L, H]; h [B, H, N].
Both directions: [2H, N], the first H channels run forward and the last H backward, and the two e_t are added
(u_t itself counts in both).
"""

import numpy as np

from .. import ops
from .common import causal, log_uniform, sigmoid, silu


def params(rng, channels=3, ndim=4, bidirectional=False):
    shape = (2 * channels if bidirectional else channels, ndim)
    return {name: rng.standard_normal(shape) for name in ("delta", "alpha", "beta", "gamma")} | dict(
        omega=rng.standard_normal(channels)
    )


def trained_like(rng, channels=3, ndim=16, bidirectional=False):
    """p sigmoid(alpha) log-uniform in [1e-4, 0.5]: q up to 0.9999."""
    p = params(rng, channels, ndim, bidirectional)
    rate = log_uniform(rng, 2e-4, 1 - 1e-3, p["delta"].shape)
    return p | dict(delta=np.log(rate / (1 - rate)), alpha=np.zeros(p["alpha"].shape))


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def coefficients(params):
    """q, p beta and gamma / sqrt(N)."""
    p = sigmoid(params["delta"])
    q = 1 - p * sigmoid(params["alpha"])
    return q, p * params["beta"], params["gamma"] / np.sqrt(q.shape[-1])


def _average(q, b, c, u, h):
    es = []
    for t in range(u.shape[1]):
        h = q * h + b * u[:, t, :, None]
        es.append(np.einsum("hn,bhn->bh", c, h))
    return np.stack(es, axis=1), h


def forward(params, inputs, init=None):
    u = inputs["u"]
    q, b, c = coefficients(params)
    e, h = _average(q, b, c, u, np.zeros((len(u),) + q.shape) if init is None else init)
    return silu(e + params["omega"] * u), h


def forward_bidirectional(params, inputs):
    u = inputs["u"]
    ahead, back = zip(*(np.split(x, 2) for x in coefficients(params)))
    e, _ = _average(*ahead, u, 0)
    z, _ = _average(*back, u[:, ::-1], 0)
    return silu(e + z[:, ::-1] + params["omega"] * u), None


def kernel(params, length, truncation=None):
    """K_l = sum_n gamma p beta q^l / sqrt(N), from e^{l log q}; zero from lag `truncation` on. [length, H]."""
    q, b, c = coefficients(params)
    taps = np.einsum("lhn,hn,hn->lh", np.exp(np.multiply.outer(np.arange(length), np.log(q))), b, c)
    if truncation is not None:
        taps[truncation:] = 0
    return taps


def by_kernel(params, inputs, truncation=None):
    u = inputs["u"]
    return silu(causal(u, kernel(params, u.shape[1], truncation)) + params["omega"] * u), None


def bidirectional_by_kernel(params, inputs):
    """One two-sided convolution; the taps of lag 0 of the two directions add up."""
    u = inputs["u"]
    length = u.shape[1]
    ahead, back = np.split(kernel(params, length).T, 2)
    taps = np.zeros((len(ahead), 2 * length - 1))
    taps[:, length - 1 :] += ahead
    taps[:, length - 1 :: -1] += back
    e = ops.long_conv(u.transpose(0, 2, 1), taps, mode="two_sided").transpose(0, 2, 1)
    return silu(e + params["omega"] * u), None
