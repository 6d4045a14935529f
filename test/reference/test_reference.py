"""Each oracle against a second formulation, brute force or numpy.fft."""

import numpy as np
import pytest

from reference import ops

SEED = 20240229


def rng():
    return np.random.default_rng(SEED)


def complex_normal(r, shape):
    return (r.standard_normal(shape) + 1j * r.standard_normal(shape)) / np.sqrt(2)


def error(got, want):
    """Largest difference relative to the largest magnitude of `want`."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    return np.max(np.abs(got - want), initial=0) / max(np.max(np.abs(want), initial=0), 1e-300)


def close(got, want, bound=1e-12):
    assert error(got, want) < bound


# Operators


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(4,), (7, 4), (2, 7, 4)])
def test_linear_recurrence_is_the_sum_over_products(shape, reverse):
    r = rng()
    a, x, init = complex_normal(r, shape), complex_normal(r, (2, 7, 4)), complex_normal(r, (2, 4))
    states, final = ops.linear_recurrence(a, x, init, reverse=reverse)
    if reverse:
        a, x, states = np.broadcast_to(a, x.shape)[:, ::-1], x[:, ::-1], states[:, ::-1]
    a = np.broadcast_to(a, x.shape)
    for t in range(7):
        want = np.prod(a[:, : t + 1], axis=1) * init
        want = want + sum(np.prod(a[:, s + 1 : t + 1], axis=1) * x[:, s] for s in range(t + 1))
        close(states[:, t], want)
    close(final, states[:, -1])


def test_linear_recurrence_axis_and_empty():
    r = rng()
    a, x = r.standard_normal((5, 3)), r.standard_normal((2, 3, 5))
    states, final = ops.linear_recurrence(a.T, x, axis=2)
    want, want_final = ops.linear_recurrence(a, x.transpose(0, 2, 1), axis=1)
    close(states, want.transpose(0, 2, 1))
    close(final, want_final)
    states, final = ops.linear_recurrence(a[:1, :], np.zeros((2, 0, 3)), init=np.ones((2, 3)))
    assert states.shape == (2, 0, 3) and np.all(final == 1)


@pytest.mark.parametrize("reverse", [False, True])
def test_dense_recurrence_diagonal_and_dplr(reverse):
    r = rng()
    w, x, init = r.standard_normal((2, 9, 4)), r.standard_normal((2, 9, 4)), r.standard_normal((2, 4))
    states, final = ops.dense_recurrence(w[..., None] * np.eye(4), x, init, reverse)
    want, want_final = ops.linear_recurrence(w, x, init, reverse=reverse)
    close(states, want)
    close(final, want_final)
    p, q = complex_normal(r, (9, 4, 2)), complex_normal(r, (9, 4, 2))
    states, final = ops.dplr_recurrence(w, p, q, x, init, reverse, rank_axis=True)
    h = init  # A h = w h + sum_r p_r <q_r, h>, never forming A
    for t in range(9)[:: -1 if reverse else 1]:
        h = w[:, t] * h + sum(np.outer(h @ np.conj(q[t, :, i]), p[t, :, i]) for i in range(2)) + x[:, t]
        close(states[:, t], h)
    close(final, h)
    one = ops.dplr_recurrence(w, p[..., 0], q[..., 0], x)[0]
    close(one, ops.dplr_recurrence(w, p[..., :1], q[..., :1], x, rank_axis=True)[0])


def test_state_letters():
    assert ops.state_letters("hn,hn,hn,bth->bth") == "hnb"
    assert ops.state_letters("n,ni,on,bti->bto") == "nb"
    assert ops.state_letters("bthn,bthn,btn,bth->bth") == "bhn"
    assert ops.state_letters("bth,btn,btn,bthp->bthp") == "bhnp"
    assert ops.state_letters("bthk,bthk,bthk,bthv->bthv") == "bhkv"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("read", ["after", "before"])
@pytest.mark.parametrize(
    "spec",
    [
        "hn,hn,hn,bth->bth",
        "n,ni,on,bti->bto",
        "bthn,bthn,btn,bth->bth",
        "bth,btn,btn,bthp->bthp",
        "bthk,bthk,bthk,bthv->bthv",
        "tn,tn,nt,bt->tb",
    ],
)
def test_state_space_against_materialised_states(spec, read, reverse):
    """All inputs b u and all states in full [B, T, rest] form through linear_recurrence, then one einsum."""
    r, size = rng(), dict(b=2, t=6, h=3, n=4, i=3, o=3, k=4, v=2, p=2)
    operands, ys = spec.split("->")
    names = operands.split(",")
    a, b, c, u = (complex_normal(r, [size[s] for s in letters]) for letters in names)
    hs = ops.state_letters(spec)
    init = complex_normal(r, [size[s] for s in hs])
    y, final = ops.state_space(spec, a, b, c, u, init=init, output="twice_real", reverse=reverse, read=read)
    full = [size[s] for s in "t" + hs]
    a = np.einsum(f"{names[0]},t{hs}->t{hs}", a, np.ones(full))
    x = np.einsum(f"{names[1]},{names[3]},t{hs}->t{hs}", b, u, np.ones(full))
    states, want_final = ops.linear_recurrence(a, x, init, axis=0, reverse=reverse)
    if read == "before":
        states = np.concatenate([states[1:], init[None]] if reverse else [init[None], states[:-1]])
    close(y, 2 * np.einsum(f"{names[2]},t{hs}->{ys}", c, states).real)
    close(final, want_final)


def test_state_space_skip_connection():
    r = rng()
    a, b, c = r.standard_normal((3, 3, 4)) / 3
    u, d = r.standard_normal((2, 5, 3)), r.standard_normal(3)
    base, _ = ops.state_space("hn,hn,hn,bth->bth", a, b, c, u)
    close(ops.state_space("hn,hn,hn,bth->bth", a, b, c, u, d)[0], base + d * u)
    swapped, _ = ops.state_space("hn,hn,hn,bht->bth", a, b, c, u.transpose(0, 2, 1), d)
    close(swapped, base + d * u)


def test_materialize_kernel_is_the_closed_form():
    r = rng()
    log_a = -0.1 * r.random((3, 4)) + 1j * r.standard_normal((3, 4))
    b, c = complex_normal(r, (2, 3, 4))
    want = 2 * np.einsum("hnl,hn,hn->hl", np.exp(log_a[..., None] * np.arange(50)), b, c).real
    close(ops.materialize_kernel("hn,hn,hn->hl", np.exp(log_a), b, c, 50, "twice_real"), want)
    b, c = complex_normal(r, (4, 2)), complex_normal(r, (5, 4))
    want = np.einsum("nl,ni,on->oil", np.exp(log_a[0][:, None] * np.arange(9)), b, c)
    close(ops.materialize_kernel("n,ni,on->oil", np.exp(log_a[0]), b, c, 9), want)


def test_long_conv():
    r, length = rng(), 11
    u, k = r.standard_normal((2, 3, length)), r.standard_normal((3, 7))
    for i, h in np.ndindex(2, 3):
        close(ops.long_conv(u, k)[i, h], np.convolve(u[i, h], k[h])[:length])
    close(ops.long_conv(u.transpose(0, 2, 1), k, axis=1), ops.long_conv(u, k).transpose(0, 2, 1))
    for taps in (7, 11, 30):  # circular: taps beyond L wrap onto the first ones
        k = r.standard_normal((3, taps))
        wrapped = np.zeros((3, length))
        for j in range(taps):
            wrapped[:, j % length] += k[:, j]
        want = np.fft.irfft(np.fft.rfft(u) * np.fft.rfft(wrapped), length)
        close(ops.long_conv(u, k, mode="circular"), want)
    k = r.standard_normal((3, 2 * length - 1))
    past, future = k[:, length - 1 :], k[:, length - 1 :: -1].copy()
    future[:, 0] = 0
    want = ops.long_conv(u, past) + ops.long_conv(u[..., ::-1], future)[..., ::-1]
    close(ops.long_conv(u, k, mode="two_sided"), want)


def test_associative_scan_order():
    words = np.array(["a", "b", "c"], dtype=object)
    join = np.frompyfunc(lambda left, right: left + right, 2, 1)
    assert list(ops.associative_scan(join, words)) == ["a", "ab", "abc"]
    assert list(ops.associative_scan(join, words, reverse=True)) == ["cba", "cb", "c"]
    assert list(ops.associative_scan(join, words, exclusive=True, identity="")) == ["", "a", "ab"]
    assert list(ops.associative_scan(join, words, reverse=True, exclusive=True, identity="")) == ["cb", "c", ""]


@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_of_affine_maps_is_the_recurrence(reverse):
    r = rng()
    a, x = r.standard_normal((2, 8, 3)), r.standard_normal((2, 8, 3))
    _, states = ops.associative_scan(lambda i, j: (j[0] * i[0], j[0] * i[1] + j[1]), (a, x), axis=1, reverse=reverse)
    close(states, ops.linear_recurrence(a, x, reverse=reverse)[0])


@pytest.mark.parametrize("n", [1, 2, 3, 8, 60, 97, 256, 1021, 2048, 2053, 2 * 2053, 4096, 3 * 5 * 7 * 32])
def test_fourier_transforms(n):
    r = rng()
    x = complex_normal(r, (2, n)).astype(np.clongdouble)
    bound = 1e-17  # numpy's transform runs in extended precision too
    close(ops.fft(x), np.fft.fft(x), bound)
    close(ops.ifft(x), np.fft.ifft(x), bound)
    close(ops.rfft(x.real), np.fft.rfft(x.real), bound)
    close(ops.irfft(x[:, : n // 2 + 1], n), np.fft.irfft(x[:, : n // 2 + 1], n), bound)
    close(ops.fft(x.T, axis=0), np.fft.fft(x.T, axis=0), bound)


@pytest.mark.parametrize("n", [5, 6, 9, 10, 20])
def test_irfft_drops_and_pads_bins(n):
    x = complex_normal(rng(), 6)
    close(ops.irfft(x, n), np.fft.irfft(x, n))
    close(ops.irfft(x), np.fft.irfft(x))


def test_discretize():
    import mpmath

    a = np.array([0, 1e-12, -1e-9 + 1e-9j, -0.5 + 3j, -40.0])
    b, dt = np.array([1.0, 2, 3j, 4, 5]), 0.01
    abar, bbar = ops.discretize(a, b, dt, "zoh")
    for i in range(5):
        with mpmath.workdps(40):
            integral = mpmath.mpf(dt) if a[i] == 0 else mpmath.expm1(mpmath.mpc(a[i]) * dt) / mpmath.mpc(a[i])
            assert abs(complex(integral * mpmath.mpc(b[i])) - bbar[i]) < 1e-15 * abs(bbar[i])
            assert abs(complex(mpmath.exp(mpmath.mpc(a[i]) * dt)) - abar[i]) < 1e-15
    wide = ops.discretize(a, b, dt, "bilinear")
    dense = ops.discretize(np.diag(a), b, dt, "bilinear", transition="dense")
    close(dense[0], np.diag(wide[0]))
    close(dense[1], wide[1])
    matrix = ops.discretize(np.diag(a), np.stack([b, 2 * b], -1), dt, "bilinear", transition="dense")[1]
    close(matrix, np.stack([wide[1], 2 * wide[1]], -1))
    assert np.all(ops.discretize(a, b, dt, "dirac")[1] == b)


def test_orders_of_discretisation():
    """Halving dt divides the error on x' = a x + e^{st} by 4 for the trapezoid and by 2 for euler."""

    def last_error(method, steps):
        dt, rate, s = 1.0 / steps, -2.0 + 1j, 0.7
        u = np.exp(s * dt * np.arange(steps + 1))
        x = 1 / (s - rate)  # the exact solution is e^{st} / (s - a)
        for t in range(1, steps + 1):
            if method == "trapezoid":
                abar, before, now = ops.discretize(rate, 1.0, dt, method)
                x = abar * x + before * u[t - 1] + now * u[t]
            else:
                abar, now = ops.discretize(rate, 1.0, dt, method)
                x = abar * x + now * u[t]
        return abs(x - np.exp(s) / (s - rate))

    for method, order in (("trapezoid", 2), ("euler", 1)):
        assert abs(np.log2(last_error(method, 200) / last_error(method, 400)) - order) < 0.1
