"""S4 (arXiv 2111.00396): H single-input systems with A = diag(Lam) - P Q^H, Q = P, discretised by the bilinear rule.

x' = A x + B u ;  Abar = (I - dt/2 A)^{-1} (I + dt/2 A), Bbar = (I - dt/2 A)^{-1} dt B
x_t = Abar x_{t-1} + Bbar u_t ;  y_t = Re(C x_t) + D u_t

Lam, B, C and x are stored by one half of their conjugate pairs ([H, N/2], x [B, H, N/2]), P too ([R, H, N/2] for rank
R); every function here works on the full system of N states, so C x over the full state is 2 Re over the half.
u, y [B, L, H]; dt, D [H].
"""

import numpy as np

from . import hippo
from .common import causal, complex_normal, steps


def params(rng, channels=3, state=8):
    """HiPPO-LegS in every channel."""
    lam, p, b = (np.tile(v, (channels, 1)) for v in hippo.half(state))
    return dict(
        Lam=lam,
        P=p[None],
        B=b,
        C=complex_normal(rng, (channels, state // 2)),
        D=rng.standard_normal(channels),
        dt=steps(rng, channels),
    )


def trained_like(rng, channels=3, state=32, rank=2):
    """LegS moved away from its start, of rank 2; real parts around -1/2, so |Abar| reaches 0.9995 at dt = 1e-3."""
    p = params(rng, channels, state)
    p["Lam"] = p["Lam"] * np.exp(0.3 * rng.standard_normal(p["Lam"].shape))
    p["P"] = p["P"] * (1 + 0.1 * complex_normal(rng, (rank,) + p["P"].shape[1:])) / np.sqrt(rank)
    return p


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def _full(params):
    return (hippo.with_conjugates(params[name]) for name in ("Lam", "P", "B", "C"))


def discretized(params):
    """Dense Abar [H, N, N] and Bbar [H, N], and the full C [H, N]."""
    lam, p, b, c = _full(params)
    eye = np.eye(lam.shape[-1])
    a = lam[..., None] * eye - np.einsum("rhn,rhm->hnm", p, np.conj(p))
    half_step = params["dt"][:, None, None] / 2
    left = eye - half_step * a
    abar = np.linalg.solve(left, eye + half_step * a)
    bbar = np.linalg.solve(left, 2 * half_step * b[..., None])[..., 0]
    return abar, bbar, c


def _start(params, u, init):
    shape = (len(u),) + params["Lam"].shape
    return hippo.with_conjugates(np.zeros(shape, dtype=complex) if init is None else init)


def forward(params, inputs, init=None):
    u = inputs["u"]
    abar, bbar, c = discretized(params)
    x = _start(params, u, init)
    ys = []
    for t in range(u.shape[1]):
        x = np.einsum("hnm,bhm->bhn", abar, x) + bbar * u[:, t, :, None]
        ys.append(np.einsum("hn,bhn->bh", c, x).real + params["D"] * u[:, t])
    return np.stack(ys, axis=1), x[..., : x.shape[-1] // 2]


def by_woodbury(params, inputs, init=None):
    """The step in O(N R): (2/dt - A) x_t = (2/dt + A) x_{t-1} + 2 B u_t, and with W = 1/(2/dt - Lam)

    (W^{-1} + P Q^H)^{-1} r = W r - W P (I + Q^H W P)^{-1} Q^H W r.
    """
    u = inputs["u"]
    lam, p, b, c = _full(params)
    q = np.conj(p)
    g = 2 / params["dt"][:, None]
    w = 1 / (g - lam)
    inner = np.linalg.inv(np.eye(len(p)) + np.einsum("rhn,hn,shn->hrs", q, w, p))
    x = _start(params, u, init)
    ys = []
    for t in range(u.shape[1]):
        r = (g + lam) * x - np.einsum("rhn,rhm,bhm->bhn", p, q, x) + 2 * b * u[:, t, :, None]
        wr = w * r
        x = wr - w * np.einsum("shn,hsr,rhm,bhm->bhn", p, inner, q, wr)
        ys.append(np.einsum("hn,bhn->bh", c, x).real + params["D"] * u[:, t])
    return np.stack(ys, axis=1), x[..., : x.shape[-1] // 2]


def kernel(params, length):
    """K_l = Re(C Abar^l Bbar) for l < length, by repeated products; [H, length]."""
    abar, x, c = discretized(params)
    taps = []
    for _ in range(length):
        taps.append(np.einsum("hn,hn->h", c, x).real)
        x = np.einsum("hnm,hm->hn", abar, x)
    return np.stack(taps, axis=-1)


def kernel_by_generating_function(params, length):
    """The same kernel from its DFT, the truncated generating function at w = e^{-2 pi i j / length}:

    sum_l K_l w^l = Ct (I - Abar w)^{-1} Bbar with Ct = C (I - Abar^length), and by Woodbury, with
    r_n(w) = 2 / (2/dt (1-w) - (1+w) Lam_n) and k(v) = sum_n v_n r_n,
    Khat = k(Ct B) - e k(Ct P) (I + e k(Q^H P))^{-1} k(Q^H B),  e = (1+w)/2.
    This is c [k00 - k01 (1+k11)^{-1} k10] of the paper with g = 2/dt (1-w)/(1+w) and c = 2/(1+w) multiplied through by
    1+w, so that w = -1 is an ordinary point.
    """
    lam, p, b, _ = _full(params)
    abar, _, c = discretized(params)
    q = np.conj(p)
    ct = c - np.einsum("hn,hnm->hm", c, np.linalg.matrix_power(abar, length))
    w = np.exp(-2j * np.pi * np.arange(length) / length)[:, None, None]
    r = 2 / (2 / params["dt"][:, None] * (1 - w) - (1 + w) * lam)
    e = ((1 + w) / 2)[..., None]
    k00 = np.einsum("hn,hn,whn->wh", ct, b, r)
    k01 = np.einsum("hn,rhn,whn->whr", ct, p, r)
    k10 = np.einsum("rhn,hn,whn->whr", q, b, r)
    k11 = np.einsum("rhn,shn,whn->whrs", q, p, r)
    inner = np.linalg.solve(np.eye(len(p)) + e * k11, e * k10[..., None])[..., 0]
    return np.fft.ifft(k00 - np.einsum("whr,whr->wh", k01, inner), axis=0).real.T


def by_kernel(params, inputs):
    u = inputs["u"]
    y = causal(u, kernel_by_generating_function(params, u.shape[1]).T) + params["D"] * u
    return y, None
