"""Gated linear attention (arXiv 2312.06635); HGRN2 (arXiv 2404.07904) is the case k = 1 - e^g.

g_t = logsigmoid(ghat_t + bias) / 16 ;  S_t = diag(e^{g_t}) S_{t-1} + k_t v_t^T ;  y_t = K^{-1/2} q_t^T S_t
bias [H, K]; q, k, ghat [B, L, H, K]; v, y [B, L, H, V]; S [B, H, K, V].
"""

import numpy as np

from .closed_forms import decayed_attention
from .common import slow_decays, softplus


def params(rng, heads=2, key=4):
    return dict(bias=rng.standard_normal((heads, key)))


def trained_like(rng, heads=2, key=4):
    """Around ghat = 0, e^g goes up to 0.9999."""
    gate = slow_decays(rng, (heads, key)) ** 16
    return dict(bias=np.log(gate / (1 - gate)))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    q, k, ghat = rng.standard_normal((3, batch, length, heads, key))
    return dict(q=q, k=k, ghat=ghat, v=rng.standard_normal((batch, length, heads, value)))


def log_decay(params, inputs):
    return -softplus(-(inputs["ghat"] + params["bias"])) / 16


def forward(params, inputs, init=None):
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    decay = np.exp(log_decay(params, inputs))
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        state = decay[:, t, ..., None] * state + k[:, t, :, :, None] * v[:, t, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", q[:, t], state) / np.sqrt(k.shape[-1]))
    return np.stack(ys, axis=1), state


def by_attention(params, inputs, init=None):
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    init = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    return decayed_attention(q / np.sqrt(k.shape[-1]), k, v, log_decay(params, inputs), init)
