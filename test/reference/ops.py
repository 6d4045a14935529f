"""Oracles of the operators: one plain loop or direct sum for each equation.

Everything is computed in float64 or complex128, or in extended precision where an operand already is
np.longdouble; `materialize_kernel` and the Fourier transforms always compute and return extended precision.
Time index 0 is the first input; the state before it is `init`, or zero.
"""

import numpy as np

PI = np.longdouble("3.14159265358979323846264338327950288")
DIRECT = 2048  # transforms up to this length are one product with the DFT matrix


def _wide(*arrays):
    """The operands in their common dtype, at least float64."""
    arrays = [np.asarray(v) for v in arrays]
    dtype = np.result_type(*(np.result_type(np.float64, v.dtype) for v in arrays))
    return [v.astype(dtype) for v in arrays]


def _extended(*arrays):
    """The operands in extended precision, real where they are real."""
    arrays = [np.asarray(v) for v in arrays]
    return [v.astype(np.clongdouble if np.iscomplexobj(v) else np.longdouble) for v in arrays]


def _project(y, output):
    """The output map: "none" y, "real" Re y, "twice_real" 2 Re y."""
    if output == "none":
        return y
    return {"real": 1, "twice_real": 2}[output] * np.real(y)


def _times(length, reverse):
    return range(length - 1, -1, -1) if reverse else range(length)


# Recurrences


def linear_recurrence(a, x, init=None, axis=1, reverse=False):
    """h_t = a_t h_{t-1} + x_t, elementwise; with reverse, h_t = a_t h_{t+1} + x_t.

    x has time on `axis`; a broadcasts against x (with x [B, L, D]: [D], [L, D] or [B, L, D]).
    init: x's shape without the time axis. Returns (states, final): all h_t in x's shape, and the last h computed
    (h_{L-1}, or h_0 with reverse).
    """
    a, x, h = _wide(a, x, 0.0 if init is None else init)
    a = np.moveaxis(np.broadcast_to(a, x.shape), axis, 0)
    x = np.moveaxis(x, axis, 0)
    h = np.broadcast_to(h, x.shape[1:])
    states = np.empty_like(x)
    for t in _times(len(x), reverse):
        h = a[t] * h + x[t]
        states[t] = h
    return np.moveaxis(states, 0, axis), h


def dense_recurrence(a, x, init=None, reverse=False):
    """h_t = A_t h_{t-1} + x_t with matrices A_t; with reverse, h_t = A_t h_{t+1} + x_t.

    a [N, N], [L, N, N] or [B, L, N, N]; x [B, L, N]; init [B, N]. Returns (states [B, L, N], final [B, N]).
    """
    a, x, h = _wide(a, x, 0.0 if init is None else init)
    batch, length, n = x.shape
    a = np.broadcast_to(a, (batch, length, n, n))
    h = np.broadcast_to(h, (batch, n))
    states = np.empty_like(x)
    for t in _times(length, reverse):
        h = np.einsum("bij,bj->bi", a[:, t], h) + x[:, t]
        states[:, t] = h
    return states, h


def dplr_recurrence(w, p, q, x, init=None, reverse=False, rank_axis=False):
    """`dense_recurrence` with A_t = diag(w_t) + p_t q_t^H (q conjugated).

    w, p, q: [N], [L, N] or [B, L, N]. With rank_axis, p and q carry a last axis of length R: [..., N, R], and
    A_t = diag(w_t) + sum_r p_{t,r} q_{t,r}^H.
    """
    w, p, q = _wide(w, p, q)
    if not rank_axis:
        p, q = p[..., None], q[..., None]
    a = w[..., :, None] * np.eye(w.shape[-1]) + np.einsum("...ir,...jr->...ij", p, np.conj(q))
    return dense_recurrence(a, x, init, reverse)


def state_letters(spec):
    """The state's axes of a `state_space` spec, in the order of `init` and `final`.

    All letters of a, b, c, u, y but time 't', without those only in b and u (contracted before the recurrence) and
    those only in c and y (outputs); in order of first appearance in a, then b, then u (then c, y).
    """
    operands, y = spec.split("->")
    a, b, c, u = operands.split(",")
    inputs_only = set(b + u) - set(a + c + y)
    outputs_only = set(c + y) - set(a + b + u)
    return "".join(s for s in dict.fromkeys(a + b + u + c + y) if s not in {"t"} | inputs_only | outputs_only)


