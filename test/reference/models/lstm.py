"""LSTM (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

i, f, o = sigmoid(W u + U h + b), one each;  g = tanh(Wg u + Ug h + bg)
c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t),  y_t = h_t.      u [B, L, M]; the state is [h, c], [B, 2N]
"""

import numpy as np

from . import newton
from .common import sigmoid


def params(rng, hidden=4, features=4):
    p = {}
    for gate in "ifog":
        p["W" + gate] = rng.standard_normal((hidden, features)) / np.sqrt(features)
        p["U" + gate] = rng.standard_normal((hidden, hidden)) / np.sqrt(hidden)
        p["b" + gate] = rng.standard_normal(hidden)
    return p


def trained_like(rng, hidden=4, features=4):
    """Forget-gate biases up to 9.2: f up to about 0.9999."""
    return params(rng, hidden, features) | dict(bf=np.linspace(0, 9.2, hidden))


def inputs(rng, batch=2, length=24, features=4):
    return dict(u=rng.standard_normal((batch, length, features)))


def step(p, state, u):
    h, c = np.split(state, 2, axis=-1)
    i, f, o, g = (u @ p["W" + gate].T + h @ p["U" + gate].T + p["b" + gate] for gate in "ifog")
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return np.concatenate([sigmoid(o) * np.tanh(c), c], axis=-1)


def forward(params, inputs, init=None):
    u, n = inputs["u"], len(params["bi"])
    state = np.zeros((len(u), 2 * n)) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        state = step(params, state, u[:, t])
        ys.append(state[:, :n])
    return np.stack(ys, axis=1), state


def by_newton(params, inputs, init=None, iterations=16):
    u, n = inputs["u"], len(params["bi"])
    state = np.zeros((len(u), 2 * n)) if init is None else init
    states = newton.solve(lambda x, u: step(params, x, u), u, state, iterations)
    return states[..., :n], states[:, -1]
