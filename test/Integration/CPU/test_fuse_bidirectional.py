"""The sum of both directions equals its definition, as one convolution or two.

    x_t = a x_{t-1} + b u_t,  y_t = c x_t        forward
    z_t = e z_{t+1} + f u_t,  w_t = g z_t        backward, read after or before the update
    y_t + w_t + u_t, and the sum of two convolutions with kernels of different lengths
"""

import numpy as np
import pytest
from harness import run, tool

TAPS, FUTURE = 7, 12


def text(layout, element, read, sizes):
    def tensor(letters):
        return f"tensor<{''.join(f'{sizes[k]}x' for k in letters)}{element}>"

    def affine(letters):
        return f"affine_map<(b, t, d, n) -> ({', '.join(letters)})>"
    u, dn, k, h = tensor(layout), tensor("dn"), f"tensor<{TAPS}x{element}>", f"tensor<{sizes['d']}x{FUTURE}x{element}>"
    bdn = tensor("bdn")

    def recurrence(name, operands, more=""):
        a, b, c = operands
        return f"""%{name}, %{name}_x = ssm.linear_recurrence transition(%{a} : {dn}) signal(%u : {u}) input(%{b} : {dn})
      output(%{c} : {dn}) {{indexing_maps = [#dn, #u, #dn, #dn, #u, #bdn], time = 1 : i64{more}}} -> {u}, {bdn}"""

    def conv(name, kernel, kind, letters, more=""):
        maps = f"[#u3, affine_map<(b, t, d) -> ({letters})>, #u3]"
        return f"""%{name} = ssm.long_conv %u, %{kernel} {{indexing_maps = {maps}, time = 1 : i64{more}}}
      : {u}, {kind} -> {u}"""
    backward = ", direction = #ssm.direction<backward>"
    return f"""
#u = {affine(layout)}
#dn = {affine("dn")}
#bdn = {affine("bdn")}
#u3 = affine_map<(b, t, d) -> ({', '.join(layout)})>
func.func @f(%u: {u}, %a: {dn}, %b: {dn}, %c: {dn}, %e: {dn}, %f: {dn}, %g: {dn}, %k: {k}, %h: {h}) -> ({u}, {u}) {{
  {recurrence("y", "abc")}
  {recurrence("w", "efg", f"{backward}, read = #ssm.read<{read}>")}
  %skip = arith.addf %y, %u : {u}
  %both = arith.addf %w, %skip : {u}
  {conv("p", "k", k, "t")}
  {conv("q", "h", h, "d, t", backward)}
  %sum = arith.addf %p, %q : {u}
  return %both, %sum : {u}, {u}
}}"""


def data(length, dtype):
    rng = np.random.default_rng(length)
    u = rng.standard_normal((2, length, 5)).astype(dtype)
    decays = [rng.uniform(0.8, 0.98, (5, 3)).astype(dtype) for _ in "ae"]
    maps = [rng.standard_normal((5, 3)).astype(dtype) for _ in "bcfg"]
    kernels = [rng.standard_normal(TAPS).astype(dtype), rng.standard_normal((5, FUTURE)).astype(dtype)]
    return u, [decays[0], *maps[:2], decays[1], *maps[2:], *kernels]


def reference(u, operands, read):
    """From the definitions, in float64; u [b, t, d]."""
    u, (a, b, c, e, f, g, k, h) = u.astype(float), [x.astype(float) for x in operands]
    length = u.shape[1]
    both, total = u.copy(), np.zeros_like(u)
    x = z = np.zeros((2, 5, 3))
    for t in range(length):
        x = a * x + b * u[:, t, :, None]
        both[:, t] += (c * x).sum(-1)
    for t in reversed(range(length)):
        before, z = z, e * z + f * u[:, t, :, None]
        both[:, t] += (g * (z if read == "after" else before)).sum(-1)
    for t in range(length):
        for s in range(length):
            if 0 <= t - s < TAPS:
                total[:, t] += k[t - s] * u[:, s]
            if 0 <= s - t < FUTURE:
                total[:, t] += h[:, s - t] * u[:, s]
    return both, total


