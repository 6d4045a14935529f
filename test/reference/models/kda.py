"""Kimi delta attention (arXiv 2510.26692): the delta rule after a decay of each key channel.

g_t = -exp(a_log) softplus(ghat_t + dt_bias) ;  S' = diag(e^{g_t}) S_{t-1} ;  S_t = S' + beta_t k_t (v_t - S'^T k_t)^T
y_t = K^{-1/2} q_t^T S_t.   a_log, bias [H]; dt_bias [H, K]; ghat [B, L, H, K]; the rest as in deltanet.py.
"""

import numpy as np

from . import deltanet
from .common import inverse_softplus, softplus, steps


def params(rng, heads=2, key=4):
    a_log, dt_bias = rng.standard_normal(heads), rng.standard_normal((heads, key))
    return deltanet.params(rng, heads) | dict(a_log=a_log, dt_bias=dt_bias)


def trained_like(rng, heads=2, key=4):
    """exp(a_log) in [1, 16]; around ghat = 0, softplus is log-uniform in [1e-3, 1e-1]."""
    a_log, dt_bias = np.log(rng.uniform(1, 16, heads)), inverse_softplus(steps(rng, (heads, key)))
    return deltanet.params(rng, heads) | dict(a_log=a_log, dt_bias=dt_bias)


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    ghat = rng.standard_normal((batch, length, heads, key))
    return deltanet.inputs(rng, batch, length, heads, key, value) | dict(ghat=ghat)


def coefficients(params, inputs):
    q, k, v, beta, _ = deltanet.coefficients(params, inputs)
    return q, k, v, beta, -np.exp(params["a_log"])[:, None] * softplus(inputs["ghat"] + params["dt_bias"])


def forward(params, inputs, init=None):
    return deltanet.recurrence(*coefficients(params, inputs), init)


def by_chunks(params, inputs, init=None, chunk=7):
    return deltanet.chunks(*coefficients(params, inputs), init, chunk)


def by_transitions(params, inputs, init=None):
    """With the K x K transition (I - beta k k^T) diag(e^g) formed at each step."""
    q, k, v, beta, g = coefficients(params, inputs)
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        bk = beta[:, t, :, None] * k[:, t]
        transition = (np.eye(k.shape[-1]) - bk[..., :, None] * k[:, t, :, None, :]) * np.exp(g[:, t, :, None, :])
        state = transition @ state + bk[..., None] * v[:, t, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", q[:, t], state) / np.sqrt(k.shape[-1]))
    return np.stack(ys, axis=1), state
