"""mlir_ssm.jax.linear_recurrence within jax.jit: the states, and the states and
both gradients, against jax.lax.associative_scan; and a call on a few numbers,
which is all overhead."""

import numpy as np
import peers
from measure import aligned, error_norm
from scan import data, reference

SHAPES = [(4, 4096, 512)]  # B, L, D
QUICK = [(2, 16, 32)]
FEW = (1, 8, 4)


def reference_gradients(a, u, g):
    """Of sum(g * states): l_t = g_t + a_(t+1) l_(t+1) to u, l_t x_(t-1) to a."""
    states = reference(a, u, 1)
    later, before = np.zeros(a.shape), np.zeros(a.shape)
    later[:, :-1], before[:, 1:] = a[:, 1:], states[:, :-1]
    adjoint = reference(later[:, ::-1], g[:, ::-1], 1)[:, ::-1]
    return states, adjoint * before, adjoint


def measure(bench, shape):
    a, u = data(shape, "float32")
    g = aligned(np.random.default_rng(1).uniform(-1, 1, shape))
    states, *gradients = reference_gradients(a, u, g)
    programs = {"ssm": peers.ssm_in_jax, "jax.lax.associative_scan": peers.tree_in_jax}

    def check_all(results):
        return max(error_norm(got, want) for got, want in zip(results, (states, *gradients), strict=True))
    forward = bench.race(dict(task="states under jit", shape=shape, layout="btd", dtype="float32"))
    for name, make in programs.items():
        forward.enter(name, lambda: peers.jitted(make(1), a, u), lambda got: error_norm(got, states))
    forward.run()
    both = bench.race(dict(task="states and gradients under jit", shape=shape, layout="btd", dtype="float32"))
    for name, make in programs.items():
        both.enter(name, lambda: peers.jitted(peers.with_gradients(make(1)), a, u, g), check_all)
    both.run()


def overhead(bench):
    a, u = data(FEW, "float32")
    race = bench.race(dict(task="a call under jit on a few numbers", shape=FEW, layout="btd", dtype="float32"))
    expected = reference(a, u, 1)
    for name, make in {"ssm": peers.ssm_in_jax, "jax.lax.associative_scan": peers.tree_in_jax}.items():
        race.enter(name, lambda: peers.jitted(make(1), a, u), lambda got: error_norm(got, expected))
    race.enter("an addition", lambda: peers.jitted(lambda a, u: a + u, a, u), lambda got: error_norm(got, a + u))
    race.run()


def run(bench):
    for shape in QUICK if bench.quick else SHAPES:
        measure(bench, shape)
    overhead(bench)
