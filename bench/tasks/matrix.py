"""Recurrences of matrix states: S = decay S + k v^T, y = q S, with a decay of each
head (RetNet), of each head and step (Mamba-2, mLSTM) or of each key and step
(gated linear attention, RWKV-6). The limit is three operations a state and step.

With updates of rank one, S = diag(w) S + p (q^T S) + k v^T, y = r S: w = 1, q = k
and p = -b k (DeltaNet, whose signal is b v), or decays of each key and step
(RWKV-7, gated delta rules). The limit is five operations."""

import numpy as np
import peers
import programs
from measure import Absent, aligned, error_norm

SHAPES = [(2, 1024, 4, 64, 64), (1, 2048, 2, 128, 128)]  # B, T, H, K, V
QUICK = [(2, 37, 2, 32, 64)]
DECAYS = {"h": "RetNet", "bth": "Mamba-2", "bthk": "gated linear attention"}


def data(B, T, H, K, V, decay):
    random = np.random.default_rng(0)
    sizes = dict(b=B, t=T, h=H, k=K)
    k, q, v = (aligned(random.standard_normal((B, T, H, n)) * n**-0.5) for n in (K, K, V))
    return aligned(random.uniform(0.9, 0.999, [sizes[d] for d in decay])), k, q, v


def whole(decay, k):
    """The decay of each key and step."""
    shape = decay.shape if decay.ndim == 4 else [1] * (3 - decay.ndim) + [*decay.shape, 1]
    return aligned(np.broadcast_to(decay.reshape(shape), k.shape))


def reference(decay, k, q, v):
    """The definition in float64."""
    decay, k, q, v = (x.astype(np.float64) for x in (whole(decay, k), k, q, v))
    S, y = np.zeros((*k[:, 0].shape, v.shape[-1])), np.empty_like(v)
    for t in range(k.shape[1]):
        S = decay[:, t, ..., None] * S + k[:, t, ..., None] * v[:, t, :, None]
        y[:, t] = (q[:, t, :, None] @ S)[:, :, 0]
    return y


def by_hand(native, decay, k, q, v):
    y = aligned(np.zeros_like(v))
    B, T, H, K = k.shape
    if v.shape[-1] % 16:
        raise Absent("values in whole vectors only")
    return native.bind("matrix_states", whole(decay, k), k, q, v, y, B, T, H, K, v.shape[-1], result=y)


def measure(bench, sizes, letters, effort):
    B, T, H, K, V = sizes
    decay, k, q, v = data(*sizes, letters)
    race = bench.race(dict(task=f"matrix states, {DECAYS[letters]}", shape=list(sizes), layout="bthkv",
                           dtype="float32"), effort)
    if not race.active:
        return
    expected = reference(decay, k, q, v)

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)

    def ours(threads=None):
        operands = dict(a=letters, u="bthv", b="bthk", c="bthk")
        return bench.compiler.compile(programs.recurrence(operands, dict(zip("bthkv", sizes)), {}, "bthv", "bhkv"),
                                      threads=threads)

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(decay, v, k, q), check, strategy=kernel.strategy,
                   compile_s=kernel.compile_s)
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(decay, v, k, q), check)
    race.enter("C++ by hand", lambda: by_hand(bench.native, decay, k, q, v), check)
    race.enter("jax.lax.scan", lambda: peers.jax_matrix_states(decay, k, q, v), check)
    race.enter("jax in chunks", lambda: peers.jax_matrix_chunks(decay, k, q, v), check)
    race.enter("torch scripted loop", lambda: peers.torch_matrix_states(whole(decay, k), k, q, v, bench.threads), check)
    race.run()
    bound = 3 * B * T * H * K * V / bench.native.rate("multiply_adds")
    race.add("limit", bound, bound, note="two multiply-adds and a product of a state and step, in registers")


UPDATES = {"k": "DeltaNet", "bthk": "RWKV-7"}  # By the dimensions of w.


def updates(B, T, H, K, V, letters):
    """w, p, q, k, r, v."""
    random = np.random.default_rng(1)
    k, r, v = (random.standard_normal((B, T, H, n)) for n in (K, K, V))
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    b = random.uniform(0, 1, (B, T, H, 1))
    w = np.ones(K) if letters == "k" else random.uniform(0.9, 0.999, (B, T, H, K))
    return tuple(aligned(x) for x in (w, -b * k, k, k, r * K**-0.5, b * v * V**-0.5))


def updates_reference(w, p, q, k, r, v):
    """The definition in float64."""
    w, p, q, k, r, v = (x.astype(np.float64) for x in (np.broadcast_to(w, k.shape), p, q, k, r, v))
    S, y = np.zeros((*k[:, 0].shape, v.shape[-1])), np.empty_like(v)
    for t in range(k.shape[1]):
        s = q[:, t, :, None, :] @ S
        S = w[:, t, ..., None] * S + p[:, t, ..., None] * s + k[:, t, ..., None] * v[:, t, :, None]
        y[:, t] = (r[:, t, :, None] @ S)[:, :, 0]
    return y


def updates_by_hand(native, w, p, q, k, r, v):
    y = aligned(np.zeros_like(v))
    B, T, H, K = k.shape
    if v.shape[-1] % 64:
        raise Absent("values in four whole vectors only")
    return native.bind("matrix_updates", aligned(np.broadcast_to(w, k.shape)), p, q, k, r, v, y, B, T, H, K, v.shape[-1],
                       result=y)


def measure_updates(bench, sizes, letters, effort):
    B, T, H, K, V = sizes
    w, p, q, k, r, v = data = updates(*sizes, letters)
    race = bench.race(dict(task=f"matrix states, {UPDATES[letters]}", shape=list(sizes), layout="bthkv",
                           dtype="float32"), effort)
    if not race.active:
        return
    expected = updates_reference(*data)

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)

    def ours(threads=None):
        operands = dict(a=letters, u="bthv", b="bthk", c="bthk", p="bthk", q="bthk")
        return bench.compiler.compile(programs.recurrence(operands, dict(zip("bthkv", sizes)), {}, "bthv", "bhkv"),
                                      threads=threads)

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(w, v, k, r, p, q), check, strategy=kernel.strategy,
                   compile_s=kernel.compile_s)
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(w, v, k, r, p, q), check)
    race.enter("C++ by hand", lambda: updates_by_hand(bench.native, *data), check)
    race.enter("jax.lax.scan", lambda: peers.jax_matrix_updates(np.broadcast_to(w, k.shape), p, q, k, r, v), check)
    race.run()
    bound = 5 * B * T * H * K * V / bench.native.rate("multiply_adds")
    race.add("limit", bound, bound, note="four multiply-adds and a product of a state and step, in registers")


def run(bench):
    for sizes in QUICK if bench.quick else SHAPES:
        for letters in DECAYS:
            measure(bench, sizes, letters, bench.full)
        for letters in UPDATES:
            measure_updates(bench, sizes, letters, bench.full)
