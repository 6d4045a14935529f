"""RWKV-5 (Eagle, arXiv 2404.05892): matrix state, fixed decay per key channel, read before the update with a bonus.

y_t = r_t^T (S_{t-1} + diag(u) k_t v_t^T) ;  S_t = diag(w) S_{t-1} + k_t v_t^T ;  w = exp(-exp(what))
what, u [H, K]; r, k [B, L, H, K]; v, y [B, L, H, V]; S [B, H, K, V].
"""

import numpy as np

from .closed_forms import decayed_attention
from .common import slow_decays


def params(rng, heads=2, key=4):
    return dict(what=rng.standard_normal((heads, key)), u=rng.standard_normal((heads, key)))


def trained_like(rng, heads=2, key=4):
    """w up to 0.9999."""
    return params(rng, heads, key) | dict(what=np.log(-np.log(slow_decays(rng, (heads, key)))))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    r, k = rng.standard_normal((2, batch, length, heads, key))
    return dict(r=r, k=k, v=rng.standard_normal((batch, length, heads, value)))


def recurrence(r, k, v, w, u, init=None):
    """w [B, L, H, K] here: RWKV-6 is the same with a varying decay."""
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        kv = k[:, t, :, :, None] * v[:, t, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", r[:, t], state + u[..., None] * kv))
        state = w[:, t, ..., None] * state + kv
    return np.stack(ys, axis=1), state


def attention(r, k, v, logw, u, init=None):
    """y_t = sum_{s<t} (r_t . w_{s+1..t-1} k_s) v_s + (r_t . u k_t) v_t + the part of the initial state."""
    init = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    y, final = decayed_attention(r, k, v, logw, init, read="before")
    return y + np.einsum("bthk,hk,bthk,bthv->bthv", r, u, k, v), final


def forward(params, inputs, init=None):
    r, k, v = inputs["r"], inputs["k"], inputs["v"]
    w = np.broadcast_to(np.exp(-np.exp(params["what"])), k.shape)
    return recurrence(r, k, v, w, params["u"], init)


def by_attention(params, inputs, init=None):
    r, k, v = inputs["r"], inputs["k"], inputs["v"]
    logw = np.broadcast_to(-np.exp(params["what"]), k.shape)
    return attention(r, k, v, logw, params["u"], init)
