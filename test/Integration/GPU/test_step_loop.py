"""Loops over time that no scan is: a thread for each element of the states, against NumPy in float64."""

import numpy as np
import pytest
from emulator import emulate
from harness import DTYPES


def program(steps, shape, time, dtype="f32", returned="%y"):
    """h = tanh(a h + u), m = max(m w, h) + u; y = h m of each step, with time at this place of y and u, and both states.

    a has the last dimension alone; u and what is returned are computed from more.
    """
    whole = [*shape[:time], steps, *shape[time:]]
    kind = lambda sizes: f"tensor<{''.join(f'{n}x' for n in sizes)}{dtype}>"
    state, signal, line = kind(shape), kind(whole), kind(shape[-1:])
    dims = [f"d{i}" for i in range(len(shape))]
    own = f"affine_map<({', '.join(dims)}) -> ({', '.join(dims)})>"
    last = f"affine_map<({', '.join(dims)}) -> ({dims[-1]})>"
    all_parallel = ", ".join(['"parallel"'] * len(dims))
    at = ", ".join(["0"] * time + ["%t"] + ["0"] * (len(shape) - time))
    sizes = ", ".join(map(str, [*shape[:time], 1, *shape[time:]]))
    ones = ", ".join(["1"] * len(whole))
    types = {"%y": signal, "%twice": signal, "%last": state}
    def generic(name, maps, inputs, body):
        args = ", ".join(f"%{x}: {dtype}" for x in "pqr"[: len(inputs)])
        return f"""{name} = linalg.generic {{indexing_maps = [{', '.join([*maps, own])}], iterator_types = [{all_parallel}]}}
        ins({', '.join(n for n, _ in inputs)} : {', '.join(t for _, t in inputs)}) outs(%e : {state}) {{
      ^bb0({args}, %o: {dtype}):
        {body}
        linalg.yield %v : {dtype}
      }} -> {state}"""
    return f"""func.func @f(%a: {line}, %u: {signal}, %h0: {state}) -> ({', '.join(types[r] for r in returned.split(', '))}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant {steps} : index
  %e = tensor.empty() : {state}
  %empty = tensor.empty() : {signal}
  %u2 = arith.addf %u, %u : {signal}
  %last, %m_last, %y = scf.for %t = %c0 to %n step %c1 iter_args(%h = %h0, %m = %h0, %ys = %empty) -> ({state}, {state}, {signal}) {{
    %ut = tensor.extract_slice %u2[{at}] [{sizes}] [{ones}] : {signal} to {state}
    {generic('%next', [last, own, own], [('%a', line), ('%h', state), ('%ut', state)], f'''%s = arith.mulf %p, %q : {dtype}
        %w = arith.addf %s, %r : {dtype}
        %v = math.tanh %w : {dtype}''')}
    {generic('%top', [own, own, last], [('%m', state), ('%next', state), ('%a', line)], f'''%s = arith.mulf %p, %r : {dtype}
        %v = arith.maximumf %s, %q : {dtype}''')}
    {generic('%set', [own, own], [('%next', state), ('%top', state)], f'%v = arith.mulf %p, %q : {dtype}')}
    %set_at = tensor.insert_slice %set into %ys[{at}] [{sizes}] [{ones}] : {state} into {signal}
    scf.yield %next, %top, %set_at : {state}, {state}, {signal}
  }}
  %twice = arith.addf %y, %u : {signal}
  return {returned} : {', '.join(types[r] for r in returned.split(', '))}
}}"""


def run(steps, shape, time, dtype="f32", returned="%y"):
    rng = np.random.default_rng(3)
    whole = [*shape[:time], steps, *shape[time:]]
    a, u, h0 = (rng.uniform(-1, 1, s).astype(DTYPES[dtype]) for s in (shape[-1:], whole, shape))
    h = m = h0.astype(float)
    ys = np.zeros(whole)
    for t in range(steps):
        ut = np.take(u, t, axis=time).astype(float)
        h = np.tanh(a * h + 2 * ut)
        m = np.maximum(m * a, h)
        ys[(slice(None),) * time + (t,)] = h * m
    want = {"%y": ys, "%twice": ys + u, "%last": h}
    names = returned.split(", ")
    results, report = emulate(program(steps, shape, time, dtype, returned), [a, u, h0],
                              [(want[n].shape, DTYPES[dtype]) for n in names], seed=4)
    # A loop of one step is no loop.
    assert (report["launch"]["kernel"] == "step_loop") == (steps > 1) and report["races"] == 0
    for got, name in zip(results, names, strict=True):
        assert np.linalg.norm(got - want[name]) <= (1e-13 if dtype == "f64" else 2e-6) * np.linalg.norm(want[name])
    return report


@pytest.mark.parametrize("steps", [1, 7, 8, 21])
@pytest.mark.parametrize("shape, time", [((5,), 0), ((2, 33), 0), ((2, 33), 1), ((3, 2, 40), 1), ((2, 33), 2)], ids=str)
def test_equals_float64(steps, shape, time):
    run(steps, list(shape), time, returned="%twice, %last")


def test_double_precision():
    run(21, [2, 33], 1, dtype="f64")


def test_neighbours_are_lanes():
    """Whole sectors, each element once: a, u, the first states and y."""
    traffic = run(64, [2, 64], 0)["global"]
    assert traffic["sectors"] == traffic["ideal_sectors"]
    assert traffic["bytes"] == 4 * (2 * 64 * 2 * 64 + 2 * 64 + 2 * 64)
