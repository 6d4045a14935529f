"""Measures the error of ssm.linear_recurrence by length and strategy: python test/Integration/recurrence_accuracy.py

x_t = a x_{t-1} + u_t over 16 channels, u normally distributed, a spread evenly over (0.9, 0.999) or 1, against a loop in
extended precision. Prints a Markdown table of |result - exact| / |exact| in the L2 norm over everything, and of the
largest output before the first non-zero input, relative to the largest of all: what `strict` promises to be 0.
"""

import numpy as np
from harness import DTYPES, run

CHANNELS = 16
STRATEGIES = ["sequential", "tree_scan", "fft_conv", "direct_conv"]
LENGTHS = {"f32": [2**8, 2**12, 2**14, 2**16], "f64": [2**8, 2**12, 2**16]}
# A convolution by its definition takes L^2 products.
LONGEST_DIRECT = 2**14
LEAK = "first input at L/2"


def program(dtype):
    x, d = f"tensor<?x{CHANNELS}x{dtype}>", f"tensor<{CHANNELS}x{dtype}>"
    td, vector = "affine_map<(t, d) -> (t, d)>", "affine_map<(t, d) -> (d)>"
    return f"""
func.func @f(%a: {d}, %u: {x}) -> {x} {{
  %x, %last = ssm.linear_recurrence transition(%a : {d}) signal(%u : {x})
      {{indexing_maps = [{vector}, {td}, {td}, {vector}], time = 0 : i64}} -> {x}, {d}
  return %x : {x}
}}"""


def exact(a, u):
    x, out = np.zeros(CHANNELS, np.longdouble), np.empty(u.shape, np.longdouble)
    for t, u_t in enumerate(u):
        x = a.astype(np.longdouble) * x + u_t
        out[t] = x
    return out


def measure(dtype, length, strategy, transition):
    rng = np.random.default_rng(length)
    u = rng.standard_normal((length, CHANNELS)).astype(DTYPES[dtype])
    a = np.ones(CHANNELS) if transition == "1" else np.linspace(0.9, 0.999, CHANNELS)
    a = a.astype(DTYPES[dtype])
    if transition == LEAK:
        u[: length // 2] = 0
    got = run(program(dtype), a, u, strategy=strategy)[0]
    if transition == LEAK:
        return np.abs(got[: length // 2]).max() / np.abs(got).max()
    want = exact(a, u)
    return np.sqrt(float(np.sum((got - want) ** 2) / np.sum(want**2)))


def main():
    print("| a | dtype | L |", " | ".join(STRATEGIES), "|")
    print("|---" * (3 + len(STRATEGIES)) + "|")
    for transition in ["(0.9, 0.999)", "1", LEAK]:
        for dtype, lengths in LENGTHS.items():
            for length in lengths:
                cells = [
                    "" if strategy == "direct_conv" and length > LONGEST_DIRECT
                    else f"{measure(dtype, length, strategy, transition):.1e}"
                    for strategy in STRATEGIES
                ]
                print(f"| {transition} | {dtype} | {length:,} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