def check(program, length, layout, dtype, read, **options):
    u, operands = data(length, dtype)
    order = ["btd".index(k) for k in layout]
    results = run(program, np.ascontiguousarray(u.transpose(order)), *operands, **options)
    for got, want in zip(results, reference(u, operands, read), strict=True):
        error = np.linalg.norm(got - want.transpose(order))
        assert error <= (2e-6 if dtype == np.float32 else 1e-14) * np.linalg.norm(want)


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv", "tree_scan"])
@pytest.mark.parametrize("layout,read", [("btd", "after"), ("bdt", "before")])
def test_every_strategy(layout, read, strategy):
    sizes = {"b": 2, "t": "?", "d": 5, "n": 3}
    program = text(layout, "f32", read, sizes)
    if strategy == "tree_scan":  # of the recurrences; convolutions have no scan
        program = program.replace("time = 1 : i64", "time = 1 : i64, strategy = #ssm.strategy<tree_scan>", 2)
        strategy = None
    for length in (0, 1, 65) if strategy == "fft_conv" else (2, 65):
        check(program, length, layout, np.float32, read, strategy=strategy)


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv"])
@pytest.mark.parametrize("element,dtype", [("f32", np.float32), ("f64", np.float64)])
def test_what_the_pass_leaves(element, dtype, strategy, tmp_path):
    """One two-sided convolution each, under both strategies and on two threads."""
    sizes = {"b": 2, "t": 101, "d": 5, "n": 3}
    fused = tool("ssm-opt", "--ssm-fuse-bidirectional", input=text("bdt", element, "after", sizes)).stdout
    assert fused.count("two_sided") == 2 == fused.count("ssm.long_conv") and "linear_recurrence" not in fused
    for threads in (1, 2):
        check(fused, 101, "bdt", dtype, "after", strategy=strategy, threads=threads)


def test_a_real_and_a_complex_kernel():
    """Of a complex signal."""
    u, k, h = "tensor<40xcomplex<f64>>", "tensor<40xf64>", "tensor<40xcomplex<f64>>"
    fused = tool("ssm-opt", "--ssm-fuse-bidirectional", input=f"""#t = affine_map<(t) -> (t)>
func.func @f(%u: {u}, %k: {k}, %h: {h}) -> {u} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#t, #t, #t], time = 0 : i64}} : {u}, {k} -> {u}
  %z = ssm.long_conv %u, %h {{indexing_maps = [#t, #t, #t], time = 0 : i64,
      direction = #ssm.direction<backward>}} : {u}, {h} -> {u}
  %s = arith.constant dense<(0.0, 0.0)> : {u}
  %e = linalg.generic {{indexing_maps = [#t, #t, #t], iterator_types = ["parallel"]}} ins(%y, %z : {u}, {u})
      outs(%s : {u}) {{
  ^bb0(%a: complex<f64>, %b: complex<f64>, %o: complex<f64>):
    %c = complex.add %a, %b : complex<f64>
    linalg.yield %c : complex<f64>
  }} -> {u}
  return %e : {u}
}}""").stdout
    assert fused.count("two_sided") == 1 == fused.count("ssm.long_conv")
    rng = np.random.default_rng(0)
    u, h = rng.standard_normal((2, 40)) + 1j * rng.standard_normal((2, 40))
    k = rng.standard_normal(40)
    (y,) = run(fused, u, k, h, strategy="fft_conv")
    want = np.convolve(u, k)[:40] + np.convolve(u[::-1], h)[39::-1]
    assert np.linalg.norm(y - want) <= 1e-14 * np.linalg.norm(want)


@pytest.mark.parametrize("strategy,says", [
    ("fft_conv", ": fused with the other direction"),
    ("direct_conv", ": not fused with the other direction: forward: its strategy is direct_conv")])
def test_the_pipeline_fuses_what_transforms_compute(strategy, says):
    program = text("btd", "f32", "after", {"b": 2, "t": 101, "d": 5, "n": 3})
    told = tool("ssm-opt", f"--ssm-cpu-pipeline=strategy={strategy}", "--remarks-filter=ssm-bidirectional", input=program)
    assert told.stderr.count(says) == 2