def state_space(spec, a, b, c, u, d=None, init=None, output="none", reverse=False, read="after"):
    """h_t = a_t h_{t-1} + b_t u_t ;  y_t = out(c_t h_t) + d u_t, products and sums as the einsum-like spec says.

    spec "a,b,c,u->y", 't' is time; an operand without 't' does not vary. `state_letters(spec)` are h's axes, and
    init's and final's: "hn,hn,hn,bth->bth" has the state [H, N, B].
    output: "none", "real" (Re) or "twice_real" (2 Re), applied to c h only.
    read: "after" reads h_t; "before" reads the state that the step at t starts from (h_{t-1}; h_{t+1} in reverse).
    d: multiplies u, broadcasting as NumPy does against y; u must have y's letters, or y's shape (S5).
    Returns (y, final): the state after the last step made (t = L-1, or t = 0 with reverse).
    """
    spec = spec.replace(" ", "")
    operands, ys = spec.split("->")
    letters = operands.split(",")
    hs = state_letters(spec)
    size = {}
    for names, array in zip(letters, (a, b, c, u)):
        size.update(zip(names, np.shape(array), strict=True))
    a, b, c, v, h = _wide(a, b, c, u, 0.0 if init is None else init)
    h = np.broadcast_to(h, [size[s] for s in hs])

    def at(t, which, array):
        names = letters[which]
        return np.take(array, t, axis=names.index("t")) if "t" in names else array

    as_, bs, cs, us = (names.replace("t", "") for names in letters)
    ones = np.ones_like(h)
    y = np.empty([size[s] for s in ys], dtype=h.dtype)
    for t in _times(size["t"], reverse):
        before = h
        h = np.einsum(f"{as_},{hs}->{hs}", at(t, 0, a), before)
        h = h + np.einsum(f"{bs},{us},{hs}->{hs}", at(t, 1, b), at(t, 3, v), ones)
        seen = h if read == "after" else before
        out = np.einsum(f"{cs},{hs}->{ys.replace('t', '')}", at(t, 2, c), seen)
        np.moveaxis(y, ys.index("t"), 0)[t] = out
    y = _project(y, output)
    if d is not None:
        d, signal = _wide(d, u)
        if sorted(letters[3]) == sorted(ys):
            signal = np.einsum(f"{letters[3]}->{ys}", signal)
        y = y + d * signal
    return y, h


# Kernels and convolutions


def materialize_kernel(spec, a, b, c, length, output="none"):
    """K_l = out(sum c a^l b) for l = 0 .. length-1, by repeated multiplication in extended precision.

    spec "a,b,c->k"; the letter of k that no operand has is the lag, as in S4D "hn,hn,hn->hl" or S5 "n,ni,on->oil".
    """
    a, b, c = _extended(a, b, c)
    operands, ks = spec.replace(" ", "").split("->")
    as_, bs, cs = operands.split(",")
    (lag,) = set(ks) - set(operands)
    power, taps = np.ones_like(a), []
    for _ in range(length):
        taps.append(np.einsum(f"{as_},{bs},{cs}->{ks.replace(lag, '')}", power, b, c))
        power = power * a
    return _project(np.stack(taps, axis=ks.index(lag)), output)


