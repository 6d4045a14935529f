"""One BiGS layer (arXiv 2212.10544): two diagonal systems, one along the flipped signal, multiplied together.

f = SSM_f(gelu(Uf x)),  b = flip(SSM_b(gelu(Ub flip(x)))) ;  y = Wo (gelu(Wl ((Wf f) * (Wb b))) * gelu(Wv x))
Each SSM is S4D with one (A, C, dt, D) for all channels, zero-order hold, B = 1:
s_t = e^{dt A} s_{t-1} + (e^{dt A} - 1)/A u_t,  out_t = Re(C s_t) + D u_t     (Re: A is not one half of pairs)
The products with U and W have biases (dense layers). gelu is the tanh approximation. Residual and layer norm are
outside. x, y [B, L, E]; A, C [N] complex.
"""

import numpy as np

from .. import ops
from . import hippo
from .common import complex_normal, gelu, log_uniform, steps


def params(rng, width=4, inner=6, state=8):
    def dense(rows, columns):
        return rng.standard_normal((rows, columns)) / np.sqrt(columns), 0.1 * rng.standard_normal(rows)

    p = dict(Uf=dense(width, width), Ub=dense(width, width), Wf=dense(width, width), Wb=dense(width, width))
    p |= dict(Wl=dense(inner, width), Wv=dense(inner, width), Wo=dense(width, inner))
    for direction in "fb":
        p[direction] = dict(
            A=hippo.dplr(state)[0], C=complex_normal(rng, state), D=1.0, dt=log_uniform(rng, 0.01, 1, ())
        )
    return p


def trained_like(rng, width=4, inner=6, state=32):
    p = params(rng, width, inner, state)
    for direction in "fb":
        a = p[direction]["A"]
        a = a.real * np.exp(rng.uniform(np.log(0.1), np.log(10), a.shape)) + 1j * a.imag
        p[direction] |= dict(A=a, dt=steps(rng, ()))
    return p


def inputs(rng, batch=2, length=24, width=4):
    return dict(x=rng.standard_normal((batch, length, width)))


def _dense(weights, x):
    matrix, bias = weights
    return x @ matrix.T + bias


def _ssm(p, u):
    abar, bbar = ops.discretize(p["A"], 1.0, p["dt"], "zoh")
    s, ys = 0, []
    for t in range(u.shape[1]):
        s = abar * s + bbar * u[:, t, :, None]
        ys.append((s @ p["C"]).real + p["D"] * u[:, t])
    return np.stack(ys, axis=1)


def _ssm_by_fft(p, u):
    """The same with one kernel K_l = Re sum C (e^{dt A} - 1)/A e^{l dt A} and transforms of length 2L."""
    length = u.shape[1]
    z = p["dt"] * p["A"]
    kernel = (np.exp(np.multiply.outer(np.arange(length), z)) @ (p["C"] * np.expm1(z) / p["A"])).real
    product = np.fft.rfft(u, 2 * length, axis=1) * np.fft.rfft(kernel, 2 * length)[:, None]
    return np.fft.irfft(product, axis=1)[:, :length] + p["D"] * u


def forward(params, inputs, ssm=_ssm):
    x = inputs["x"]
    f = ssm(params["f"], gelu(_dense(params["Uf"], x)))
    b = ssm(params["b"], gelu(_dense(params["Ub"], x[:, ::-1])))
    both = _dense(params["Wf"], f) * _dense(params["Wb"], b)[:, ::-1]
    gate = gelu(_dense(params["Wv"], x))
    return _dense(params["Wo"], gelu(_dense(params["Wl"], both)) * gate), None


def by_fft(params, inputs):
    return forward(params, inputs, _ssm_by_fft)
