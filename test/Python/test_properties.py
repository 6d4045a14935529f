"""Any shape, dtype, layout and broadcast, against the oracles of test/reference."""

import numpy as np
import pytest
from arrays import DTYPES, Maker, check, is_complex, part, with_part
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reference import ops

import mlir_ssm as ssm

LENGTHS = (0, 1, 2, 5, 33, 70)
STRATEGIES = ("auto", "sequential", "tree_scan")


def state_dtype(*operands):
    """At least 32 bits, complex if an operand is."""
    dtype = np.dtype(np.float64) if part(operands[0].dtype) == np.float64 else np.dtype(np.float32)
    return np.result_type(dtype, np.complex64) if any(is_complex(x.dtype) for x in operands) else dtype


def wide(x):
    return np.asarray(x).astype(np.clongdouble if is_complex(x.dtype) else np.longdouble)


def broadcastable(m, shape):
    """A shape that broadcasts against `shape`."""
    kept = [n if m.pick(True, True, False) else 1 for n in shape]
    return kept[m.pick(*range(len(shape) + 1)):]


def result_dtype(x, *operands):
    """The dtype of the output beside operands that may be complex."""
    return np.result_type(x.dtype, np.complex64) if any(is_complex(o.dtype) for o in operands) else x.dtype


def linear_recurrence(m):
    dtype = m.pick(*DTYPES)
    axis = m.pick(0, 1, 2, -1, -2)
    shape = [m.pick(1, 2, 5, 19) for _ in range(m.pick(*range(max(axis + 1, -axis), 4)))]
    shape[axis] = m.pick(*LENGTHS)
    x = m.normal(shape, m.pick(*with_part(dtype)))
    a = m.decaying(broadcastable(m, shape), m.pick(*with_part(dtype)))
    state_shape = np.delete(shape, axis)
    operands, init = [a, x], None
    if m.pick(True, False):
        init = m.normal(broadcastable(m, state_shape), m.pick(*with_part(dtype)))
        operands.append(init)
    reverse = m.pick(True, False)
    states, final = ssm.linear_recurrence(a, x, init=init, axis=axis, reverse=reverse, strategy=m.pick(*STRATEGIES),
                                          numerics=m.pick("norm", "strict"))
    want, last = ops.linear_recurrence(wide(a), wide(x), 0.0 if init is None else wide(init), axis % len(shape), reverse)
    check(states, want, result_dtype(x, *operands))
    largest = np.abs(want).max(axis, initial=0) + (0 if init is None else np.abs(wide(init)))
    check(final, last, state_dtype(*operands), scale=np.broadcast_to(largest, state_shape), slack=2)


def mixing(m):
    dtype = m.pick(*DTYPES)
    batch, length, n = m.pick(1, 3), m.pick(*LENGTHS), m.pick(1, 2, 5)
    x = m.normal([batch, length, n], dtype)
    outer = [[], [length], [batch, length]]
    init = m.normal([batch, n], dtype) if m.pick(True, False) else None
    keywords = dict(init=init, reverse=m.pick(True, False), strategy=m.pick(*STRATEGIES))
    start = 0.0 if init is None else wide(init)
    if m.pick(True, False):
        a = m.normal([*m.pick(*outer), n, n], dtype)
        a = m.layout((a / max(2, np.abs(a).astype(float).sum(-1).max(initial=0) * 1.2)).astype(dtype))
        states, _ = ssm.linear_recurrence(a, x, transition="dense", **keywords)
        want, _ = ops.dense_recurrence(wide(a), wide(x), start, keywords["reverse"])
    else:
        which, rank = m.pick(*outer), m.pick((), (1,), (2,))
        w = m.decaying([*which, n], dtype, 0.5)
        p, q = (m.layout((m.normal([*which, n, *rank], dtype) * 0.2 / n).astype(dtype)) for _ in "pq")
        states, _ = ssm.linear_recurrence((w, p, q), x, transition="dplr", **keywords)
        want, _ = ops.dplr_recurrence(wide(w), wide(p), wide(q), wide(x), start, keywords["reverse"], bool(rank))
    check(states, want, x.dtype, scale=np.abs(want) + np.abs(wide(x)) if init is not None else None, slack=2)


SPECS = ["hn,hn,hn,bth->bth", "n,ni,on,bti->bto", "bthn,bthn,btn,bth->bth", "bth,btn,btn,bthp->bthp",
         "bthk,bthk,bthk,bthv->bthv", "h,bth,th,tbh->bht", "n,n,n,t->t", "tn,n,tn,t->t"]


