"""x_t = a_t * x_{t-1} + u_t, all states kept: real and complex, in both
layouts, and one channel. The limit is a triad: two arrays read, one written."""

import numpy as np
import peers
import programs
from measure import Absent, aligned, error_norm

# B, L, D, layout, dtype
SHAPES = [(1, 1024, 1024, "btd", "float32"), (4, 4096, 512, "btd", "float32"), (1, 65536, 64, "btd", "float32"),
          (8, 16384, 64, "btd", "float32"), (1, 1024, 1024, "bdt", "float32"), (4, 4096, 512, "bdt", "float32"),
          (1, 65536, 64, "bdt", "float32"), (8, 16384, 64, "bdt", "float32"), (1, 1 << 20, 1, "bdt", "float32"),
          (4, 4096, 512, "btd", "complex64")]
CURVES = [(1, 1 << k, 64, "btd", "float32") for k in range(8, 19, 2)] + \
         [(1, 1 << k, 1, "bdt", "float32") for k in range(8, 21, 2)]
QUICK = [(2, 64, 32, "btd", "float32"), (2, 48, 32, "bdt", "float32"), (1, 4096, 1, "bdt", "float32"),
         (1, 16, 32, "btd", "complex64")]


def data(shape, dtype):
    random = np.random.default_rng(0)
    a, u = random.uniform(0.5, 1, shape), random.uniform(-1, 1, shape)
    if dtype == "complex64":
        a = a * np.exp(1j * random.uniform(-3, 3, shape))
        u = u + 1j * random.uniform(-1, 1, shape)
    return aligned(a, dtype), aligned(u, dtype)


def reference(a, u, axis):
    """The definition in float64."""
    wide = np.complex128 if np.iscomplexobj(u) else np.float64
    a, u = (np.moveaxis(v, axis, 0).astype(wide) for v in (a, u))
    states = np.empty_like(u)
    if u[0].size == 1:  # scalars are faster than arrays of one element
        state, rows = 0.0, []
        for at, ut in zip(a.ravel().tolist(), u.ravel().tolist()):
            rows.append(state := at * state + ut)
        states[...] = np.reshape(rows, u.shape)
    else:
        state = np.zeros_like(u[0])
        for t in range(len(u)):
            states[t] = state = a[t] * state + u[t]
    return np.moveaxis(states, 0, axis)


def by_hand(native, a, u, layout, dtype, streaming):
    B, L, D = (a.shape[layout.index(d)] for d in "btd")
    row = (L if layout == "bdt" else D) * (2 if dtype == "complex64" else 1)
    if streaming and row % 16 or dtype == "complex64" and (layout == "bdt" or row % 16):
        raise Absent("rows of 64 bytes only, complex numbers channel-last only")
    x = aligned(np.zeros_like(a), dtype)
    name = "scan_first" if layout == "bdt" else "scan_complex_last" if dtype == "complex64" else "scan_last"
    sizes = (B * D, L) if layout == "bdt" else (B, L, D)
    return native.bind(name + ("_streaming" if streaming else ""), a, u, x, *sizes, result=x)


def measure(bench, B, L, D, layout, dtype, effort, slow_peers):
    sizes = {"b": B, "t": L, "d": D}
    shape, axis = [sizes[d] for d in layout], layout.index("t")
    a, u = data(shape, dtype)
    expected = reference(a, u, axis)
    race = bench.race(dict(task="scan", shape=shape, layout=layout, dtype=dtype), effort)

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)

    def ours(threads=None):
        letters = {"a": layout, "u": layout}
        text = programs.recurrence(letters, sizes, dict.fromkeys(letters, dtype), layout, "bd")
        return bench.compiler.compile(text, threads=threads)

    kernel = race.compile(ours)
    if kernel:
        race.enter("ssm", lambda: kernel.bind(a, u), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
    if kernel and bench.threads > 1:
        race.enter("ssm on 1 thread", lambda: ours(1).bind(a, u), check)
    floats = a.size * (2 if dtype == "complex64" else 1)
    for name, call in bench.native.triads(floats).items():
        race.enter(name, lambda: call)
    race.enter("C++ by hand", lambda: by_hand(bench.native, a, u, layout, dtype, False), check)
    race.enter("C++ by hand, streaming", lambda: by_hand(bench.native, a, u, layout, dtype, True), check)
    race.enter("jax.lax.associative_scan", lambda: peers.jax_associative_scan(a, u, axis), check)
    race.enter("jax.lax.scan", lambda: peers.jax_scan(a, u, axis), check)
    if slow_peers:
        race.enter("NumPy loop", lambda: peers.numpy_scan(a, u, axis), check)
        race.enter("torch loop", lambda: peers.torch_scan(a, u, axis, bench.threads), check)
        race.enter("torch scripted loop", lambda: peers.torch_scripted(a, u, axis, bench.threads), check)
        race.enter("mlir_ssm.torch", lambda: peers.torch_ssm(a, u, axis, bench.threads), check)
    race.run()


def run(bench):
    for B, L, D, layout, dtype in QUICK if bench.quick else SHAPES:
        measure(bench, B, L, D, layout, dtype, bench.full, slow_peers=L <= 16384)
    for B, L, D, layout, dtype in [] if bench.quick else CURVES:
        if (B, L, D, layout, dtype) not in SHAPES:
            measure(bench, B, L, D, layout, dtype, bench.brief, slow_peers=False)
