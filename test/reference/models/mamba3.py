"""Mamba-3, single input (arXiv 2603.15569): exponential-trapezoidal steps and a rotating state.

dt = softplus(dthat + bias) ;  A = -softplus(ahat) ;  lam = sigmoid(trap)
alpha = e^{dt A} ;  beta = (1 - lam) dt alpha ;  gamma = lam dt
Theta_t = Theta_{t-1} + dt_t theta_t mod 2 pi ;  q~, k~ are q, k with each pair of entries (2i, 2i+1) turned by Theta_ti
S_t = alpha_t S_{t-1} + beta_t v_{t-1} k~_{t-1}^T + gamma_t v_t k~_t^T ;  y_t = S_t q~_t + D v_t
The state is (Theta, S, k~, v) of the last step. bias, D [H]; q, k [B, L, H, N]; v, y [B, L, H, P]; dthat, ahat, trap
[B, L, H]; theta, Theta [B, L, H, N/2]; S [B, H, P, N].
"""

import numpy as np

from .. import ops
from .common import inverse_softplus, sigmoid, softplus, steps


def params(rng, heads=2):
    return dict(bias=rng.standard_normal(heads), D=rng.standard_normal(heads))


def trained_like(rng, heads=2):
    """Around dthat = 0, dt is log-uniform in [1e-3, 1e-1]."""
    return params(rng, heads) | dict(bias=inverse_softplus(steps(rng, heads)))


def inputs(rng, batch=2, length=24, heads=2, state=4, value=3):
    q, k = rng.standard_normal((2, batch, length, heads, state))
    dthat, ahat, trap = rng.standard_normal((3, batch, length, heads))
    v = rng.standard_normal((batch, length, heads, value))
    theta = np.pi * np.tanh(rng.standard_normal((batch, length, heads, state // 2)))
    return dict(q=q, k=k, v=v, dthat=dthat, ahat=ahat, trap=trap, theta=theta)


def coefficients(params, inputs):
    """dt, alpha, beta, gamma, each [B, L, H]."""
    dt = softplus(inputs["dthat"] + params["bias"])
    alpha, before, now = ops.discretize(-softplus(inputs["ahat"]), 1.0, dt, "trapezoid", lam=sigmoid(inputs["trap"]))
    return dt, alpha, before, now


def rotate(x, angle):
    first, second = x[..., 0::2], x[..., 1::2]
    turned = np.empty_like(x)
    turned[..., 0::2] = first * np.cos(angle) - second * np.sin(angle)
    turned[..., 1::2] = first * np.sin(angle) + second * np.cos(angle)
    return turned


def start(inputs):
    q, v, theta = inputs["q"][:, 0], inputs["v"][:, 0], inputs["theta"][:, 0]
    return np.zeros(theta.shape), np.zeros(v.shape + q.shape[-1:]), np.zeros(q.shape), np.zeros(v.shape)


def forward(params, inputs, init=None):
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    dt, alpha, beta, gamma = (c[..., None] for c in coefficients(params, inputs))
    angle, state, k_before, v_before = start(inputs) if init is None else init
    ys = []
    for t in range(q.shape[1]):
        angle = np.mod(angle + dt[:, t] * inputs["theta"][:, t], 2 * np.pi)
        k_now, v_now = rotate(k[:, t], angle), v[:, t]
        state = alpha[:, t, ..., None] * state
        state = state + (beta[:, t] * v_before)[..., None] * k_before[:, :, None, :]
        state = state + (gamma[:, t] * v_now)[..., None] * k_now[:, :, None, :]
        ys.append(np.einsum("bhpn,bhn->bhp", state, rotate(q[:, t], angle)) + params["D"][:, None] * v_now)
        k_before, v_before = k_now, v_now
    return np.stack(ys, axis=1), (angle, state, k_before, v_before)


def by_complex_state(params, inputs):
    """A complex diagonal recurrence without rotations: with pairs as complex numbers, Z_t = e^{-i Theta_t} S_t has

    Z_t = alpha e^{-i d} Z_{t-1} + beta e^{-i d} v_{t-1} k_{t-1} + gamma v_t k_t, d = dt theta
    y_t = Re(conj(q_t) Z_t).
    Returns the final S too.
    """
    q, k = (inputs[name][..., 0::2] + 1j * inputs[name][..., 1::2] for name in "qk")
    v = inputs["v"]
    dt, alpha, beta, gamma = (c[..., None] for c in coefficients(params, inputs))
    turn = np.exp(-1j * dt * inputs["theta"])
    vk = np.einsum("bthp,bthn->bthpn", v, k)
    before = np.concatenate([np.zeros_like(vk[:, :1]), vk[:, :-1]], axis=1)
    x = beta[..., None] * turn[..., None, :] * before + gamma[..., None] * vk
    z, final = ops.linear_recurrence(np.broadcast_to((alpha * turn)[..., None, :], x.shape), x)
    y = np.einsum("bthn,bthpn->bthp", np.conj(q), z).real + params["D"][:, None] * v
    final = final / np.prod(turn, axis=1)[..., None, :]
    return y, np.stack([final.real, final.imag], axis=-1).reshape(final.shape[:-1] + (-1,))
