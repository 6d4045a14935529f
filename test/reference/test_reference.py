"""Each oracle against a second formulation, brute force or numpy.fft."""

import importlib
import inspect

import mpmath
import numpy as np
import pytest

from reference import models, ops
from reference.models import hippo
from reference.models.common import complex_normal, silu, softplus

SEED = 20240229


def rng():
    return np.random.default_rng(SEED)


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


# Models: each by name with its second formulations.

SECOND = [
    ("vanilla_rnn", "by_newton"),
    ("gru", "by_newton"),
    ("lstm", "by_newton"),
    ("ltv_rnn", "by_products"),
    ("s4", "by_woodbury"),
    ("s4", "by_kernel"),
    ("s4d", "by_kernel"),
    ("dss", "by_softmax"),
    ("s5", "by_kernel"),
    ("lru", "by_kernel"),
    ("mega", "by_kernel"),
    ("bigs", "by_fft"),
    ("hyena", "by_fft"),
    ("rwkv4", "by_double_sum"),
    ("rwkv4", "by_scan"),
    ("rwkv5", "by_attention"),
    ("rwkv6", "by_attention"),
    ("rwkv7", "by_chunks"),
    ("retnet", "by_attention"),
    ("hgrn", "by_double_sum"),
    ("gla", "by_attention"),
    ("mamba1", "by_double_sum"),
    ("mamba2", "by_chunks"),
    ("mamba3", "by_complex_state"),
    ("deltanet", "by_chunks"),
    ("gated_deltanet", "by_recurrence"),
    ("gated_deltanet", "by_chunks"),
    ("kda", "by_chunks"),
    ("kda", "by_transitions"),
]
STATELESS = {"dss", "bigs", "hyena"}


def load(name):
    return importlib.import_module(f"reference.models.{name}")


def leaves(state):
    return state if isinstance(state, tuple) else (state,)


def close_states(got, want, bound=1e-12):
    """Equal states; entries of minus infinity must agree exactly."""
    for g, w in zip(leaves(got), leaves(want), strict=True):
        lowest = w == -np.inf
        assert np.array_equal(g == -np.inf, lowest)
        close(np.where(lowest, 0, g), np.where(lowest, 0, w), bound)


def test_every_model_has_a_second_formulation():
    assert {name for name, _ in SECOND} == set(models.NAMES)
    for name in models.NAMES:
        module = load(name)
        assert all(callable(getattr(module, f)) for f in ("params", "trained_like", "inputs", "forward"))


@pytest.mark.parametrize("kind", ["params", "trained_like"])
@pytest.mark.parametrize("length", [1, 2, 24])
@pytest.mark.parametrize("name, second", SECOND)
def test_second_formulation(name, second, length, kind):
    module, r = load(name), rng()
    p, i = getattr(module, kind)(r), module.inputs(r, length=length)
    y, final = module.forward(p, i)
    want, want_final = getattr(module, second)(p, i)
    close(y, want, 1e-11)
    assert np.all(np.isfinite(y))
    if name == "mamba3":
        final = final[1]  # the other parts are the last k, v and angle themselves
    if want_final is not None:
        close_states(final, want_final, 1e-11)


@pytest.mark.parametrize("kind", ["params", "trained_like"])
@pytest.mark.parametrize("name", [n for n in models.NAMES if n not in STATELESS])
def test_state_carries_over_a_cut(name, kind):
    module, r = load(name), rng()
    p, i = getattr(module, kind)(r), module.inputs(r)
    y, final = module.forward(p, i)
    head, state = module.forward(p, {k: v[:, :9] for k, v in i.items()})
    tail, last = module.forward(p, {k: v[:, 9:] for k, v in i.items()}, state)
    close(np.concatenate([head, tail], axis=1), y)
    close_states(last, final)


def starts_from_a_state(name, second):
    return "init" in inspect.signature(getattr(load(name), second)).parameters


@pytest.mark.parametrize("name, second", [case for case in SECOND if starts_from_a_state(*case)])
def test_second_formulation_with_a_state(name, second):
    module, r = load(name), rng()
    function = getattr(module, second)
    p, i = module.trained_like(r), module.inputs(r)
    _, state = module.forward(p, i)
    y, final = module.forward(p, i, state)
    want, want_final = function(p, i, state)
    close(y, want, 1e-11)
    close_states(final, want_final, 1e-11)


def test_gates_held_open_and_shut():
    """LSTM with f = i = o = 1 sums tanh(g); GRU with z = 1 keeps its state, and with z = r = 0 forgets it."""
    r = rng()
    lstm, gru = load("lstm"), load("gru")
    p, i = lstm.params(r), lstm.inputs(r)
    p |= {k: 0 * p[k] for k in p if k[0] in "WU" and k[1] != "g"} | {"Ug": 0 * p["Ug"]}
    p |= {"b" + gate: np.full(4, 50.0) for gate in "ifo"}
    g = np.tanh(i["u"] @ p["Wg"].T + p["bg"])
    close(lstm.forward(p, i)[0], np.tanh(np.cumsum(g, axis=1)))
    p, i, start = gru.params(r), gru.inputs(r), r.standard_normal((2, 5))
    p |= {k: 0 * p[k] for k in ("Wz", "Uz", "Wr", "Ur")}
    close(gru.forward(p | {"bz": np.full(5, 50.0)}, i, start)[1], start)
    y, _ = gru.forward(p | {"bz": np.full(5, -800.0), "br": np.full(5, -800.0)}, i, start)
    close(y, np.tanh(i["u"] @ p["Wn"].T + p["bn"]))


