"""DSS-softmax (arXiv 2203.14343): a diagonal system whose kernel rows are normalised over the length L of the signal.

K_l = Re sum_n W_n/A_n softmax_l(dt A_n l) = Re sum_n W_n/A_n (e^{dt A_n} - 1)/(e^{dt A_n L} - 1) e^{dt A_n l}
so, with the constant in front folded into the output map, x_t = e^{dt A} x_{t-1} + u_t, y_t = Re(c x_t) + D u_t.
The kernel changes with L: no state can be carried. A, W [H, N] complex; dt, D [H]; u, y [B, L, H].
"""

import numpy as np

from .common import causal, complex_normal, steps
from .s4d import eigenvalues


def params(rng, channels=3, state=4):
    return dict(
        A=np.tile(eigenvalues("lin", 2 * state), (channels, 1)),
        W=complex_normal(rng, (channels, state)),
        D=rng.standard_normal(channels),
        dt=steps(rng, channels),
    )


def trained_like(rng, channels=3, state=16):
    p = params(rng, channels, state)
    decay = np.exp(rng.uniform(np.log(0.1), np.log(10), p["A"].shape))
    return p | dict(A=p["A"].real * decay + 1j * p["A"].imag)


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def forward(params, inputs):
    u = inputs["u"]
    z = params["dt"][:, None] * params["A"]
    c = params["W"] / params["A"] * np.expm1(z) / np.expm1(z * u.shape[1])
    x, ys = 0, []
    for t in range(u.shape[1]):
        x = np.exp(z) * x + u[:, t, :, None]
        ys.append(np.einsum("hn,bhn->bh", c, x).real + params["D"] * u[:, t])
    return np.stack(ys, axis=1), None


def by_softmax(params, inputs):
    """The kernel as the definition has it: each row divided by its sum."""
    u = inputs["u"]
    z = params["dt"][:, None] * params["A"]
    rows = np.exp(np.multiply.outer(np.arange(u.shape[1]), z))
    rows = rows / rows.sum(axis=0)
    kernel = np.einsum("lhn,hn->lh", rows, params["W"] / params["A"]).real
    return causal(u, kernel) + params["D"] * u, None