def state_space(m):
    spec = m.pick(*SPECS)
    *letters, y = spec.replace("->", ",").split(",")
    sizes = {k: m.pick(1, 2, 3, 4) for k in set("".join(letters) + y)}
    sizes["t"] = m.pick(*LENGTHS)
    if "o" in sizes:
        sizes["o"] = sizes["i"]
    dtype = m.pick(*DTYPES)
    a = m.decaying([sizes[k] for k in letters[0]], m.pick(*with_part(dtype)))
    b, c, u = (m.normal([sizes[k] for k in word], m.pick(*with_part(dtype))) for word in letters[1:])
    state = ops.state_letters(spec)
    init = m.normal([sizes[k] for k in state], m.pick(*with_part(dtype))) if m.pick(True, False) else None
    starts = [a, b, u] + ([] if init is None else [init])
    output = m.pick("none", "real", "twice_real") if any(is_complex(x.dtype) for x in [*starts, c]) else "none"
    y_dtype = result_dtype(np.zeros(0, part(dtype)), *starts, c) if output == "none" else part(dtype)
    d = None
    if (output == "none" and is_complex(y_dtype)) or not is_complex(u.dtype):
        d = m.pick(None, m.normal(broadcastable(m, [sizes[k] for k in y]), part(dtype)))
    read = m.pick("after", "before")
    kernel = spec in ("hn,hn,hn,bth->bth", "n,n,n,t->t") and read == "after"
    strategy = m.pick(*STRATEGIES, *(("fft_conv", "direct_conv") if kernel else ()))
    reverse = m.pick(True, False)
    got, final = ssm.state_space(spec, a, b, c, u, d, init=init, output=output, reverse=reverse, read=read,
                                 strategy=strategy)
    start = 0.0 if init is None else wide(init)
    want, last = ops.state_space(spec, wide(a), wide(b), wide(c), wide(u), None if d is None else wide(d), start,
                                 output, reverse, read)
    # Sums may cancel: the error is relative to what they sum.
    terms, size = ops.state_space(spec, *(np.abs(wide(x)) for x in (a, b, c, u)),
                                  None if d is None else np.abs(wide(d)), np.abs(start), "none", reverse, read)
    check(got, want, y_dtype, scale=2 * terms)
    # What B sums is stored in the dtype of u, like any signal.
    check(final, last, state_dtype(*starts), scale=size, bar=u.dtype if "i" in sizes else None)


def materialize_kernel(m):
    spec = m.pick("hn,hn,hn->hl", "n,n,n->l", "n,ni,on->oil", "hn,n,hn->lh")
    *letters, _ = spec.replace("->", ",").split(",")
    sizes = {k: m.pick(1, 2, 5) for k in "hnio"}
    dtype = m.pick(*DTYPES)
    a, b, c = (make([sizes[k] for k in word], m.pick(*with_part(dtype)))
               for make, word in zip((m.decaying, m.normal, m.normal), letters))
    any_complex = any(is_complex(x.dtype) for x in (a, b, c))
    output = m.pick("none", "real", "twice_real") if any_complex else "none"
    length = m.pick(1, 2, 17, 64)
    got = ssm.materialize_kernel(spec, a, b, c, length, output=output)
    want = ops.materialize_kernel(spec, wide(a), wide(b), wide(c), length, output)
    terms = ops.materialize_kernel(spec, *(np.abs(wide(x)) for x in (a, b, c)), length)
    check(got, want, result_dtype(np.zeros(0, part(dtype)), a, b, c) if output == "none" else part(dtype),
          scale=2 * terms)


def long_conv(m):
    dtype = m.pick(*[d for d in DTYPES if part(d).itemsize > 2])
    axis = m.pick(-1, 0, 1)
    shape = [m.pick(1, 2, 3) for _ in range(m.pick(*range(axis + 1 if axis >= 0 else 1, 4)))]
    length = shape[axis] = m.pick(1, 2, 5, 33, 64)
    mode = m.pick("causal", "two_sided", "circular")
    taps = {"causal": m.pick(1, 2, length, length + 3), "two_sided": 2 * length - 1,
            "circular": m.pick(1, length)}[mode]
    u = m.normal(shape, m.pick(*with_part(dtype)))
    k = m.normal([*broadcastable(m, np.delete(shape, axis).tolist()), taps], m.pick(*with_part(dtype)))
    got = ssm.long_conv(u, k, axis=axis, mode=mode, strategy=m.pick("auto", "direct_conv", "fft_conv"))
    want = ops.long_conv(wide(u), wide(k), axis, mode)
    terms = ops.long_conv(np.abs(wide(u)), np.abs(wide(k)), axis, mode)
    check(got, want, result_dtype(u, u, k), scale=terms)


def affine(left, right):
    return right[0] * left[0], right[0] * left[1] + right[1]


def log_sum_exp(left, right):
    most = ssm.maximum(left[0], right[0])
    return (most + ssm.log(ssm.exp(left[0] - most) + ssm.exp(right[0] - most)),)


