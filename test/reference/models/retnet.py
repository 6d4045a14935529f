"""Retention (RetNet, arXiv 2307.08621): one fixed decay per head.

S_t = gamma_h S_{t-1} + k_t v_t^T ;  y_t = K^{-1/2} q_t^T S_t ;  gamma_h = 1 - 2^{-5-h}
q, k [B, L, H, K]; v, y [B, L, H, V]; S [B, H, K, V].
"""

import numpy as np

from .closed_forms import decayed_attention
from .common import slow_decays


def params(rng, heads=2):
    return dict(gamma=1 - 2.0 ** (-5 - np.arange(heads)))


def trained_like(rng, heads=2):
    """Decays up to 0.9999 (those of RetNet itself are fixed)."""
    return dict(gamma=slow_decays(rng, heads))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    q, k = rng.standard_normal((2, batch, length, heads, key))
    return dict(q=q, k=k, v=rng.standard_normal((batch, length, heads, value)))


def forward(params, inputs, init=None):
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        state = params["gamma"][:, None, None] * state + k[:, t, :, :, None] * v[:, t, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", q[:, t], state) / np.sqrt(k.shape[-1]))
    return np.stack(ys, axis=1), state


def by_attention(params, inputs, init=None):
    """y = ((q k^T) * gamma^{t-s} for s <= t) v."""
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    init = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    logw = np.broadcast_to(np.log(params["gamma"])[:, None], k.shape)
    return decayed_attention(q / np.sqrt(k.shape[-1]), k, v, logw, init)
