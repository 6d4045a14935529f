"""LRU (arXiv 2303.06349).

lam = exp(-exp(nu) + i exp(theta)), |lam| < 1;  gamma = sqrt(1 - |lam|^2), stored as its logarithm
x_t = lam x_{t-1} + gamma (B u_t) ;  y_t = Re(C x_t) + D * u_t          (Re: the complex state is not one half of pairs)
nu, theta, log_gamma [N], B [N, H], C [H, N] complex, D [H]; u, y [B, L, H]; x [B, N].
"""

import numpy as np

from .common import causal, complex_normal


def params(rng, channels=3, state=8, low=0.0, high=0.99):
    """Eigenvalues uniform on the ring low <= |lam| <= high."""
    modulus = np.sqrt(rng.uniform(low**2, high**2, state))
    return dict(
        nu=np.log(-np.log(modulus)),
        theta=np.log(rng.uniform(0, 2 * np.pi, state)),
        log_gamma=0.5 * np.log(1 - modulus**2),
        B=complex_normal(rng, (state, channels)) / np.sqrt(channels),
        C=complex_normal(rng, (channels, state)) / np.sqrt(state),
        D=rng.standard_normal(channels),
    )


def trained_like(rng, channels=3, state=32):
    return params(rng, channels, state, low=0.9, high=0.9999)


def inputs(rng, batch=2, length=24, channels=3):
    return dict(u=rng.standard_normal((batch, length, channels)))


def log_eigenvalues(params):
    return -np.exp(params["nu"]) + 1j * np.exp(params["theta"])


def forward(params, inputs, init=None):
    u = inputs["u"]
    lam, gamma = np.exp(log_eigenvalues(params)), np.exp(params["log_gamma"])
    x = np.zeros((len(u), len(lam)), dtype=complex) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        x = lam * x + gamma * (u[:, t] @ params["B"].T)
        ys.append((x @ params["C"].T).real + params["D"] * u[:, t])
    return np.stack(ys, axis=1), x


def by_kernel(params, inputs):
    """y = K * u + D u with K_l = Re(C diag(lam^l) gamma B), [L, H, H]."""
    u = inputs["u"]
    powers = np.exp(np.multiply.outer(np.arange(u.shape[1]), log_eigenvalues(params)))
    kernel = np.einsum("ln,on,n,ni->loi", powers, params["C"], np.exp(params["log_gamma"]), params["B"]).real
    return causal(u, kernel) + params["D"] * u, None
