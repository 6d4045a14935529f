"""K[h, l] = 2 Re sum_n c[h, n] a[h, n]^l b[h, n] for l < L, a kernel of S4D.
Ours and the C++ by hand take a; the programs that exponentiate take log a, and
each is compared with float64 on what it takes. The limit is the matrix form's
arithmetic, two fused multiply-adds for each n and l."""

import numpy as np
import peers
import programs
from measure import aligned, error_norm

SHAPES = [(256, 32, 4096), (256, 32, 16384)]
CURVES = [(256, 32, 1 << k) for k in (8, 10, 11, 13)]
QUICK = [(4, 8, 96)]
CHECKED = 16  # every so many channels is compared


def data(H, N):
    random = np.random.default_rng(0)
    dt = 10 ** random.uniform(-3, -1, (H, 1))
    log_a = dt * (-0.5 + 1j * np.pi * np.arange(N))
    b, c = (random.uniform(-0.5, 0.5, (H, N)) + 1j * random.uniform(-0.5, 0.5, (H, N)) for _ in range(2))
    return aligned(np.exp(log_a), np.complex64), aligned(log_a, np.complex64), *(aligned(v, np.complex64) for v in (b, c))


def reference(log_a, w, L):
    """In float64, of some channels."""
    rows = [2 * (w[h] @ np.exp(np.outer(log_a[h], np.arange(L)))).real for h in range(0, len(w), CHECKED)]
    return np.stack(rows)


def measure(bench, H, N, L, effort, slow_peers):
    a, log_a, b, c = data(H, N)
    w = b.astype(np.complex128) * c
    of_a = reference(np.log(a.astype(np.complex128)), w, L)
    of_log = reference(log_a.astype(np.complex128), w, L)
    w = aligned(w, np.complex64)
    race = bench.race(dict(task="kernel", shape=[H, N, L], layout="hnt", dtype="complex64"), effort)

    def check(result):
        return error_norm((result[0] if isinstance(result, list) else result)[::CHECKED], of_a)

    def check_log(result):
        return error_norm(np.asarray(result)[::CHECKED], of_log)

    def ours(threads=None):
        return bench.compiler.compile(programs.kernel(H, N, L), threads=threads)

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(a, b, c), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(a, b, c), check)
    K = aligned(np.zeros((H, L)))
    race.enter("C++ by hand", lambda: bench.native.bind("vandermonde", a, w, K, H, N, L, result=K), check)
    if slow_peers:
        race.enter("jax exponentials", lambda: peers.jax_vandermonde(log_a, w, L), check_log)
        race.enter("torch exponentials", lambda: peers.torch_vandermonde(log_a, w, L, bench.threads), check_log)
        race.enter("NumPy exponentials", lambda: peers.numpy_vandermonde(log_a, w, L), check_log)
    race.run()
    bound = 2 * H * N * L / bench.native.rate("multiply_adds")
    race.add("limit", bound, bound, note="two fused multiply-adds for each n and l at peak rate")


def run(bench):
    for H, N, L in QUICK if bench.quick else SHAPES:
        measure(bench, H, N, L, bench.full, slow_peers=True)
    for H, N, L in [] if bench.quick else CURVES:
        measure(bench, H, N, L, bench.brief, slow_peers=L <= 2048)
