"""Nonlinear recurrences by Newton's method over the whole sequence (DEER, arXiv 2309.12252).

x_t = f(x_{t-1}, u_t). With z the current guess and J_t = df/dx at (z_{t-1}, u_t), the next guess solves the linear
recurrence z'_t = J_t z'_{t-1} + f(z_{t-1}, u_t) - J_t z_{t-1}. It is exact after at most L iterations.
"""

import numpy as np

from .. import ops


def solve(f, u, x0, iterations):
    """All states [B, L, N] of x_t = f(x_{t-1}, u_t); f maps [..., N], [..., M] to [..., N] and accepts complex x.

    The Jacobian is the complex-step derivative Im f(x + i h e_j) / h, exact to rounding.
    """
    n, h = x0.shape[-1], 1e-30
    z = np.repeat(x0[:, None], u.shape[1], axis=1)
    for _ in range(iterations):
        before = np.concatenate([x0[:, None], z[:, :-1]], axis=1)
        value = f(before, u)
        jacobian = np.stack([f(before + 1j * h * e, u).imag / h for e in np.eye(n)], axis=-1)
        z, _ = ops.dense_recurrence(jacobian, value - np.einsum("btij,btj->bti", jacobian, before), x0)
    return z
