"""S4D (arXiv 2206.11893): H single-input systems with diagonal complex A.

x_t = Abar x_{t-1} + Bbar u_t, Abar and Bbar by "zoh" or "bilinear";  y_t = 2 Re(C x_t) + D u_t
A, B, C [H, N/2] are one half of conjugate pairs, x [B, H, N/2]; dt, D [H]; u, y [B, L, H].
"""

import numpy as np

from .. import ops
from .common import causal, complex_normal, steps


def eigenvalues(kind, state):
    """S4D-Lin: -1/2 + i pi n; S4D-Inv: -1/2 + i N/pi (N/(2n+1) - 1); S4D-Real: -(n+1); n < N/2."""
    n = np.arange(state // 2)
    if kind == "lin":
        return -0.5 + 1j * np.pi * n
    if kind == "inv":
        return -0.5 + 1j * state / np.pi * (state / (2 * n + 1) - 1)
    return -(n + 1.0)


def params(rng, channels=3, state=8, kind="lin"):
    shape = (channels, state // 2)
    return dict(
        A=np.broadcast_to(eigenvalues(kind, state), shape),
        B=np.ones(shape),
        C=complex_normal(rng, shape) if kind != "real" else rng.standard_normal(shape),
        D=rng.standard_normal(channels),
        dt=steps(rng, channels),
    )


def trained_like(rng, channels=3, state=32, kind="lin"):
    """Real parts spread over a decade on either side: |Abar| from about 0.6 to 0.9999."""
    p = params(rng, channels, state, kind)
    decay = np.exp(rng.uniform(np.log(0.1), np.log(10), p["A"].shape))
    p["A"] = p["A"].real * decay + 1j * p["A"].imag if kind != "real" else p["A"] * decay
    return p


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def forward(params, inputs, init=None, method="zoh"):
    u = inputs["u"]
    abar, bbar = ops.discretize(params["A"], params["B"], params["dt"][:, None], method)
    x = np.zeros((len(u),) + abar.shape, dtype=abar.dtype) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        x = abar * x + bbar * u[:, t, :, None]
        ys.append(2 * np.einsum("hn,bhn->bh", params["C"], x).real + params["D"] * u[:, t])
    return np.stack(ys, axis=1), x


def kernel(params, length, method="zoh"):
    """K_l = 2 Re sum_n C_n Bbar_n Abar_n^l, from e^{l log Abar} (bilinear Abar may be negative); [length, H]."""
    abar, bbar = ops.discretize(params["A"], params["B"], params["dt"][:, None], method)
    powers = np.exp(np.multiply.outer(np.arange(length), np.log(abar + 0j)))
    return 2 * np.einsum("lhn,hn,hn->lh", powers, params["C"], bbar).real


def by_kernel(params, inputs, init=None, method="zoh"):
    """y = K * u + D u + K0 with K0_l = 2 Re sum C x_init Abar^{l+1}.

    final = Abar^L x_init + sum_t Abar^{L-1-t} Bbar u_t.
    """
    u = inputs["u"]
    length = u.shape[1]
    abar, bbar = ops.discretize(params["A"], params["B"], params["dt"][:, None], method)
    powers = np.exp(np.multiply.outer(np.arange(length + 1), np.log(abar + 0j)))
    y = causal(u, kernel(params, length, method)) + params["D"] * u
    final = np.einsum("lhn,hn,blh->bhn", powers[length - 1 :: -1], bbar, u)
    if init is not None:
        y = y + 2 * np.einsum("lhn,hn,bhn->blh", powers[1:], params["C"], init).real
        final = final + powers[length] * init
    return y, final
