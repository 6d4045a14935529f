"""A causal convolution and one backward in time, y = k * u + h * u, which the
compiler makes one of two sides. "two convolutions" is the same program with the
signal as two arguments, which nothing proves to be one. The limit is that of
one convolution."""

import numpy as np
import peers
import programs
from conv import limit, reference
from measure import aligned, error_norm

SHAPES = [(8, 64, 1024), (4, 64, 4096), (4, 32, 16384), (4, 64, 1000)]
QUICK = [(2, 16, 64), (1, 16, 50)]


def measure(bench, B, H, L, layout):
    random = np.random.default_rng(0)
    rows, *kernels = random.uniform(-1, 1, (B, H, L)), random.uniform(-1, 1, (H, L)), random.uniform(-1, 1, (H, L))
    last = layout == "bth"
    turn = (lambda v: np.swapaxes(v, -1, -2)) if last else (lambda v: v)
    u, k, h = (aligned(turn(x)) for x in (rows, *kernels))
    backward = reference(np.ascontiguousarray(turn(u)[..., ::-1]), turn(h))[..., ::-1]
    expected = turn(reference(turn(u), turn(k)) + backward)
    race = bench.race(dict(task="bidirectional", shape=list(u.shape), layout=layout, dtype="float32"))

    def check(result):
        return error_norm(result[0] if isinstance(result, list) else result, expected)
    for peer, one_signal in (("ssm", True), ("two convolutions", False)):
        text = programs.bidirectional(layout, "th" if last else "ht", {"b": B, "h": H, "t": L}, one_signal)
        kernel = race.compile(lambda: bench.compiler.compile(text))
        if kernel:
            race.enter(peer, lambda: kernel.bind(u, u, k, h), check, strategy=kernel.strategy,
                       compile_s=kernel.compile_s)
    race.enter("jnp.fft", lambda: peers.jax_two_sided(u, k, h, layout.index("t")), check)
    race.run()
    bound, what = limit(bench.native, B, H, L)
    race.add("limit", bound, bound, note=what)


def run(bench):
    for B, H, L in QUICK if bench.quick else SHAPES:
        for layout in ("bht", "bth"):
            measure(bench, B, H, L, layout)
