"""One step of a model with explicit states, as --ssm-derive-step makes it: S4D
with N complex states a channel (of conjugate pairs of which one half is
stored), and Mamba-1. A call takes the state in one array and returns it in
another. The limit is the greater of the traffic (parameters, signals and state
read once from the caches, the state written) and, of Mamba-1, its exponentials
in registers. One step after another, with the state fed back, shows whether
their time depends on the position."""

import statistics
import time

import numpy as np
import peers
import programs
import selective
from measure import Absent, Effort, aligned, error_norm, seconds

S4D = [(1024, 64), (1024, 32)]  # H, N
MAMBA = [(1536, 16)]  # D, N
QUICK = [(16, 8)]


def s4d(H, N):
    """The program of a sequence, the arrays of a step, its exact results and JAX's program."""
    random = np.random.default_rng(0)
    dt = 10 ** random.uniform(-3, -1, (H, 1))
    a = aligned(np.exp(dt * (-0.5 + 1j * np.pi * np.arange(N))), np.complex64)
    b, c = (aligned(random.uniform(-1, 1, (H, N)) + 1j * random.uniform(-1, 1, (H, N)), np.complex64) for _ in range(2))
    state = aligned(random.uniform(-1, 1, (1, H, N)) + 1j * random.uniform(-1, 1, (1, H, N)), np.complex64)
    u = aligned(random.uniform(-1, 1, (1, 1, H)))
    text = programs.recurrence({"a": "hn", "u": "bth", "b": "hn", "c": "hn"}, {"b": 1, "t": 8, "h": H, "n": N},
                               dict.fromkeys("abc", "complex64"), "bth", "bhn", "twice_real")
    wide = [x.astype(complex) for x in (a, u, b, c, state)]
    after = wide[0] * wide[4] + wide[2] * wide[1][:, 0, :, None]
    exact = [2 * (wide[3] * after).sum(-1).real[:, None], after]
    return text, (a, u, b, c, state), exact, peers.jax_s4d_step


def mamba(D, N):
    arrays = selective.data(1, 1, D, N)
    state = aligned(np.random.default_rng(1).uniform(-1, 1, (1, D, N)))
    dt, A, B, C, skip, u, x = (v.astype(float) for v in (*arrays, state))
    after = np.exp(dt[:, 0, :, None] * A) * x + (dt * u)[:, 0, :, None] * B
    exact = [((after * C).sum(-1) + skip * u[:, 0])[:, None], after]
    return programs.selective(1, 8, D, N), (*arrays, state), exact, peers.jax_selective_step


def by_hand(native, model, arrays, exact, channels, N):
    """One sample of the C++ that does nothing where lanes are not filled."""
    y, after = (aligned(np.full(x.shape, np.nan), np.complex64 if np.iscomplexobj(x) else np.float32) for x in exact)
    call = native.bind("mamba_step" if model == "Mamba-1" else "s4d_step", *arrays, y, after, channels, N, result=[y, after])
    call()
    if np.isnan(y).any():
        raise Absent("states that fill vectors only")
    return call


def limit(native, arrays, exponentials):
    """Seconds that a bound says, and which it is."""
    # A triad moves three words an element.
    words = (sum(x.nbytes for x in arrays) + arrays[-1].nbytes) // 4
    triads = native.triads(words // 3).values()
    traffic = min(seconds(triad, 20) for triad in triads for _ in range(20))
    return max((traffic, f"{words * 4 / 2**20:.2f} MiB through the caches"),
               (exponentials / native.rate("exponentials"), "the exponentials, in registers"))


def measure(bench, model, make, channels, N, dtype):
    text, arrays, exact, by_jax = make(channels, N)
    # Longer samples: a race must take a while to tell what others do meanwhile.
    effort = bench.full if bench.quick else Effort(sample=5e-3, pause=bench.full.pause)
    race = bench.race(dict(task=f"step of {model}", shape=[channels, N], layout="hn", dtype=dtype), effort)

    def check(results):
        return max(error_norm(np.asarray(got), want) for got, want in zip(results, exact, strict=True))
    kernel = race.compile(lambda: bench.compiler.compile(bench.compiler.derive_step(text), entry="f_step"))
    if kernel:
        race.enter("ssm", lambda: kernel.bind(*arrays), check, strategy=kernel.strategy, compile_s=kernel.compile_s)
    race.enter("C++ by hand", lambda: by_hand(bench.native, model, arrays, exact, channels, N), check)
    race.enter("jax.jit", lambda: by_jax(*arrays), check)
    race.run()
    bound, what = limit(bench.native, arrays, channels * N if model == "Mamba-1" else 0)
    race.add("limit", bound, bound, note=what)


def positions(bench, model, make, channels, N, dtype):
    """A record for the steps 1, 2 to 3, 4 to 7, ...: their own times, each step on the state of the one before."""
    text, (*inputs, state), _, _ = make(channels, N)
    kernel = bench.compiler.compile(bench.compiler.derive_step(text), entry="f_step")
    there = kernel.bind(*inputs, state)
    result, after = there.outputs
    steps = there, kernel.bind(*inputs, after, outputs=[result, state])
    times = []
    for position in range(2**10 if bench.quick else 2**17):
        start = time.perf_counter()
        steps[position % 2]()
        times.append(time.perf_counter() - start)
    for first in (2**k for k in range(len(times).bit_length() - 1)):
        window = times[first - 1 : 2 * first - 1]
        task = dict(task=f"step of {model} by position", shape=[first, channels, N], layout="thn", dtype=dtype)
        bench.race(task).add("ssm", min(window), statistics.median(window), strategy=kernel.strategy)


def run(bench):
    for shape in QUICK if bench.quick else S4D:
        measure(bench, "S4D", s4d, *shape, "complex64")
        positions(bench, "S4D", s4d, *shape, "complex64")
    for shape in QUICK if bench.quick else MAMBA:
        measure(bench, "Mamba-1", mamba, *shape, "float32")
        positions(bench, "Mamba-1", mamba, *shape, "float32")
