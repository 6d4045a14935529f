"""The exponentials in line, over all of f32, in units in the last place.

As a fused transition: with x_{-1} = 1 and no signal, the state after one step is
exp(v) or 2^v. Rows of 64 channels fill registers, for which a machine may have
instructions of its own; rows of 7 do not, and are computed by arithmetic alone.
"""

import ctypes
from pathlib import Path

import numpy as np
import pytest
import zoo
from harness import run, tool

N = 7 << 12
UNITS = {"exp": 1, "exp2": 2}
EXACT = {"exp": np.exp, "exp2": np.exp2}


HAS_AVX2 = {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text().split())
CASES = [pytest.param(64, "host", id="registers"), pytest.param(7, "host", id="arithmetic"),
         pytest.param(64, "x86-64-v3", id="avx2", marks=pytest.mark.skipif(not HAS_AVX2, reason="no AVX2"))]


def run_for(target, folder, text, inputs, shape):
    """@f's only result, of code for a CPU that is like the host or has less."""
    source, library = folder / "f.mlir", folder / f"{target}.so"
    source.write_text(text)
    tool("ssm-compile", source, "--emit=shared", "-o", library, f"--target={target}", "--strategy=sequential")
    code = ctypes.CDLL(str(library))
    code.f_workspace_bytes.restype = ctypes.c_size_t
    scratch = np.zeros(code.f_workspace_bytes() + 64, np.uint8)
    result = np.full(shape, np.nan, np.float32)
    workspace = ctypes.c_void_p(scratch.ctypes.data + -scratch.ctypes.data % 64)
    assert code.f_run(zoo.tensors(inputs), zoo.tensors([result]), workspace, None) == 0
    return result


def exp(v, name="exp", width=64, target="host", folder=None):
    """The values, as many as there are tests, and their exponentials."""
    rows = N // width
    step, row = f"tensor<{rows}x1x{width}xf32>", f"tensor<{rows}x{width}xf32>"
    text = f"""
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>
func.func @f(%v: {step}, %u: {step}, %one: {row}) -> {step} {{
  %a = linalg.generic {{indexing_maps = [#btd, #btd], iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%v : {step}) outs(%u : {step}) {{
  ^bb0(%x: f32, %out: f32):
    %0 = math.{name} %x : f32
    linalg.yield %0 : f32
  }} -> {step}
  %y, %h = ssm.linear_recurrence transition(%a : {step}) signal(%u : {step}) init(%one : {row})
      {{indexing_maps = [#btd, #btd, #bd, #btd, #bd], time = 1 : i64}} -> {step}, {row}
  return %y : {step}
}}
"""
    v = np.resize(v, N).astype(np.float32)
    shape = (rows, 1, width)
    inputs = [v.reshape(shape), np.zeros(shape, np.float32), np.ones((rows, width), np.float32)]
    if target == "host":
        (y,) = run(text, *inputs, strategy="sequential")
    else:
        y = run_for(target, folder, text, inputs, shape)
    return v, y.reshape(N)


@pytest.mark.parametrize("width,target", CASES)
@pytest.mark.parametrize("name", ["exp", "exp2"])
def test_error_of_a_unit(name, width, target, tmp_path):
    low, high = (-150, 127.9) if name == "exp2" else (-104, 88.7)
    random = np.random.default_rng(0)
    v = np.concatenate([random.uniform(*between, N // 5) for between in
                        [(low, -87), (-87, -1), (-1, 1), (-1e-3, 1e-3), (1, high)]])
    v, y = exp(v, name, width, target, tmp_path)
    want = EXACT[name](v.astype(np.longdouble))
    unit = np.spacing(np.maximum(want, np.finfo(np.float32).tiny).astype(np.float32))
    assert np.max(np.abs(y - want) / unit) <= UNITS[name]


@pytest.mark.parametrize("width,target", CASES)
@pytest.mark.parametrize("name", ["exp", "exp2"])
def test_special_values(name, width, target, tmp_path):
    edges = [128, 127.99999, -149, -150.5] if name == "exp2" else [89, 88.72283, -103.97208, -105]
    special = np.float32([0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, *edges])
    v, y = exp(special, name, width, target, tmp_path)
    with np.errstate(over="ignore", under="ignore"):
        want = EXACT[name](special.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(y[: len(special)], want, rtol=2e-7, atol=1.5e-45)
    assert y[0] == 1 and y[1] == 1


@pytest.mark.parametrize("width,target", CASES)
def test_exact_where_whole(width, target, tmp_path):
    v, y = exp(np.arange(-126, 128), "exp2", width, target, tmp_path)
    np.testing.assert_array_equal(y, np.exp2(v.astype(np.float64)))


def test_of_a_product():
    """exp(x y), where y lacks the loop over b: two roundings of the exponent, two units of the power."""
    text = """
#bd = affine_map<(b, t, d) -> (b, d)>
#d = affine_map<(b, t, d) -> (d)>
#btd = affine_map<(b, t, d) -> (b, t, d)>
func.func @f(%x: tensor<512x32xf32>, %y: tensor<32xf32>, %u: tensor<512x1x32xf32>, %one: tensor<512x32xf32>) -> tensor<512x32xf32> {
  %a = linalg.generic {indexing_maps = [#bd, #d, #btd], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %y : tensor<512x32xf32>, tensor<32xf32>) outs(%u : tensor<512x1x32xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %0 = arith.mulf %p, %q : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<512x1x32xf32>
  %s, %h = ssm.linear_recurrence transition(%a : tensor<512x1x32xf32>) signal(%u : tensor<512x1x32xf32>) init(%one : tensor<512x32xf32>)
      {indexing_maps = [#btd, #btd, #bd, #btd, #bd], time = 1 : i64} -> tensor<512x1x32xf32>, tensor<512x32xf32>
  return %h : tensor<512x32xf32>
}
"""
    random = np.random.default_rng(1)
    x, y = random.uniform(0, 4, (512, 32)).astype(np.float32), random.uniform(-20, 20, 32).astype(np.float32)
    x[0, :4], y[:4] = [np.inf, np.inf, 0, 1e30], [-1, 1, -3, -1]
    u = np.zeros((512, 1, 32), np.float32)
    (h,) = run(text, x, y, u, np.ones((512, 32), np.float32), strategy="sequential")
    with np.errstate(over="ignore", under="ignore"):
        want = np.exp(x.astype(np.float64) * y)
    np.testing.assert_array_equal(h[0, :4], np.float32([0, np.inf, 1, 0]))
    exponent = np.abs(x.astype(np.float64) * y)[1:]
    bound = (exponent + 3) * 2.0**-23 * want[1:]
    assert np.all(np.abs(h[1:] - want[1:]) <= bound)