def last_reset(left, right):
    """A sum that starts again wherever the second element is positive."""
    return ssm.where(right[1] > 0, right[0], left[0] + right[0]), ssm.maximum(left[1], right[1])


COMBINERS = {"sum": (lambda l, r: (l[0] + r[0],), 1), "affine": (affine, 2), "log_sum_exp": (log_sum_exp, 1),
             "minimum": (lambda l, r: (ssm.minimum(l[0], r[0]),), 1), "last_reset": (last_reset, 2)}


def associative_scan(m):
    name = m.pick(*COMBINERS)
    fn, count = COMBINERS[name]
    dtype = m.pick(*[d for d in DTYPES if part(d).itemsize > 2 and not (is_complex(d) and name not in ("sum", "affine"))])
    axis = m.pick(0, 1, -1)
    shape = [m.pick(1, 2, 7) for _ in range(m.pick(*range(axis + 1 if axis >= 0 else 1, 4)))]
    shape[axis] = m.pick(*LENGTHS[1:])
    xs = tuple(m.decaying(shape, dtype) if name == "affine" and i == 0 else m.normal(shape, dtype)
               for i in range(count))
    exclusive = name in ("sum", "affine") and m.pick(True, False)
    identity = {"sum": (0,), "affine": (1, 0)}[name] if exclusive else None
    reverse = m.pick(True, False)
    got = ssm.associative_scan(fn, xs, axis=axis, reverse=reverse, exclusive=exclusive, identity=identity,
                               strategy=m.pick(*STRATEGIES))
    want = ops.associative_scan(fn, tuple(map(wide, xs)), axis, reverse, exclusive, identity)
    for y, w in zip(got, want, strict=True):
        check(y, w, dtype, scale=np.cumsum(np.abs(xs[-1]), axis) + np.abs(w), slack=2)


def fourier(m):
    dtype = m.pick(*[np.dtype(d) for d in ("f4", "f8", "c8", "c16")])
    axis = m.pick(-1, 0)
    shape = [m.pick(1, 2, 3) for _ in range(m.pick(1, 2))]
    n = shape[axis] = m.pick(1, 2, 3, 4, 5, 7, 12, 31, 64)
    x = m.normal(shape, dtype)
    to = np.result_type(dtype, np.complex64)
    check(ssm.fft(x, axis), ops.fft(x, axis), to)
    check(ssm.ifft(x, axis), ops.ifft(x, axis), to)
    if is_complex(dtype):
        points = m.pick(None, n, 2 * n - 1, max(n - 3, 1)) if n > 1 else m.pick(1, 4)
        check(ssm.irfft(x, points, axis), ops.irfft(x, points, axis), part(dtype),
              scale=np.abs(ops.irfft(np.abs(x), points, axis)).sum() + np.abs(x).sum() / n)
    else:
        check(ssm.rfft(x, axis), ops.rfft(x, axis), to)


def discretize(m):
    dtype = m.pick(*DTYPES)
    shape = [m.pick(1, 3, 4) for _ in range(m.pick(0, 1, 2, 3))]
    a = -np.abs(m.normal(broadcastable(m, shape), part(dtype)))
    if is_complex(dtype):
        a = a + 1j * m.normal(a.shape, part(dtype))
    a = m.layout(np.asarray(a).astype(dtype))
    if a.size and m.pick(True, False):
        a = a.copy()
        a[...] = 0
    b = m.normal(broadcastable(m, shape), m.pick(*with_part(dtype)))
    dt = m.pick(0.05, np.asarray(m.rng.uniform(0.001, 0.1, broadcastable(m, shape))).astype(part(dtype)))
    method = m.pick("zoh", "bilinear", "euler", "trapezoid")
    abar, bbar = ssm.discretize(a, b, dt, method=method)
    step = np.asarray(dt, part(dtype)) if isinstance(dt, float) else dt
    wanted = ops.discretize(wide(a), wide(b), wide(step), method)
    check(abar, wanted[0], dtype)
    for got, want, operands in zip(bbar if method == "trapezoid" else [bbar], wanted[1:],
                                   {"euler": [[b]], "trapezoid": [[a, b], [b]]}.get(method, [[a, b]]), strict=True):
        check(got, want, result_dtype(np.zeros(0, part(dtype)), *operands), slack=2)


# Cases of each in `make check`: 500 in all. The slow run has twenty times as many.
PROPERTIES = {linear_recurrence: 90, mixing: 60, state_space: 90, materialize_kernel: 40, long_conv: 60,
              associative_scan: 60, fourier: 50, discretize: 50}


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("property", PROPERTIES, ids=lambda p: p.__name__)
def test_property(property, times):
    # Shrinking a failure would compile hundreds of programs.
    @settings(max_examples=PROPERTIES[property] * times, deadline=None, derandomize=times == 1, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data):
        property(Maker(data))
    run()
