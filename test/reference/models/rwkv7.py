"""RWKV-7 (Goose, arXiv 2503.14456): a decay and a generalised delta rule.

w_t = exp(-e^{-1/2} sigmoid(w0 + what_t)) ;  eta_t = sigmoid(a0 + ahat_t)
kk = k * k_k over its norm ;  k~ = k * (1 + (eta - 1) * k_a) ;  a = -kk ;  b = kk * eta
S_t = S_{t-1} diag(w_t) + (S_{t-1} a_t) b_t^T + v_t k~_t^T ;  y_t = S_t r_t
The layer's group norm, bonus (r . r_k k~) v and gate come after. w0, a0, k_k, k_a [H, K]; r, k, what, ahat
[B, L, H, K]; v, y [B, L, H, V]; S [B, H, V, K].
"""

import numpy as np

from .closed_forms import dplr_chunks
from .common import normalize, sigmoid, slow_decays


def params(rng, heads=2, key=4):
    shape = (heads, key)
    return dict(
        w0=rng.standard_normal(shape),
        a0=rng.standard_normal(shape),
        k_k=1 + 0.2 * rng.standard_normal(shape),
        k_a=rng.uniform(0, 1, shape),
    )


def trained_like(rng, heads=2, key=4):
    """Around what = 0, w goes up to 0.9999; it is at least exp(-e^{-1/2}) = 0.55."""
    rate = -np.log(slow_decays(rng, (heads, key))) * np.exp(0.5)
    rate = np.minimum(rate, 0.99)
    return params(rng, heads, key) | dict(w0=np.log(rate / (1 - rate)))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    signals = rng.standard_normal((4, batch, length, heads, key))
    v = rng.standard_normal((batch, length, heads, value))
    return dict(zip(("r", "k", "what", "ahat"), signals)) | dict(v=v)


def coefficients(p, inputs):
    """log w, a, b, k~, each [B, L, H, K]."""
    k = inputs["k"]
    logw = -np.exp(-0.5) * sigmoid(p["w0"] + inputs["what"])
    eta = sigmoid(p["a0"] + inputs["ahat"])
    kk = normalize(k * p["k_k"])
    return logw, -kk, kk * eta, k * (1 + (eta - 1) * p["k_a"])


def forward(params, inputs, init=None):
    r, v = inputs["r"], inputs["v"]
    logw, a, b, k = coefficients(params, inputs)
    batch, length, heads, key = r.shape
    state = np.zeros((batch, heads, v.shape[-1], key)) if init is None else init
    ys = []
    for t in range(length):
        sa = np.einsum("bhvk,bhk->bhv", state, a[:, t])
        state = state * np.exp(logw[:, t, :, None, :])
        state = state + sa[..., None] * b[:, t, :, None, :] + v[:, t, ..., None] * k[:, t, :, None, :]
        ys.append(np.einsum("bhvk,bhk->bhv", state, r[:, t]))
    return np.stack(ys, axis=1), state


def by_chunks(params, inputs, init=None, chunk=7):
    r, v = inputs["r"], inputs["v"]
    logw, a, b, k = coefficients(params, inputs)
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init.swapaxes(-1, -2)
    y, final = dplr_chunks(r, k, v, a, b, logw, state, chunk)
    return y, final.swapaxes(-1, -2)
