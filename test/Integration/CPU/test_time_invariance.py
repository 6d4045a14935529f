"""Transitions that are repeated in time: proved invariant, with the same numbers.

Forcing a convolution, which a varying transition refuses, shows that the proof
was used.
"""

import numpy as np
import pytest
from harness import ToolError, run
from mlir_text import bar, norm
from reference import ops

B, L, D = 2, 300, 5
HEAD = f"""
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>
func.func private @step(%a: tensor<{D}xf32>, %dt: tensor<f32>) -> tensor<{B}x{L}x{D}xf32> {{
  %e = tensor.empty() : tensor<{B}x{L}x{D}xf32>
  %aw = linalg.broadcast ins(%a : tensor<{D}xf32>) outs(%e : tensor<{B}x{L}x{D}xf32>) dimensions = [0, 1]
  %dw = linalg.broadcast ins(%dt : tensor<f32>) outs(%e : tensor<{B}x{L}x{D}xf32>) dimensions = [0, 1, 2]
  %p = arith.mulf %aw, %dw : tensor<{B}x{L}x{D}xf32>
  %x = arith.negf %p : tensor<{B}x{L}x{D}xf32>
  return %x : tensor<{B}x{L}x{D}xf32>
}}
"""
BODY = f"""
  %y, %f = ssm.linear_recurrence transition(%x : tensor<{B}x{L}x{D}xf32>) signal(%u : tensor<{B}x{L}x{D}xf32>)
      {{indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}}
      -> tensor<{B}x{L}x{D}xf32>, tensor<{B}x{D}xf32>
  return %y, %f : tensor<{B}x{L}x{D}xf32>, tensor<{B}x{D}xf32>
}}
"""
RESULTS = f"(tensor<{B}x{L}x{D}xf32>, tensor<{B}x{D}xf32>)"
SCALED = HEAD + f"""
func.func @f(%a: tensor<{D}xf32>, %dt: tensor<f32>, %u: tensor<{B}x{L}x{D}xf32>) -> {RESULTS} {{
  %x = call @step(%a, %dt) : (tensor<{D}xf32>, tensor<f32>) -> tensor<{B}x{L}x{D}xf32>""" + BODY
VARYING = HEAD + f"""
func.func @f(%x: tensor<{B}x{L}x{D}xf32>, %u: tensor<{B}x{L}x{D}xf32>) -> {RESULTS} {{""" + BODY


@pytest.mark.parametrize("strategy", ["auto", "sequential", "tree_scan", "fft_conv", "direct_conv"])
def test_a_transition_that_a_callee_repeats(strategy):
    rng = np.random.default_rng(0)
    a = rng.uniform(1.8, 1.99, D).astype(np.float32)
    dt = np.float32(0.5)  # so that a dt is exact
    u = rng.standard_normal((B, L, D)).astype(np.float32)
    y, final = run(SCALED, a, np.asarray(dt), u, strategy=strategy)
    want, last = ops.linear_recurrence(-(a * dt), u)
    for got, wanted in ((y, want), (final, last)):
        assert norm(got - wanted) <= bar("f32", strategy if strategy != "auto" else "fft_conv") * norm(wanted)


def test_an_argument_that_varies_is_left_alone():
    a = np.full((B, L, D), 0.5, np.float32)
    with pytest.raises(ToolError, match="the transition varies in time"):
        run(VARYING, a, a, strategy="direct_conv")
