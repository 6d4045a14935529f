"""--ssm-simplify-structure: what it leaves computes what the recurrence says."""

import numpy as np
import pytest
from harness import run, tool

BAR = 4e-7


def constant(x):
    """The elements of an array of complex numbers as MLIR has them."""
    if np.ndim(x) == 0:
        return f"({float(x.real)!r}, {float(x.imag)!r})"
    return f"[{', '.join(map(constant, x))}]"


@pytest.mark.parametrize("adjacent", [False, True])
def test_one_of_each_conjugate_pair(adjacent):
    """y = Re(C x) over states that come in pairs: 3 channels of 8 states, the pairs along the last."""
    rng = np.random.default_rng(0)
    halves = (rng.uniform(-0.6, 0.6, (2, 3, 4, 2)).astype(np.float32) @ [1, 1j]).astype(np.complex64)
    if adjacent:
        a, c = np.stack([halves, halves.conj()], axis=-1).reshape(2, 3, 8)
    else:
        a, c = np.concatenate([halves, halves.conj()], axis=-1)
    text = f"""
#hn = affine_map<(t, h, n) -> (h, n)>
#th = affine_map<(t, h, n) -> (t, h)>
func.func @f(%u: tensor<40x3xf32>) -> tensor<40x3xf32> {{
  %a = arith.constant dense<{constant(a)}> : tensor<3x8xcomplex<f32>>
  %c = arith.constant dense<{constant(c)}> : tensor<3x8xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<3x8xcomplex<f32>>) signal(%u : tensor<40x3xf32>)
      output(%c : tensor<3x8xcomplex<f32>>)
      {{indexing_maps = [#hn, #th, #hn, #th, #hn], time = 0 : i64, projection = #ssm.projection<real>}}
      -> tensor<40x3xf32>, tensor<3x8xcomplex<f32>>
  return %y : tensor<40x3xf32>
}}"""
    assert "tensor<3x4xcomplex<f32>>" in tool("ssm-opt", "--ssm-simplify-structure", input=text).stdout
    u = rng.standard_normal((40, 3)).astype(np.float32)
    x, want = np.zeros((3, 8), complex), np.empty((40, 3))
    for t in range(40):
        x = a.astype(complex) * x + u[t][:, None]
        want[t] = (c * x).sum(axis=1).real
    for strategy in ["sequential", "tree_scan", "fft_conv", "direct_conv"]:
        got = run(text, u, strategy=strategy)[0]
        assert np.linalg.norm(got - want) <= BAR * np.linalg.norm(want)
