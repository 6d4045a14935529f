"""The contract of the package, as an outside user would check it.

Every expectation is computed here in float64 from the definition.
"""
import numpy as np
import pytest

import mlir_ssm as ssm

RNG = np.random.default_rng(20)


def rel(x, ref):
    x, ref = np.asarray(x), np.asarray(ref)
    assert x.shape == ref.shape, (x.shape, ref.shape)
    return np.linalg.norm((x - ref).ravel()) / max(np.linalg.norm(ref.ravel()), 1e-30)


def recurrence(a, x, init=None, reverse=False):
    """States of h_t = a_t * h_{t-1} + x_t along axis 1 of x [B, L, D]."""
    wide = np.complex128 if np.iscomplexobj(a) or np.iscomplexobj(x) else np.float64
    a, x = np.broadcast_to(a, x.shape).astype(wide), x.astype(wide)
    h, out = (np.zeros_like(x[:, 0]) if init is None else init.astype(wide)), np.zeros_like(x)
    order = range(x.shape[1])[::-1] if reverse else range(x.shape[1])
    for t in order:
        h = a[:, t] * h + x[:, t]
        out[:, t] = h
    return out, h


@pytest.mark.parametrize("strategy", ["auto", "sequential", "tree_scan"])
@pytest.mark.parametrize("dtype,tol", [(np.float32, 1e-6), (np.float64, 1e-14), (np.complex64, 1e-6)])
@pytest.mark.parametrize("L", [1, 7, 64, 1000])
@pytest.mark.parametrize("reverse", [False, True])
def test_linear_recurrence(strategy, dtype, tol, L, reverse):
    B, D = 2, 19
    a = RNG.uniform(0.8, 0.999, (B, L, D)).astype(dtype)
    if np.iscomplexobj(a):
        a = a * np.exp(1j * RNG.uniform(-3, 3, a.shape)).astype(dtype)
    x = RNG.standard_normal((B, L, D)).astype(dtype)
    init = RNG.standard_normal((B, D)).astype(dtype)
    states, final = ssm.linear_recurrence(a, x, init=init, reverse=reverse, strategy=strategy)
    ref, last = recurrence(a, x, init, reverse)
    assert states.dtype == dtype and rel(states, ref) < tol and rel(final, last) < tol * 10


def test_time_invariant_and_dense():
    a, x = np.float32(RNG.uniform(0.5, 0.99, 8)), RNG.standard_normal((2, 50, 8)).astype(np.float32)
    assert rel(ssm.linear_recurrence(a, x)[0], recurrence(a, x)[0]) < 1e-6
    A = (0.4 * RNG.standard_normal((50, 3, 3))).astype(np.float64)  # matrices that do not commute
    u = RNG.standard_normal((2, 50, 3))
    h, ref = np.zeros((2, 3)), np.zeros_like(u)
    for t in range(50):
        h = h @ A[t].T + u[:, t]
        ref[:, t] = h
    for s in ("sequential", "tree_scan"):
        assert rel(ssm.linear_recurrence(A, u, transition="dense", strategy=s)[0], ref) < 1e-12


def test_state_space_s4d_kernel_conv_and_step_agree():
    B, L, H, N = 2, 300, 4, 8
    a = np.exp(-RNG.uniform(0.001, 0.1, (H, N)) + 1j * RNG.uniform(0, 3, (H, N))).astype(np.complex64)
    b, c = [(RNG.standard_normal((H, N)) + 1j * RNG.standard_normal((H, N))).astype(np.complex64) for _ in "bc"]
    u, d = RNG.standard_normal((B, L, H)).astype(np.float32), RNG.standard_normal(H).astype(np.float32)
    K = 2 * np.real(np.einsum("hn,hn,hnl->hl", c, b, a.astype(complex)[..., None] ** np.arange(L)))
    ref = np.stack([[np.convolve(u[i, :, h].astype(float), K[h])[:L] for h in range(H)] for i in range(B)]).swapaxes(1, 2)
    ref += d * u
    assert rel(ssm.materialize_kernel("hn,hn,hn->hl", a, b, c, L, output="twice_real"), K) < 2e-6
    assert rel(ssm.long_conv(u.swapaxes(1, 2).copy(), K.astype(np.float32)).swapaxes(1, 2) + d * u, ref) < 2e-6
    for s in ("auto", "sequential", "tree_scan", "fft_conv", "direct_conv"):
        y, final = ssm.state_space("hn,hn,hn,bth->bth", a, b, c, u, d, output="twice_real", strategy=s)
        assert rel(y, ref) < 4e-6, s


def test_mamba1_and_mamba2_specs():
    B, L, H, N, P = 2, 33, 3, 4, 5
    a = RNG.uniform(0.5, 1, (B, L, H, N)).astype(np.float32)
    b, c = [RNG.standard_normal((B, L, H, N)).astype(np.float32) for _ in "bc"]
    u = RNG.standard_normal((B, L, H)).astype(np.float32)
    h, ref = np.zeros((B, H, N)), np.zeros((B, L, H))
    for t in range(L):
        h = a[:, t] * h + b[:, t] * u[:, t, :, None]
        ref[:, t] = (c[:, t] * h).sum(-1)
    assert rel(ssm.state_space("bthn,bthn,bthn,bth->bth", a, b, c, u)[0], ref) < 2e-6
    a1, b1, c1 = a[..., 0], b[:, :, 0], c[:, :, 0]
    v = RNG.standard_normal((B, L, H, P)).astype(np.float32)
    S, ref = np.zeros((B, H, N, P)), np.zeros((B, L, H, P))
    for t in range(L):
        S = a1[:, t, :, None, None] * S + b1[:, t, None, :, None] * v[:, t, :, None, :]
        ref[:, t] = np.einsum("bn,bhnp->bhp", c1[:, t], S)
    assert rel(ssm.state_space("bth,btn,btn,bthp->bthp", a1, b1, c1, v)[0], ref) < 2e-6


