#!/usr/bin/env python3
"""Recurrences over more than 2^31 elements: `make soak`.

bf16, 2 bytes an element, so that signal and states take 8.6 GB and 64-bit
indices are what remains to be tested: along contiguous time, channels last, and
backward. |a| is below 0.98, so that a state depends on the 2,000 steps before it
and nothing else: around the places where 32-bit indices would wrap around it is
compared with the recurrence in float64 over those steps.
"""

import argparse
import resource
import sys
import time

import ml_dtypes
import mlir_ssm as ssm
import numpy as np

BF16 = ml_dtypes.bfloat16
WRAP = 1 << 31
HISTORY, WINDOW = 2000, 2048
MOST_BYTES = 20 << 30

# name, channels, layout, direction
CASES = [("one line", 1, "dt", "forward"), ("lines", 2, "dt", "forward"), ("one line backward", 1, "dt", "backward"),
         ("channels last", 64, "td", "forward")]


def program(layout, channels, steps, direction):
    shape = "x".join(str(channels) if dim == "d" else "?" for dim in layout)
    return f"""
#u = affine_map<(t, d) -> ({', '.join(layout)})>
#d = affine_map<(t, d) -> (d)>
func.func @f(%a: tensor<{channels}xf32>, %u: tensor<{shape}xbf16>) -> tensor<{shape}xbf16> {{
  %y, %last = ssm.linear_recurrence transition(%a : tensor<{channels}xf32>) signal(%u : tensor<{shape}xbf16>)
      {{indexing_maps = [#d, #u, #u, #d], time = 0 : i64, direction = #ssm.direction<{direction}>}}
      -> tensor<{shape}xbf16>, tensor<{channels}xf32>
  return %y : tensor<{shape}xbf16>
}}
"""


def fill(signal):
    """Random numbers that repeat after a prime number of elements: no two
    places a power of two apart hold the same."""
    period = 1_000_003
    block = np.random.default_rng(0).standard_normal(period).astype(BF16)
    flat = signal.reshape(-1)
    for begin in range(0, flat.size, period):
        part = flat[begin : begin + period]
        part[...] = block[: part.size]


def exact(a, u, begin, end, layout, backward):
    """The states from step `begin` to `end` in float64, [steps, channels]."""
    length = u.shape[layout.index("t")]
    first, last = (begin, min(end + HISTORY, length)) if backward else (max(begin - HISTORY, 0), end)
    rows = u[first:last] if layout == "td" else u[:, first:last].T
    state, states = np.zeros(len(a)), np.empty((last - first, len(a)))
    for t in range(last - first)[:: -1 if backward else 1]:
        states[t] = state = a.astype(np.float64) * state + rows[t].astype(np.float64)
    return states[begin - first : end - first]


def places(channels, steps, layout):
    """Steps at the ends, and around those that 2^31 bytes and 2^31 elements come before."""
    near = [wrap % steps if layout == "dt" else wrap // channels for wrap in (WRAP // 2, WRAP)]
    return sorted({0, steps - WINDOW} | {min(max(t - WINDOW // 2, 0), steps - WINDOW) for t in near})


def soak(name, channels, layout, direction, elements):
    steps = elements // channels + 12345
    shape = (channels, steps) if layout == "dt" else (steps, channels)
    a = np.random.default_rng(1).uniform(0.5, 0.98, channels).astype(np.float32)
    u = np.empty(shape, BF16)
    fill(u)
    f = ssm.compile(program(layout, channels, steps, direction), entry="f")
    start = time.monotonic()
    y = f(a, u)
    seconds = time.monotonic() - start
    worst = 0.0
    for begin in places(channels, steps, layout):
        want = exact(a, u, begin, begin + WINDOW, layout, direction == "backward")
        got = y[begin : begin + WINDOW] if layout == "td" else y[:, begin : begin + WINDOW].T
        worst = max(worst, float(np.abs(got.astype(np.float64) - want).max() / np.abs(want).max()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    good = worst < 2**-8 and peak < MOST_BYTES
    print(f"{'ok  ' if good else 'FAIL'} {name}: {u.size} elements in {seconds:.2f} s, off by {worst:.1e} "
          f"at {len(places(channels, steps, layout))} places, {peak / 2**30:.1f} GiB", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=WRAP, help="about so many in each case")
    args = parser.parse_args()
    results = [soak(*case, args.elements) for case in CASES]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
