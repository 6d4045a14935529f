"""RWKV-4's weighted average of the past (arXiv 2305.13048), per channel.

y_t = (sum_{i<t} e^{-(t-1-i) d + k_i} v_i + e^{u + k_t} v_t) / (sum_{i<t} e^{-(t-1-i) d + k_i} + e^{u + k_t}),  d = e^w
The state (o, p, q) holds both sums, e^o p and e^o q, with the common exponent o taken out so that nothing overflows.
w, u [C]; k, v, y [B, L, C]; o, p, q [B, C], at first (-inf, 0, 0).
"""

import numpy as np

from .common import slow_decays


def params(rng, channels=4):
    return dict(w=rng.standard_normal(channels), u=rng.standard_normal(channels))


def trained_like(rng, channels=4):
    """Decays e^{-d} up to 0.9999."""
    return dict(w=np.log(-np.log(slow_decays(rng, channels))), u=3 * rng.standard_normal(channels))


def inputs(rng, batch=2, length=24, channels=4, spread=10.0):
    """Keys of standard deviation `spread`; e^k itself must not be formed when it is large."""
    shape = (batch, length, channels)
    return dict(k=spread * rng.standard_normal(shape), v=rng.standard_normal(shape))


def _start(k):
    shape = k.shape[::2]
    return np.full(shape, -np.inf), np.zeros(shape), np.zeros(shape)


def forward(params, inputs, init=None):
    k, v = inputs["k"], inputs["v"]
    d, u = np.exp(params["w"]), params["u"]
    o, p, q = _start(k) if init is None else init
    ys = []
    for t in range(k.shape[1]):
        top = np.maximum(o, u + k[:, t])
        past, now = np.exp(o - top), np.exp(u + k[:, t] - top)
        ys.append((past * p + now * v[:, t]) / (past * q + now))
        top = np.maximum(o - d, k[:, t])
        past, now = np.exp(o - d - top), np.exp(k[:, t] - top)
        o, p, q = top, past * p + now * v[:, t], past * q + now
    return np.stack(ys, axis=1), (o, p, q)


def by_double_sum(params, inputs):
    """The definition, each sum divided by its largest term."""
    k, v = inputs["k"], inputs["v"]
    d, u = np.exp(params["w"]), params["u"]
    ys = []
    for t in range(k.shape[1]):
        ages = t - 1 - np.arange(t + 1)[:, None]
        exponents = np.where(ages < 0, u, -ages * d) + k[:, : t + 1]
        weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
        ys.append((weights * v[:, : t + 1]).sum(axis=1) / weights.sum(axis=1))
    return np.stack(ys, axis=1), None


def combine(earlier, later):
    """The monoid of summaries (n, o, p, q): n the summed log decay, e^o (p, q) the sums; identity (0, -inf, 0, 0)."""
    (ni, oi, pi, qi), (nj, oj, pj, qj) = earlier, later
    o = np.maximum(oi + nj, oj)
    past, now = np.exp(oi + nj - o), np.exp(oj - o)
    return ni + nj, o, past * pi + now * pj, past * qi + now * qj


def by_scan(params, inputs):
    """The state by a scan of the monoid in log2 L rounds (Hillis and Steele), read one step late, and the bonus."""
    k, v = inputs["k"], inputs["v"]
    summary = [np.broadcast_to(-np.exp(params["w"]), k.shape), k, v, np.ones_like(k)]
    shift = 1
    while shift < k.shape[1]:
        joined = combine([x[:, :-shift] for x in summary], [x[:, shift:] for x in summary])
        summary = [np.concatenate([x[:, :shift], y], axis=1) for x, y in zip(summary, joined)]
        shift *= 2
    state = summary[1:]
    o, p, q = (np.concatenate([s[:, None], x[:, :-1]], axis=1) for s, x in zip(_start(k), state))
    now = params["u"] + k
    top = np.maximum(o, now)
    past, now = np.exp(o - top), np.exp(now - top)
    return (past * p + now * v) / (past * q + now), tuple(x[:, -1] for x in state)