def long_conv(u, k, axis=-1, mode="causal"):
    """The direct sum y_t = sum_j k_j u_{t-j} along `axis` of u; y has the length L of u.

    causal: lags j = 0 .. K-1, and u is zero before time 0.
    circular: as causal, but indices t-j are taken modulo L.
    two_sided: k has 2L-1 taps and k[..., L-1+j] weighs lag j = -(L-1) .. L-1 (j > 0 is the past).
    k [..., K] has its taps last; its other axes broadcast against those of u without `axis` (u [B, H, L], k [H, K]).
    """
    u, k = _wide(u, k)
    u = np.moveaxis(u, axis, -1)
    length = u.shape[-1]
    first = {"causal": 0, "circular": 0, "two_sided": -(length - 1)}[mode]
    if mode == "two_sided" and k.shape[-1] != 2 * length - 1:
        raise ValueError(f"two_sided needs 2L-1 = {2 * length - 1} taps, got {k.shape[-1]}")
    y = np.zeros_like(u)
    for t in range(length):
        for tap in range(k.shape[-1]):
            s = t - (first + tap)
            if mode == "circular":
                s %= length
            if 0 <= s < length:
                y[..., t] += k[..., tap] * u[..., s]
    return np.moveaxis(y, -1, axis)


# Scan


def associative_scan(fn, xs, axis=0, reverse=False, exclusive=False, identity=None):
    """The fold out_t = fn(out_{t-1}, x_t), out_0 = x_0, for an associative, not necessarily commutative fn.

    reverse is jax.lax.associative_scan's: the flipped sequence is scanned, so out_t = fn(out_{t+1}, x_t), that is
    fn(fn(x_2, x_1), x_0) - the later element is the left argument (jax issue 29313).
    exclusive: out_t is the fold of the elements before t only (after t, with reverse); the first is `identity`.
    xs: an array, or a tuple of arrays as fn's arguments and result are; identity: a scalar, or a tuple of scalars.
    """
    many = isinstance(xs, tuple)
    leaves = [np.moveaxis(np.asarray(x), axis, 0) for x in (xs if many else (xs,))]
    leaves = [x.astype(np.result_type(np.float64, x)) if x.dtype.kind in "fcV" else x for x in leaves]
    starts = [np.full_like(x[0], i) for x, i in zip(leaves, identity if many else (identity,))] if exclusive else None
    pack = tuple if many else lambda values: values[0]

    def combine(left, right):
        result = fn(pack(left), pack(right))
        return list(result) if many else [result]

    outs = [None] * len(leaves[0])
    total = None
    for t in _times(len(outs), reverse):
        x = [leaf[t] for leaf in leaves]
        before = total
        total = x if before is None else combine(before, x)
        outs[t] = total if not exclusive else starts if before is None else before
    stacked = [np.moveaxis(np.stack(column), 0, axis) for column in zip(*outs)]
    return pack(stacked)


# Fourier transforms, scaled as numpy.fft


def _roots(n):
    """e^{-2 pi i j / n}, j = 0 .. n-1."""
    angle = 2 * PI * np.arange(n, dtype=np.longdouble) / n
    return np.cos(angle) - 1j * np.sin(angle)


def _smallest_factor(n):
    return next((p for p in range(2, int(n**0.5) + 1) if n % p == 0), n)


def _bluestein(x):
    """X_k = c_k sum_j (x_j c_j) conj(c_{k-j}) with c_j = e^{-pi i j^2 / n}, a convolution of power-of-two length."""
    n = x.shape[-1]
    chirp = _roots(2 * n)[np.arange(n) ** 2 % (2 * n)]
    m = 1 << (2 * n - 1).bit_length()
    left = np.zeros(x.shape[:-1] + (m,), dtype=np.clongdouble)
    left[..., :n] = x * chirp
    right = np.zeros(m, dtype=np.clongdouble)
    right[:n] = np.conj(chirp)
    right[m - n + 1 :] = np.conj(chirp[:0:-1])
    product = _split(left) * _split(right)
    return chirp * (np.conj(_split(np.conj(product))) / m)[..., :n]


def _direct(x):
    """X_k = sum_j x_j w^{jk}."""
    j, w = np.arange(x.shape[-1]), _roots(x.shape[-1])
    return np.stack([x @ w[j * k % len(j)] for k in j], axis=-1)


