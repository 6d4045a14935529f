"""Recurrences of matrix states: S = decay S + k v^T, y = q S, with a decay of each
head (RetNet), of each head and step (Mamba-2, mLSTM) or of each key and step
(gated linear attention, RWKV-6). The limit is three operations a state and step."""

import numpy as np
import peers
import programs
from measure import Absent, aligned, error_norm

SHAPES = [(2, 1024, 4, 64, 64), (1, 2048, 2, 128, 128)]  # B, T, H, K, V
QUICK = [(2, 37, 2, 32, 32)]
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


def run(bench):
    for sizes in QUICK if bench.quick else SHAPES:
        for letters in DECAYS:
            measure(bench, sizes, letters, bench.full)
