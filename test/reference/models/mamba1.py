"""Mamba's selective scan (S6, arXiv 2312.00752).

dt_t = softplus(delta_t + bias) ;  h_tdn = e^{dt_td A_dn} h_{t-1,dn} + dt_td B_tgn u_td
y_td = (sum_n C_tgn h_tdn + D_d u_td) silu(z_td)        with 2 Re of the sum where A is complex
Group g holds D/G consecutive channels d. A [D, N]; D, bias [D]; u, delta, z, y [B, L, D];
B, C [B, L, G, N]; h [B, D, N].
"""

import numpy as np

from .common import complex_normal, inverse_softplus, silu, softplus, steps


def params(rng, channels=4, state=4, field="real"):
    """A_dn = -(n+1) (S4D-Real), or -1/2 + i pi n (S4D-Lin)."""
    n = np.arange(state)
    a = -(n + 1.0) if field == "real" else -0.5 + 1j * np.pi * n
    return dict(
        A=np.tile(a, (channels, 1)) * np.exp(0.1 * rng.standard_normal((channels, state))),
        D=rng.standard_normal(channels),
        bias=rng.standard_normal(channels),
    )


def trained_like(rng, channels=4, state=4, field="real"):
    """Around delta = 0, dt is log-uniform in [1e-3, 1e-1]."""
    return params(rng, channels, state, field) | dict(bias=inverse_softplus(steps(rng, channels)))


def inputs(rng, batch=2, length=24, channels=4, state=4, groups=2, field="real"):
    u, delta, z = rng.standard_normal((3, batch, length, channels))
    B, C = rng.standard_normal((2, batch, length, groups, state))
    if field == "complex":
        B, C = complex_normal(rng, (2, batch, length, groups, state))
    return dict(u=u, delta=delta, z=z, B=B, C=C)


def coefficients(params, inputs):
    """dt [B, L, D], and B, C repeated over the channels of their groups, [B, L, D, N]."""
    dt = softplus(inputs["delta"] + params["bias"])
    repeat = dt.shape[-1] // inputs["B"].shape[2]
    return dt, np.repeat(inputs["B"], repeat, axis=2), np.repeat(inputs["C"], repeat, axis=2)


def _output(params, inputs, y):
    y = 2 * y.real if np.iscomplexobj(params["A"]) else y
    return (y + params["D"] * inputs["u"]) * silu(inputs["z"])


def forward(params, inputs, init=None):
    u, A = inputs["u"], params["A"]
    dt, B, C = coefficients(params, inputs)
    h = np.zeros((len(u),) + A.shape, dtype=A.dtype) if init is None else init
    ys = []
    for t in range(u.shape[1]):
        h = np.exp(dt[:, t, :, None] * A) * h + (dt[:, t] * u[:, t])[..., None] * B[:, t]
        ys.append(np.sum(C[:, t] * h, axis=-1))
    return _output(params, inputs, np.stack(ys, axis=1)), h


def by_double_sum(params, inputs, init=None):
    """h_t = e^{T_t A} h_init + sum_{s<=t} e^{(T_t - T_s) A} dt_s B_s u_s with T the cumulative sum of dt."""
    u, A = inputs["u"], params["A"]
    dt, B, C = coefficients(params, inputs)
    time = np.cumsum(dt, axis=1)
    age = time[:, :, None] - time[:, None]
    causal = np.tri(u.shape[1], dtype=bool)[None, :, :, None, None]
    weights = np.where(causal, np.exp(np.maximum(age, 0)[..., None] * A), 0)
    h = np.einsum("btsdn,bsd,bsdn->btdn", weights, dt * u, B)
    if init is not None:
        h = h + np.exp(time[..., None] * A) * init[:, None]
    return _output(params, inputs, np.sum(C * h, axis=-1)), h[:, -1]
