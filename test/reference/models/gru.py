"""GRU (Cho et al., arXiv 1406.1078), with the reset gate after the matrix product as in cuDNN and PyTorch.

r = sigmoid(Wr u + Ur h + br),  z = sigmoid(Wz u + Uz h + bz),  n = tanh(Wn u + bn + r * (Un h + cn))
h_t = (1 - z) * n + z * h_{t-1},  y_t = h_t.      u [B, L, M], h [B, N]
"""

import numpy as np

from . import newton
from .common import sigmoid


def params(rng, hidden=5, features=4):
    p = {}
    for gate in "rzn":
        p["W" + gate] = rng.standard_normal((hidden, features)) / np.sqrt(features)
        p["U" + gate] = rng.standard_normal((hidden, hidden)) / np.sqrt(hidden)
        p["b" + gate] = rng.standard_normal(hidden)
    return p | dict(cn=rng.standard_normal(hidden))


def trained_like(rng, hidden=5, features=4):
    """Update-gate biases up to 9.2: z up to about 0.9999."""
    return params(rng, hidden, features) | dict(bz=np.linspace(0, 9.2, hidden))


def inputs(rng, batch=2, length=24, features=4):
    return dict(u=rng.standard_normal((batch, length, features)))


def step(p, h, u):
    r = sigmoid(u @ p["Wr"].T + h @ p["Ur"].T + p["br"])
    z = sigmoid(u @ p["Wz"].T + h @ p["Uz"].T + p["bz"])
    n = np.tanh(u @ p["Wn"].T + p["bn"] + r * (h @ p["Un"].T + p["cn"]))
    return (1 - z) * n + z * h


def forward(params, inputs, init=None):
    u = inputs["u"]
    h = np.zeros((len(u), len(params["cn"]))) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        h = step(params, h, u[:, t])
        ys.append(h)
    return np.stack(ys, axis=1), h


def by_newton(params, inputs, init=None, iterations=16):
    u = inputs["u"]
    h0 = np.zeros((len(u), len(params["cn"]))) if init is None else init
    y = newton.solve(lambda h, u: step(params, h, u), u, h0, iterations)
    return y, y[:, -1]
