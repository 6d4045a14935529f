"""HGRN's recurrence (arXiv 2311.04823): a gated average of a vector, real, per channel.

f_t = low + (1 - low) sigmoid(fhat_t) ;  g_t = log f_t ;  h_t = e^{g_t} h_{t-1} + (1 - f_t) i_t ;  y_t = h_t
low [D] in [0, 1): the layer's lower bound of the forget gate. fhat, i, y [B, L, D]; h [B, D].
"""

import numpy as np

from .common import sigmoid, slow_decays


def params(rng, channels=4):
    return dict(low=rng.uniform(0, 0.5, channels))


def trained_like(rng, channels=4):
    """Lower bounds up to 0.9999."""
    return dict(low=slow_decays(rng, channels))


def inputs(rng, batch=2, length=24, channels=4):
    fhat, i = rng.standard_normal((2, batch, length, channels))
    return dict(fhat=fhat, i=i)


def gate(params, inputs):
    return params["low"] + (1 - params["low"]) * sigmoid(inputs["fhat"])


def forward(params, inputs, init=None):
    f = gate(params, inputs)
    h = np.zeros(f[:, 0].shape) if init is None else init
    ys = []
    for t in range(f.shape[1]):
        h = f[:, t] * h + (1 - f[:, t]) * inputs["i"][:, t]
        ys.append(h)
    return np.stack(ys, axis=1), h


def by_double_sum(params, inputs, init=None):
    """h_t = e^{G_t} h_init + sum_{s<=t} e^{G_t - G_s} (1 - f_s) i_s with G the cumulative sum of g."""
    f = gate(params, inputs)
    g = np.cumsum(np.log(f), axis=1)
    exponent = g[:, :, None] - g[:, None]
    weights = np.exp(np.where(np.tri(f.shape[1], dtype=bool)[None, :, :, None], exponent, -np.inf))
    h = np.einsum("btsd,bsd->btd", weights, (1 - f) * inputs["i"])
    if init is not None:
        h = h + np.exp(g) * init[:, None]
    return h, h[:, -1]
