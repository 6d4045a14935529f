"""RWKV-6 (Finch, arXiv 2404.05892): RWKV-5 with a data-dependent decay.

y_t = r_t^T (S_{t-1} + diag(u) k_t v_t^T) ;  S_t = diag(w_t) S_{t-1} + k_t v_t^T ;  w_t = exp(-exp(w0 + what_t))
w0, u [H, K]; r, k, what [B, L, H, K]; v, y [B, L, H, V]; S [B, H, K, V].
"""

import numpy as np

from . import rwkv5


def params(rng, heads=2, key=4):
    return dict(w0=rng.standard_normal((heads, key)), u=rng.standard_normal((heads, key)))


def trained_like(rng, heads=2, key=4):
    """Around what = 0, w goes up to 0.9999."""
    p = rwkv5.trained_like(rng, heads, key)
    return dict(w0=p["what"], u=p["u"])


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    shape = (batch, length, heads, key)
    return rwkv5.inputs(rng, batch, length, heads, key, value) | dict(what=rng.standard_normal(shape))


def log_decay(params, inputs):
    return -np.exp(params["w0"] + inputs["what"])


def forward(params, inputs, init=None):
    w = np.exp(log_decay(params, inputs))
    return rwkv5.recurrence(inputs["r"], inputs["k"], inputs["v"], w, params["u"], init)


def by_attention(params, inputs, init=None):
    logw = log_decay(params, inputs)
    return rwkv5.attention(inputs["r"], inputs["k"], inputs["v"], logw, params["u"], init)
