"""S5 (arXiv 2208.04933): one multi-input system with diagonal complex state.

x_t = Abar x_{t-1} + Bbar u_t with Abar = e^{dt A}, Bbar = A^{-1} (Abar - 1) B;  y_t = 2 Re(C x_t) + D * u_t
Both directions: x forward as above, z_t = Abar z_{t+1} + Bbar u_t, and y_t = 2 Re(C [x_t, z_t]) + D * u_t.
A, dt [N] (one half of conjugate pairs), B [N, H], C [H, N] or [H, 2N], D [H]; u, y [B, L, H]; x [B, N].
"""

import numpy as np

from .. import ops
from . import hippo
from .common import causal, complex_normal, steps


def params(rng, channels=3, state=8, bidirectional=False):
    n = state // 2
    return dict(
        A=hippo.half(state)[0],
        B=complex_normal(rng, (n, channels)),
        C=complex_normal(rng, (channels, 2 * n if bidirectional else n)) / np.sqrt(n),
        D=rng.standard_normal(channels),
        dt=steps(rng, n),
    )


def trained_like(rng, channels=3, state=32, bidirectional=False):
    p = params(rng, channels, state, bidirectional)
    decay = np.exp(rng.uniform(np.log(0.1), np.log(10), p["A"].shape))
    return p | dict(A=p["A"].real * decay + 1j * p["A"].imag)


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def _discretized(params):
    return ops.discretize(params["A"][:, None], params["B"], params["dt"][:, None], "zoh")


def _states(params, u, init=None):
    abar, bbar = _discretized(params)
    x = np.zeros((len(u), len(abar)), dtype=complex) if init is None else init
    xs = []
    for t in range(u.shape[1]):
        x = abar[:, 0] * x + u[:, t] @ bbar.T
        xs.append(x)
    return np.stack(xs, axis=1)


def forward(params, inputs, init=None):
    u = inputs["u"]
    x = _states(params, u, init)
    return 2 * (x @ params["C"].T).real + params["D"] * u, x[:, -1]


def forward_bidirectional(params, inputs):
    u = inputs["u"]
    both = np.concatenate([_states(params, u), _states(params, u[:, ::-1])[:, ::-1]], axis=-1)
    return 2 * (both @ params["C"].T).real + params["D"] * u, None


def kernel(params, c, length):
    """K_l = 2 Re(C Abar^l Bbar), [length, H, H]."""
    abar, bbar = _discretized(params)
    powers = np.exp(np.multiply.outer(np.arange(length), np.log(abar[:, 0])))
    return 2 * np.einsum("ln,on,ni->loi", powers, c, bbar).real


def by_kernel(params, inputs):
    u = inputs["u"]
    return causal(u, kernel(params, params["C"], u.shape[1])) + params["D"] * u, None


def bidirectional_by_kernel(params, inputs):
    u = inputs["u"]
    ahead, back = np.split(params["C"], 2, axis=1)
    y = causal(u, kernel(params, ahead, u.shape[1]))
    y = y + causal(u[:, ::-1], kernel(params, back, u.shape[1]))[:, ::-1]
    return y + params["D"] * u, None
