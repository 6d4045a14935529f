"""Mamba-1's selective scan: h = exp(dt A) h + dt B u, y = C h + skip u. The
limit is its exponentials, one for each step, channel and state, in registers."""

import numpy as np
import peers
import programs
from measure import Absent, aligned, error_norm

SHAPES = [(1, 2048, 1536, 16)]  # B, L, D, N
CURVES = [(1, 1 << k, 1536, 16) for k in (6, 7, 8, 9, 10)]
QUICK = [(2, 40, 32, 16)]


def data(B, L, D, N):
    random = np.random.default_rng(0)

    def uniform(low, high, *shape):
        return aligned(random.uniform(low, high, shape))
    A = aligned(-np.arange(1, N + 1) * random.uniform(0.9, 1.1, (D, N)))
    return (uniform(0.001, 0.1, B, L, D), A, uniform(-1, 1, B, L, N), uniform(-1, 1, B, L, N), uniform(-1, 1, D),
            uniform(-1, 1, B, L, D))


def reference(dt, A, B, C, skip, u):
    """The definition in float64."""
    dt, A, B, C, skip, u = (v.astype(np.float64) for v in (dt, A, B, C, skip, u))
    state, y = np.zeros((u.shape[0], *A.shape)), np.empty_like(u)
    for t in range(u.shape[1]):
        state = np.exp(dt[:, t, :, None] * A) * state + (dt[:, t] * u[:, t])[..., None] * B[:, t, None]
        y[:, t] = (state * C[:, t, None]).sum(-1) + skip * u[:, t]
    return y


def by_hand(native, dt, A, B, C, skip, u):
    (batch, L, D), N, y = u.shape, A.shape[1], aligned(np.zeros_like(u))
    if N != 16 or D % 16:
        raise Absent("16 states and a multiple of 16 channels only")
    return native.bind("selective_scan", dt, A, B, C, skip, u, y, batch, L, D, N, result=y)


def measure(bench, B, L, D, N, effort, slow_peers):
    arrays = data(B, L, D, N)
    expected = reference(*arrays)
    race = bench.race(dict(task="selective", shape=[B, L, D, N], layout="btdn", dtype="float32"), effort)

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)

    def ours(threads=None):
        return bench.compiler.compile(programs.selective(B, L, D, N), threads=threads)

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(*arrays), check, strategy=kernel.strategy, compile_s=kernel.compile_s,
                   note=f"workspace {kernel.signature['workspace_bytes'] / 2**20:.1f} MiB")
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(*arrays), check)
    race.enter("C++ by hand", lambda: by_hand(bench.native, *arrays), check)
    race.enter("jax.lax.scan", lambda: peers.jax_selective(*arrays, associative=False), check)
    if slow_peers:
        race.enter("jax.lax.associative_scan", lambda: peers.jax_selective(*arrays, associative=True), check)
        race.enter("torch loop", lambda: peers.torch_selective(*arrays, bench.threads), check)
        race.enter("NumPy loop", lambda: peers.numpy_selective(*arrays), check)
    race.run()
    bound = B * L * D * N / bench.native.rate("exponentials")
    race.add("limit", bound, bound, note="the exponentials, in registers")


def run(bench):
    for shape in QUICK if bench.quick else SHAPES:
        measure(bench, *shape, bench.full, slow_peers=True)
    for shape in [] if bench.quick else CURVES:
        measure(bench, *shape, bench.brief, slow_peers=shape[1] <= 1024)
