"""Gated DeltaNet (arXiv 2412.06464): the delta rule after a scalar decay.

g_t = -exp(a_log) softplus(ahat_t + dt_bias) ;  S_t = e^{g_t} (I - beta_t k_t k_t^T) S_{t-1} + beta_t k_t v_t^T
y_t = K^{-1/2} q_t^T S_t.   a_log, dt_bias, bias [H]; ahat [B, L, H]; the rest as in deltanet.py.
"""

import numpy as np

from . import deltanet
from .common import inverse_softplus, softplus, steps


def params(rng, heads=2):
    a_log, dt_bias = rng.standard_normal((2, heads))
    return deltanet.params(rng, heads) | dict(a_log=a_log, dt_bias=dt_bias)


def trained_like(rng, heads=2):
    """exp(a_log) in [1, 16]; around ahat = 0, softplus is log-uniform in [1e-3, 1e-1]."""
    a_log = np.log(rng.uniform(1, 16, heads))
    return deltanet.params(rng, heads) | dict(a_log=a_log, dt_bias=inverse_softplus(steps(rng, heads)))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    ahat = rng.standard_normal((batch, length, heads))
    return deltanet.inputs(rng, batch, length, heads, key, value) | dict(ahat=ahat)


def coefficients(params, inputs):
    q, k, v, beta, _ = deltanet.coefficients(params, inputs)
    g = -np.exp(params["a_log"]) * softplus(inputs["ahat"] + params["dt_bias"])
    return q, k, v, beta, g[..., None]


def forward(params, inputs, init=None):
    """The equation as it stands, with its K x K transition."""
    q, k, v, beta, g = coefficients(params, inputs)
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        bk = beta[:, t, :, None] * k[:, t]
        transition = np.eye(k.shape[-1]) - bk[..., :, None] * k[:, t, :, None, :]
        state = np.exp(g[:, t])[..., None] * (transition @ state) + bk[..., None] * v[:, t, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", q[:, t], state) / np.sqrt(k.shape[-1]))
    return np.stack(ys, axis=1), state


def by_recurrence(params, inputs, init=None):
    return deltanet.recurrence(*coefficients(params, inputs), init)


def by_chunks(params, inputs, init=None, chunk=7):
    return deltanet.chunks(*coefficients(params, inputs), init, chunk)
