"""DeltaNet (arXiv 2406.06484): the delta rule.

S_t = (I - beta_t k_t k_t^T) S_{t-1} + beta_t k_t v_t^T ;  y_t = K^{-1/2} q_t^T S_t
k = khat over its norm, beta = sigmoid(bhat + bias).  bias [H]; q, khat [B, L, H, K]; v, y [B, L, H, V];
bhat [B, L, H]; S [B, H, K, V].
"""

import numpy as np

from .closed_forms import dplr_chunks
from .common import normalize, sigmoid


def params(rng, heads=2):
    return dict(bias=rng.standard_normal(heads))


def trained_like(rng, heads=2):
    """Around bhat = 0, beta log-uniform in [1e-4, 0.5]: what a key erases persists up to 0.9999."""
    rate = np.exp(rng.uniform(np.log(1e-4), np.log(0.5), heads))
    return dict(bias=np.log(rate / (1 - rate)))


def inputs(rng, batch=2, length=24, heads=2, key=4, value=3):
    q, khat = rng.standard_normal((2, batch, length, heads, key))
    v = rng.standard_normal((batch, length, heads, value))
    return dict(q=q, khat=khat, v=v, bhat=rng.standard_normal((batch, length, heads)))


def recurrence(q, k, v, beta, log_decay, init=None):
    """Decay, then erase and write: S' = diag(e^g) S_{t-1} ;  S_t = S' + beta k (v - S'^T k)^T.

    log_decay broadcasts against k: 0 here, [B, L, H, 1] in Gated DeltaNet, [B, L, H, K] in Kimi's delta attention.
    """
    decay = np.broadcast_to(np.exp(log_decay), k.shape)
    state = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        state = decay[:, t, ..., None] * state
        error = v[:, t] - np.einsum("bhk,bhkv->bhv", k[:, t], state)
        state = state + beta[:, t, :, None, None] * k[:, t, ..., None] * error[:, :, None, :]
        ys.append(np.einsum("bhk,bhkv->bhv", q[:, t], state) / np.sqrt(k.shape[-1]))
    return np.stack(ys, axis=1), state


def chunks(q, k, v, beta, log_decay, init=None, chunk=7):
    """The same as diag(w) + b a^T with w = e^g, a = w * k, b = -beta k."""
    init = np.zeros(k[:, 0].shape + v.shape[-1:]) if init is None else init
    logw = np.broadcast_to(log_decay, k.shape)
    bk = beta[..., None] * k
    return dplr_chunks(q / np.sqrt(k.shape[-1]), bk, v, np.exp(logw) * k, -bk, logw, init, chunk)


def coefficients(params, inputs):
    """q, k, v, beta and the logarithm of the decay, as `recurrence` takes them."""
    return inputs["q"], normalize(inputs["khat"]), inputs["v"], sigmoid(inputs["bhat"] + params["bias"]), 0.0


def forward(params, inputs, init=None):
    return recurrence(*coefficients(params, inputs), init)


def by_chunks(params, inputs, init=None, chunk=7):
    return chunks(*coefficients(params, inputs), init, chunk)
