"""Mamba-2 (state space duality, arXiv 2405.21060): one scalar decay per head and step.

dt_t = softplus(delta_t + bias) ;  S_t = e^{dt_t A_h} S_{t-1} + dt_t x_t B_t^T ;  y_t = S_t C_t + D_h x_t
Group g holds H/G consecutive heads. A < 0, bias, D [H]; x, y [B, L, H, P]; delta [B, L, H]; B, C [B, L, G, N];
S [B, H, P, N].
"""

import numpy as np

from .common import inverse_softplus, softplus, steps


def params(rng, heads=4):
    return dict(A=-rng.uniform(1, 4, heads), D=rng.standard_normal(heads), bias=rng.standard_normal(heads))


def trained_like(rng, heads=4):
    """A in [-16, -1]; around delta = 0, dt is log-uniform in [1e-3, 1e-1]."""
    return params(rng, heads) | dict(A=-rng.uniform(1, 16, heads), bias=inverse_softplus(steps(rng, heads)))


def inputs(rng, batch=2, length=24, heads=4, value=3, state=5, groups=2):
    B, C = rng.standard_normal((2, batch, length, groups, state))
    x = rng.standard_normal((batch, length, heads, value))
    return dict(x=x, delta=rng.standard_normal((batch, length, heads)), B=B, C=C)


def coefficients(params, inputs):
    """dt [B, L, H], and B, C repeated over the heads of their groups, [B, L, H, N]."""
    dt = softplus(inputs["delta"] + params["bias"])
    repeat = dt.shape[-1] // inputs["B"].shape[2]
    return dt, np.repeat(inputs["B"], repeat, axis=2), np.repeat(inputs["C"], repeat, axis=2)


def _start(x, B, init):
    return np.zeros((len(x),) + x.shape[2:] + B.shape[-1:]) if init is None else init


def forward(params, inputs, init=None):
    x = inputs["x"]
    dt, B, C = coefficients(params, inputs)
    state = _start(x, B, init)
    ys = []
    for t in range(x.shape[1]):
        state = np.exp(dt[:, t] * params["A"])[..., None, None] * state
        state = state + dt[:, t, :, None, None] * x[:, t, ..., None] * B[:, t, :, None, :]
        ys.append(np.einsum("bhpn,bhn->bhp", state, C[:, t]) + params["D"][:, None] * x[:, t])
    return np.stack(ys, axis=1), state


def segsum(a):
    """The matrix sum_{s < j <= t} a_j for s <= t, -inf above the diagonal; a [B, L, H] gives [B, H, L, L]."""
    total = np.cumsum(a, axis=1).swapaxes(1, 2)
    difference = total[..., :, None] - total[..., None, :]
    return np.where(np.tri(a.shape[1], dtype=bool), difference, -np.inf)


def by_chunks(params, inputs, init=None, chunk=7):
    """SSD: inside a chunk y = ((C B^T) * e^{segsum}) dt x + e^{cumsum} C S, between chunks the states alone."""
    x = inputs["x"]
    dt, B, C = coefficients(params, inputs)
    state, ys = _start(x, B, init), []
    for start in range(0, x.shape[1], chunk):
        x_, dt_, B_, C_ = (v[:, start : start + chunk] for v in (x, dt, B, C))
        u, a = dt_[..., None] * x_, dt_ * params["A"]
        total = np.cumsum(a, axis=1)
        y = np.einsum("bthn,bshn,bhts,bshp->bthp", C_, B_, np.exp(segsum(a)), u)
        y = y + np.einsum("bth,bthn,bhpn->bthp", np.exp(total), C_, state)
        ys.append(y + params["D"][:, None] * x_)
        state = np.exp(total[:, -1])[..., None, None] * state
        state = state + np.einsum("bsh,bshp,bshn->bhpn", np.exp(total[:, -1:] - total), u, B_)
    return np.concatenate(ys, axis=1), state