@pytest.mark.parametrize("n", [4, 16, 64])
def test_hippo_dplr_is_hippo(n):
    a, b = hippo.legs(n)
    lam, p, b_rotated, v = hippo.dplr(n)
    close(v @ (np.diag(lam) - np.outer(p, p.conj())) @ v.conj().T, a)
    close(v @ b_rotated, b)
    assert np.allclose(lam, lam[::-1].conj())


def test_s4_is_the_discretised_hippo_system():
    """The conjugate-pair form against the real LegS matrix: same kernel when C is rotated likewise."""
    s4, r, n = load("s4"), rng(), 8
    p = s4.params(r, channels=1, state=n)
    v = hippo.dplr(n)[3][:, n // 2 :]
    c = 2 * (p["C"] @ v.conj().T).real  # C x = sum over the pairs, with x = v^H x_real
    abar, bbar = ops.discretize(*hippo.legs(n), p["dt"][0], "bilinear", transition="dense")
    want = [c[0] @ np.linalg.matrix_power(abar, lag) @ bbar for lag in range(20)]
    close(s4.kernel(p, 20)[0], want)


@pytest.mark.parametrize("length", [1, 2, 5, 16, 33, 128])
@pytest.mark.parametrize("kind", ["params", "trained_like"])
def test_s4_generating_function(kind, length):
    """Even and odd lengths: the bin at w = -1 exists only for even ones."""
    s4 = load("s4")
    p = getattr(s4, kind)(rng())
    close(s4.kernel_by_generating_function(p, length), s4.kernel(p, length), 1e-11)


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
@pytest.mark.parametrize("kind", ["lin", "inv", "real"])
def test_s4d_inits_methods_and_op(kind, method):
    s4d, r = load("s4d"), rng()
    p, i = s4d.trained_like(r, kind=kind), s4d.inputs(r)
    y, final = s4d.forward(p, i, method=method)
    want, want_final = s4d.by_kernel(p, i, method=method)
    close(y, want)
    close(final, want_final)
    abar, bbar = ops.discretize(p["A"], p["B"], p["dt"][:, None], method)
    spec = "hn,hn,hn,bth->bth"
    want, want_final = ops.state_space(spec, abar, bbar, p["C"], i["u"], p["D"], output="twice_real")
    close(y, want)
    close(final, want_final.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["s5", "mega"])
@pytest.mark.parametrize("kind", ["params", "trained_like"])
def test_bidirectional(name, kind):
    module, r = load(name), rng()
    p, i = getattr(module, kind)(r, bidirectional=True), module.inputs(r)
    close(module.forward_bidirectional(p, i)[0], module.bidirectional_by_kernel(p, i)[0])


def test_mega_truncation():
    mega, r = load("mega"), rng()
    p, i = mega.params(r), mega.inputs(r)
    taps = mega.kernel(p, 24)[:6].T
    e = ops.long_conv(i["u"].transpose(0, 2, 1), taps).transpose(0, 2, 1)
    close(mega.by_kernel(p, i, truncation=6)[0], silu(e + p["omega"] * i["u"]))


def test_mamba1_complex_and_op():
    mamba1, r = load("mamba1"), rng()
    p, i = mamba1.trained_like(r, field="complex"), mamba1.inputs(r, field="complex")
    y, final = mamba1.forward(p, i)
    want, want_final = mamba1.by_double_sum(p, i)
    close(y, want)
    close(final, want_final)
    p, i = mamba1.trained_like(r), mamba1.inputs(r, groups=1)
    dt = softplus(i["delta"] + p["bias"])
    a, b = ops.discretize(p["A"], i["B"], dt[..., None], "euler")
    y, _ = ops.state_space("bthn,bthn,btn,bth->bth", a, b, i["C"][:, :, 0], i["u"], p["D"])
    close(y * silu(i["z"]), mamba1.forward(p, i)[0])


def test_matrix_state_models_are_state_spaces():
    r = rng()
    gla, rwkv6, mamba2 = load("gla"), load("rwkv6"), load("mamba2")
    p, i = gla.trained_like(r), gla.inputs(r)
    spec, a = "bthk,bthk,bthk,bthv->bthv", np.exp(gla.log_decay(p, i))
    close(ops.state_space(spec, a, i["k"], i["q"] / 2, i["v"])[0], gla.forward(p, i)[0])
    p, i = rwkv6.trained_like(r), rwkv6.inputs(r)
    a = np.exp(rwkv6.log_decay(p, i))
    y, final = ops.state_space(spec, a, i["k"], i["r"], i["v"], read="before")
    bonus = np.sum(i["r"] * p["u"] * i["k"], axis=-1, keepdims=True) * i["v"]
    close(y + bonus, rwkv6.forward(p, i)[0])
    close(final, rwkv6.forward(p, i)[1])
    p, i = mamba2.trained_like(r), mamba2.inputs(r, groups=1)
    dt = softplus(i["delta"] + p["bias"])
    spec, a, x = "bth,btn,btn,bthp->bthp", np.exp(dt * p["A"]), dt[..., None] * i["x"]
    y, final = ops.state_space(spec, a, i["B"][:, :, 0], i["C"][:, :, 0], x)
    close(y + p["D"][:, None] * i["x"], mamba2.forward(p, i)[0])
    close(final, mamba2.forward(p, i)[1].swapaxes(-1, -2))


def test_strong_decay_neither_over_nor_underflows():
    """Decays of e^{-700} a step: the closed forms stay finite and agree with the loops."""
    for name, second, key in (("rwkv6", "by_attention", "what"), ("kda", "by_chunks", "ghat")):
        module, r = load(name), rng()
        p, i = module.trained_like(r), module.inputs(r)
        i[key][:, 5:9] = 7.0 if name == "rwkv6" else 300.0
        y, final = module.forward(p, i)
        want, want_final = getattr(module, second)(p, i)
        close(y, want)
        close(final, want_final)