def test_associative_scan_any_combiner():
    a, b = RNG.uniform(0.5, 1, (100, 7)), RNG.standard_normal((100, 7))
    A, S = ssm.associative_scan(lambda l, r: (r[0] * l[0], r[0] * l[1] + r[1]), (a, b), axis=0)
    assert rel(S, recurrence(a[None], b[None])[0][0]) < 1e-13 and rel(A, np.cumprod(a, 0)) < 1e-12
    assert rel(ssm.associative_scan(lambda l, r: (ssm.maximum(l[0], r[0]),), (b,), axis=0)[0], np.maximum.accumulate(b, 0)) == 0
    assert rel(ssm.associative_scan(lambda l, r: (l[0] + r[0],), (b,), axis=1, reverse=True)[0], b[:, ::-1].cumsum(1)[:, ::-1]) < 1e-13


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 60, 97, 1000, 1009, 4096])
def test_fft(n):
    x = RNG.standard_normal((3, n)) + 1j * RNG.standard_normal((3, n))
    tol = 2e-15 * np.sqrt(max(np.log2(n), 1))
    assert rel(ssm.fft(x), np.fft.fft(x)) < tol and rel(ssm.ifft(x), np.fft.ifft(x)) < tol
    assert rel(ssm.irfft(ssm.rfft(x.real.copy()), n), x.real) < tol


@pytest.mark.parametrize("mode", ["causal", "two_sided", "circular"])
def test_long_conv(mode):
    L = 257
    u, k = RNG.standard_normal((2, 3, L)), RNG.standard_normal((3, 2 * L - 1 if mode == "two_sided" else L))
    ref = np.zeros_like(u)
    for i in range(2):
        for h in range(3):
            if mode == "causal":
                ref[i, h] = np.convolve(u[i, h], k[h])[:L]
            elif mode == "two_sided":  # k[h, L-1+d] is the weight of lag d, d = -(L-1)..L-1
                ref[i, h] = np.convolve(u[i, h], k[h])[L - 1:2 * L - 1]
            else:
                ref[i, h] = np.real(np.fft.ifft(np.fft.fft(u[i, h]) * np.fft.fft(k[h])))
    for s in ("auto", "fft_conv", "direct_conv"):
        assert rel(ssm.long_conv(u, k, mode=mode, strategy=s), ref) < 1e-13, s


def test_discretize():
    a, b, dt = -RNG.uniform(0.1, 2, 6) + 1j * RNG.uniform(-3, 3, 6), np.ones(6) + 0j, 0.05
    abar, bbar = ssm.discretize(a, b, dt, method="zoh")
    assert rel(abar, np.exp(a * dt)) < 1e-14 and rel(bbar, np.expm1(a * dt) / a) < 1e-13
    abar, bbar = ssm.discretize(a, b, dt, method="bilinear")
    assert rel(abar, (1 + a * dt / 2) / (1 - a * dt / 2)) < 1e-14 and rel(bbar, dt / (1 - a * dt / 2)) < 1e-14


@pytest.mark.parametrize("call,word", [
    (lambda: ssm.linear_recurrence(np.ones((2, 3, 4), np.float32), np.ones((2, 3, 5), np.float32)), "a"),
    (lambda: ssm.linear_recurrence(np.ones((2, 3, 4), np.float32), np.ones((2, 3, 4), np.float64)), "dtype"),
    (lambda: ssm.linear_recurrence(np.ones((2, 3, 4), int), np.ones((2, 3, 4), int)), "dtype"),
    (lambda: ssm.long_conv(np.ones((2, 3)), np.ones(4), mode="sideways"), "mode"),
    (lambda: ssm.state_space("hn,hn->h", np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1))), "spec"),
    (lambda: ssm.long_conv(np.ones((2, 8), np.float32), np.ones((2, 8), np.float32), strategy="fft_conv", numerics="strict"), "strict"),
    (lambda: ssm.compile("func.func @f( {"), "error"),
])
def test_errors_name_the_argument(call, word):
    with pytest.raises((TypeError, ValueError), match=word):
        call()


def test_empty_and_strided():
    a, x = np.ones((2, 0, 3), np.float32), np.ones((2, 0, 3), np.float32)
    assert ssm.linear_recurrence(a, x)[0].shape == (2, 0, 3)
    big = RNG.standard_normal((2, 40, 12)).astype(np.float32)
    view = big[:, ::2, 1::3]
    assert rel(ssm.linear_recurrence(np.float32(0.9) * np.ones(4, np.float32), view)[0], recurrence(np.float32(0.9) * np.ones(4, np.float32), view)[0]) < 1e-6
