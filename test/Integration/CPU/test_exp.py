"""The exponential in line: one unit in the last place, over all of f32.

As a fused transition: with x_{-1} = 1 and no signal, the state after one step is
exp(v).
"""

import numpy as np
import pytest
from harness import run

N = 1 << 16
TEXT = f"""
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @f(%v: tensor<1x{N}xf32>, %u: tensor<1x{N}xf32>, %one: tensor<{N}xf32>) -> tensor<1x{N}xf32> {{
  %a = linalg.generic {{indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]}}
      ins(%v : tensor<1x{N}xf32>) outs(%u : tensor<1x{N}xf32>) {{
  ^bb0(%x: f32, %out: f32):
    %0 = math.exp %x : f32
    linalg.yield %0 : f32
  }} -> tensor<1x{N}xf32>
  %y, %h = ssm.linear_recurrence transition(%a : tensor<1x{N}xf32>) signal(%u : tensor<1x{N}xf32>) init(%one : tensor<{N}xf32>)
      {{indexing_maps = [#td, #td, #d, #td, #d], time = 0 : i64}} -> tensor<1x{N}xf32>, tensor<{N}xf32>
  return %y : tensor<1x{N}xf32>
}}
"""


def exp(v):
    v = np.resize(v, N).astype(np.float32)
    (y,) = run(TEXT, v[None], np.zeros((1, N), np.float32), np.ones(N, np.float32), strategy="sequential")
    return v, y[0]


@pytest.mark.parametrize("low, high", [(-104, -87), (-87, -1), (-1, 1), (-1e-3, 1e-3), (1, 88.7)])
def test_error_below_one_unit(low, high):
    v, y = exp(np.random.default_rng(0).uniform(low, high, N))
    want = np.exp(v.astype(np.longdouble))
    unit = np.spacing(np.maximum(want, np.finfo(np.float32).tiny).astype(np.float32))
    assert np.max(np.abs(y - want) / unit) <= 1


def test_special_values():
    special = np.float32([0, -0.0, np.inf, -np.inf, np.nan, 89, 1e30, -1e30, 88.72283, -103.97208, -105, 1e-40])
    v, y = exp(special)
    with np.errstate(over="ignore"):
        want = np.exp(special)
    np.testing.assert_allclose(y[: len(special)], want, rtol=2e-7, atol=1.5e-45)
    assert y[0] == 1 and y[1] == 1
