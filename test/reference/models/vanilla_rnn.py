"""Vanilla RNN (Elman 1990): x_t = tanh(A x_{t-1} + B u_t), y_t = C x_t. u [B, L, M], x [B, N], y [B, L, O]."""

import numpy as np

from . import newton


def params(rng, hidden=6, features=4, outputs=3):
    return dict(
        A=rng.standard_normal((hidden, hidden)) / np.sqrt(hidden),
        B=rng.standard_normal((hidden, features)) / np.sqrt(features),
        C=rng.standard_normal((outputs, hidden)) / np.sqrt(hidden),
    )


def trained_like(rng, hidden=6, features=4, outputs=3):
    """A is 0.9999 times an orthogonal matrix, and inputs are small: memory is long."""
    p = params(rng, hidden, features, outputs)
    p["A"] = 0.9999 * np.linalg.qr(p["A"])[0]
    p["B"] = 0.1 * p["B"]
    return p


def inputs(rng, batch=2, length=24, features=4):
    return dict(u=rng.standard_normal((batch, length, features)))


def step(params, x, u):
    return np.tanh(x @ params["A"].T + u @ params["B"].T)


def forward(params, inputs, init=None):
    u = inputs["u"]
    x = np.zeros((len(u), len(params["A"]))) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        x = step(params, x, u[:, t])
        ys.append(x @ params["C"].T)
    return np.stack(ys, axis=1), x


def by_newton(params, inputs, init=None, iterations=12):
    u = inputs["u"]
    x0 = np.zeros((len(u), len(params["A"]))) if init is None else init
    x = newton.solve(lambda x, u: step(params, x, u), u, x0, iterations)
    return x @ params["C"].T, x[:, -1]
