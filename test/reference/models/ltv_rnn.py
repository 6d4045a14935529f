"""Linear time-varying RNN: x_t = A_t x_{t-1} + B_t u_t, y_t = C_t x_t.

The matrices follow a schedule s_t: A_t = A0 + s_t A1, and likewise B_t, C_t.
u [B, L, M], s [B, L], x [B, N], y [B, L, O]
"""

import numpy as np


def params(rng, state=5, features=4, outputs=3):
    shapes = dict(A=(state, state), B=(state, features), C=(outputs, state))
    return {name + i: rng.standard_normal(s) / (2 * np.sqrt(s[1])) for name, s in shapes.items() for i in "01"}


def trained_like(rng, state=5, features=4, outputs=3):
    """A0 is 0.9999 times an orthogonal matrix, A1 a small change of it."""
    p = params(rng, state, features, outputs)
    return p | dict(A0=0.9999 * np.linalg.qr(p["A0"])[0], A1=1e-3 * p["A1"])


def inputs(rng, batch=2, length=24, features=4):
    return dict(u=rng.standard_normal((batch, length, features)), s=rng.uniform(-1, 1, (batch, length)))


def matrices(params, inputs):
    """A, B, C with their leading axes [B, L]."""
    s = inputs["s"][..., None, None]
    return (params[name + "0"] + s * params[name + "1"] for name in "ABC")


def forward(params, inputs, init=None):
    u = inputs["u"]
    A, B, C = matrices(params, inputs)
    x = np.zeros((len(u), A.shape[-1])) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        x = np.einsum("bij,bj->bi", A[:, t], x) + np.einsum("bij,bj->bi", B[:, t], u[:, t])
        ys.append(np.einsum("bij,bj->bi", C[:, t], x))
    return np.stack(ys, axis=1), x


def by_products(params, inputs, init=None):
    """y_t = C_t (A_t .. A_0 x_init + sum_{s<=t} A_t .. A_{s+1} B_s u_s), each product formed anew."""
    u = inputs["u"]
    A, B, C = matrices(params, inputs)
    batch, length, n = u.shape[0], u.shape[1], A.shape[-1]
    x = np.zeros((batch, length, n))
    for t in range(length):
        product = np.broadcast_to(np.eye(n), (batch, n, n))
        for s in range(t, -1, -1):
            x[:, t] += np.einsum("bij,bjk,bk->bi", product, B[:, s], u[:, s])
            product = product @ A[:, s]
        if init is not None:
            x[:, t] += np.einsum("bij,bj->bi", product, init)
    return np.einsum("btij,btj->bti", C, x), x[:, -1]
