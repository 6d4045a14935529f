"""Threads change the time, not one bit of the result."""

import numpy as np
import pytest
from harness import run

RECURRENCE = """
#m = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>
func.func @f(%a: tensor<3x?x37xf32>, %x: tensor<3x?x37xf32>) -> (tensor<3x?x37xf32>, tensor<3x37xf32>) {
  %h, %last = ssm.linear_recurrence transition(%a : tensor<3x?x37xf32>) signal(%x : tensor<3x?x37xf32>)
      {indexing_maps = [#m, #m, #m, #bd], time = 1 : i64} -> tensor<3x?x37xf32>, tensor<3x37xf32>
  return %h, %last : tensor<3x?x37xf32>, tensor<3x37xf32>
}
"""

CONVOLUTION = """
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @f(%u: tensor<2x19x240xf32>, %k: tensor<19x479xf32>) -> (tensor<2x19x240xf32>, tensor<2x19x240xf32>) {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
      : tensor<2x19x240xf32>, tensor<19x479xf32> -> tensor<2x19x240xf32>
  %z = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64, direction = #ssm.direction<two_sided>}
      : tensor<2x19x240xf32>, tensor<19x479xf32> -> tensor<2x19x240xf32>
  return %y, %z : tensor<2x19x240xf32>, tensor<2x19x240xf32>
}
"""

# One tile of channels: threads share its transform. The rounds at the border join the operands or not.
ONE_TILE = """
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @f(%u: tensor<1x16x4096xf32>, %v: tensor<1x5x4900xf32>) -> (tensor<1x16x4096xf32>, tensor<1x5x4900xf32>) {
  %k = tensor.extract_slice %u[0, 0, 0] [1, 16, 4096] [1, 1, 1] : tensor<1x16x4096xf32> to tensor<16x4096xf32>
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
      : tensor<1x16x4096xf32>, tensor<16x4096xf32> -> tensor<1x16x4096xf32>
  %h = tensor.extract_slice %v[0, 0, 0] [1, 5, 4900] [1, 1, 1] : tensor<1x5x4900xf32> to tensor<5x4900xf32>
  %z = ssm.long_conv %v, %h {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
      : tensor<1x5x4900xf32>, tensor<5x4900xf32> -> tensor<1x5x4900xf32>
  return %y, %z : tensor<1x16x4096xf32>, tensor<1x5x4900xf32>
}
"""

# Six tiles of channels and a rest: threads take groups of tiles of all batch rows.
GROUPS = """
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @f(%u: tensor<3x101x120xf32>, %k: tensor<101x120xf32>) -> tensor<3x101x120xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
      : tensor<3x101x120xf32>, tensor<101x120xf32> -> tensor<3x101x120xf32>
  return %y : tensor<3x101x120xf32>
}
"""

# Of one signal, whose kernel is transformed beside it: threads share its blocks, or take tiles of channels.
BESIDE = """
#bth = affine_map<(b, t, h) -> (b, t, h)>
#th = affine_map<(b, t, h) -> (t, h)>
func.func @f(%u: tensor<1x8192x{h}xf32>, %k: tensor<8192x{h}xf32>) -> tensor<1x8192x{h}xf32> {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#bth, #th, #bth], time = 1 : i64}}
      : tensor<1x8192x{h}xf32>, tensor<8192x{h}xf32> -> tensor<1x8192x{h}xf32>
  return %y : tensor<1x8192x{h}xf32>
}}
"""

# Each thread's tiles share border rounds: halves of the channels, or of the batch rows, or no equal parts.
RUNS = """
#bth = affine_map<(b, t, h) -> (b, t, h)>
#th = affine_map<(b, t, h) -> (t, h)>
func.func @f(%u: tensor<{b}x9000x{h}xf32>, %k: tensor<9000x{h}xf32>) -> tensor<{b}x9000x{h}xf32> {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#bth, #th, #bth], time = 1 : i64}}
      : tensor<{b}x9000x{h}xf32>, tensor<9000x{h}xf32> -> tensor<{b}x9000x{h}xf32>
  return %y : tensor<{b}x9000x{h}xf32>
}}
"""

TRANSFORM = """
func.func @f(%x: tensor<3x8192x19xcomplex<f32>>) -> tensor<3x8192x19xcomplex<f32>> {
  %y = ssm.fft %x {dimension = 1 : i64} : tensor<3x8192x19xcomplex<f32>>
  return %y : tensor<3x8192x19xcomplex<f32>>
}
"""


def same_for_all_threads(text, *inputs, strategy=None):
    first = run(text, *inputs, strategy=strategy, threads=1)
    for threads in (2, 3):
        other = run(text, *inputs, strategy=strategy, threads=threads)
        for one, many in zip(first, other, strict=True):
            assert one.tobytes() == many.tobytes()
    return first


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan"])
def test_recurrence(strategy):
    random = np.random.default_rng(0)
    a = random.uniform(0.9, 1, (3, 1000, 37)).astype(np.float32)
    x = random.standard_normal((3, 1000, 37)).astype(np.float32)
    same_for_all_threads(RECURRENCE, a, x, strategy=strategy)


@pytest.mark.parametrize("strategy", ["direct_conv", "fft_conv"])
def test_convolution(strategy):
    random = np.random.default_rng(0)
    u = random.standard_normal((2, 19, 240)).astype(np.float32)
    k = random.standard_normal((19, 479)).astype(np.float32)
    same_for_all_threads(CONVOLUTION, u, k, strategy=strategy)


def test_convolution_of_one_tile():
    random = np.random.default_rng(0)
    u = random.standard_normal((1, 16, 4096)).astype(np.float32)
    v = random.standard_normal((1, 5, 4900)).astype(np.float32)
    same_for_all_threads(ONE_TILE, u, v, strategy="fft_conv")


def test_convolution_of_groups_of_tiles():
    random = np.random.default_rng(0)
    u = random.standard_normal((3, 101, 120)).astype(np.float32)
    k = random.standard_normal((101, 120)).astype(np.float32)
    (y,) = same_for_all_threads(GROUPS, u, k, strategy="fft_conv")
    exact = sum(k[:, lag, None].astype(float) * np.pad(u, ((0, 0), (0, 0), (lag, 0)))[..., :120] for lag in range(120))
    np.testing.assert_allclose(y, exact, atol=2e-6 * np.abs(exact).max())


@pytest.mark.parametrize("channels", [16, 48])
def test_convolution_of_one_signal(channels):
    random = np.random.default_rng(0)
    u = random.standard_normal((1, 8192, channels)).astype(np.float32)
    k = random.standard_normal((8192, channels)).astype(np.float32)
    same_for_all_threads(BESIDE.format(h=channels), u, k, strategy="fft_conv")


@pytest.mark.parametrize("rows, channels", [(3, 64), (4, 16), (4, 52), (5, 48)])
def test_convolution_of_runs_of_tiles(rows, channels):
    random = np.random.default_rng(0)
    u = random.standard_normal((rows, 9000, channels)).astype(np.float32)
    k = random.standard_normal((9000, channels)).astype(np.float32)
    same_for_all_threads(RUNS.format(b=rows, h=channels), u, k, strategy="fft_conv")


def test_transform():
    """Tiles that do not fit a stack: each thread works in the workspace."""
    random = np.random.default_rng(0)
    x = random.standard_normal((3, 8192, 19, 2)).astype(np.float32).view(np.complex64)[..., 0]
    same_for_all_threads(TRANSFORM, x)