def _split(x):
    """X_k = sum_{r<p} w^{rk} F_r[k mod n/p], with p a factor of n and F_r the transform of x_r, x_{r+p}, ..."""
    n = x.shape[-1]
    if n <= 32:
        return _direct(x)
    p = _smallest_factor(n)
    if p > DIRECT:
        return _bluestein(x)
    k, w = np.arange(n), _roots(n)
    return sum(w[r * k % n] * _split(x[..., r::p])[..., k % (n // p)] for r in range(p))


def fft(x, axis=-1):
    """X_k = sum_j x_j e^{-2 pi i j k / n}, any n, in extended precision."""
    x = np.moveaxis(np.asarray(x).astype(np.clongdouble), axis, -1)
    return np.moveaxis(_direct(x) if x.shape[-1] <= DIRECT else _split(x), -1, axis)


def ifft(x, axis=-1):
    """x_j = (1/n) sum_k X_k e^{2 pi i j k / n}."""
    return np.conj(fft(np.conj(x), axis)) / np.shape(x)[axis]


def rfft(x, axis=-1):
    """The bins k = 0 .. n//2 of `fft` of a real x."""
    n = np.shape(x)[axis]
    return np.take(fft(x, axis), np.arange(n // 2 + 1), axis=axis)


def irfft(x, n=None, axis=-1):
    """The real x_0 .. x_{n-1} whose `rfft` has the given bins: X_{n-k} = conj X_k; n is 2 (bins - 1) by default.

    As in numpy.fft: bins beyond n//2 are dropped, missing ones are zero, and the imaginary parts of bin 0 and (n
    even) bin n/2 are ignored.
    """
    x = np.moveaxis(np.asarray(x).astype(np.clongdouble), axis, -1)
    n = 2 * (x.shape[-1] - 1) if n is None else n
    given = min(n // 2 + 1, x.shape[-1])
    full = np.zeros(x.shape[:-1] + (n,), dtype=np.clongdouble)
    full[..., :given] = x[..., :given]
    for k in range(1, (n + 1) // 2):
        full[..., n - k] = np.conj(full[..., k])
    full[..., 0] = full[..., 0].real
    if n % 2 == 0:
        full[..., n // 2] = full[..., n // 2].real
    return np.moveaxis(ifft(full).real, -1, axis)


# Discretisation of x' = a x + b u with step dt


def discretize(a, b, dt, method, transition="diagonal", lam=0.5):
    """(abar, bbar) with x_t = abar x_{t-1} + bbar u_t; for trapezoid (abar, before, now), see below.

    zoh        abar = e^{dt a}                         bbar = (e^{dt a} - 1)/a b, dt b where a = 0
    bilinear   abar = (1 - dt/2 a)^{-1} (1 + dt/2 a)   bbar = (1 - dt/2 a)^{-1} dt b
    euler      abar = e^{dt a}                         bbar = dt b       (Mamba)
    dirac      abar = e^{dt a}                         bbar = b          (an impulse at each event)
    trapezoid  abar = e^{dt a}                         before = (1-lam) dt abar b, now = lam dt b    (Mamba-3)
               x_t = abar x_{t-1} + before u_{t-1} + now u_t; where b varies, before must be made from b_{t-1}

    diagonal: a, b, dt (and lam) broadcast elementwise. dense (bilinear only): a [..., N, N], b [..., N] or
    [..., N, M], dt [...].
    """
    a, b, dt = _wide(a, b, dt)
    if transition == "dense":
        if method != "bilinear":
            raise ValueError(f"no dense {method}")
        vector = b.ndim == a.ndim - 1
        b = b[..., None] if vector else b
        dt = dt[..., None, None]
        eye = np.eye(a.shape[-1])
        abar = np.linalg.solve(eye - dt / 2 * a, eye + dt / 2 * a)
        bbar = np.linalg.solve(eye - dt / 2 * a, dt * b)
        return abar, bbar[..., 0] if vector else bbar
    z = dt * a
    if method == "zoh":
        safe = np.where(z == 0, 1, z)
        return np.exp(z), np.where(z == 0, 1, np.expm1(safe) / safe) * dt * b
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), dt * b / (1 - z / 2)
    if method == "euler":
        return np.exp(z), dt * b
    if method == "dirac":
        return np.exp(z), np.broadcast_to(b, np.broadcast_shapes(z.shape, b.shape))
    if method == "trapezoid":
        return np.exp(z), (1 - lam) * dt * np.exp(z) * b, lam * dt * b
    raise ValueError(f"unknown method {method}")
