"""x_t = a_t * x_{t-1} + u_t under each strategy that can compute it."""

import peers
import programs
from measure import error_norm
from scan import data, reference

SHAPES = [(4, 4096, 512), (1, 4096, 1024), (8, 1024, 256), (1, 262144, 4)]
QUICK = [(2, 64, 8)]


def run(bench):
    for B, L, D in QUICK if bench.quick else SHAPES:
        a, u = data((B, L, D), "float32")
        expected = reference(a, u, 1)
        race = bench.race(dict(task="recurrence", shape=[B, L, D], layout="btd", dtype="float32"))

        def check(result):
            return error_norm(result[0] if isinstance(result, list) else result, expected)

        text = programs.recurrence({"a": "btd", "u": "btd"}, {"b": B, "t": L, "d": D}, {}, "btd", "bd")
        for strategy in ("auto", "sequential", "tree_scan"):
            kernel = race.compile(lambda: bench.compiler.compile(text, strategy))
            if kernel:
                race.enter("ssm", lambda: kernel.bind(a, u), check, strategy=strategy, compile_s=kernel.compile_s)
        for name, call in bench.native.triads(a.size).items():
            race.enter(name, lambda: call)
        race.enter("NumPy loop", lambda: peers.numpy_scan(a, u, 1), check)
        race.run()
