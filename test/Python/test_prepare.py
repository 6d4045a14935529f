"""compile(prepare=True): what depends on parameters alone is computed once."""

import numpy as np
import pytest

import mlir_ssm as ssm

CONVOLUTION = """
#u = affine_map<(b, t, h) -> (b, t, h)>
#k = affine_map<(b, t, h) -> (h, t)>
#h = affine_map<(b, t, h) -> (h)>
func.func @f(%k: tensor<HxTxf32> {ssm.parameter}, %u: tensor<2xTxHxf32> {ssm.name = "u"}, %d: tensor<Hxf32> {ssm.parameter})
    -> tensor<2xTxHxf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#u, #k, #u], time = 1 : i64}
      : tensor<2xTxHxf32>, tensor<HxTxf32> -> tensor<2xTxHxf32>
  %e = tensor.empty() : tensor<2xTxHxf32>
  %r = linalg.generic {indexing_maps = [#u, #u, #h, #u], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %u, %d : tensor<2xTxHxf32>, tensor<2xTxHxf32>, tensor<Hxf32>) outs(%e : tensor<2xTxHxf32>) {
  ^bb0(%a: f32, %x: f32, %w: f32, %o: f32):
    %p = arith.mulf %x, %w : f32
    %s = arith.addf %a, %p : f32
    linalg.yield %s : f32
  } -> tensor<2xTxHxf32>
  return %r : tensor<2xTxHxf32>
}
"""

# Discretisation, kernel and spectrum of one channel's states.
LAYER = """
#n = affine_map<(t, n) -> (n)>
#t = affine_map<(t, n) -> (t)>
func.func @f(%A: tensor<4xcomplex<f32>> {ssm.parameter}, %dt: f32 {ssm.parameter}, %C: tensor<4xcomplex<f32>> {ssm.parameter},
             %u: tensor<300xf32>) -> tensor<300xf32> {
  %step = tensor.from_elements %dt : tensor<f32>
  %ones = arith.constant dense<(1.0, 0.0)> : tensor<4xcomplex<f32>>
  %a, %b = ssm.discretize zoh transition(%A : tensor<4xcomplex<f32>>) step(%step : tensor<f32>) input(%ones : tensor<4xcomplex<f32>>)
      {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> ()>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>,
                        affine_map<(n) -> (n)>]} -> tensor<4xcomplex<f32>>, tensor<4xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<300xf32>)
      input(%b : tensor<4xcomplex<f32>>) output(%C : tensor<4xcomplex<f32>>)
      {indexing_maps = [#n, #t, #n, #n, #t, #n], time = 0 : i64, projection = #ssm.projection<twice_real>}
      -> tensor<300xf32>, tensor<4xcomplex<f32>>
  return %y : tensor<300xf32>
}
"""
RNG = np.random.default_rng(0)


def text(length, channels):
    return CONVOLUTION.replace("T", str(length)).replace("H", str(channels))


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("strategy", ["fft_conv", "direct_conv"])
@pytest.mark.parametrize("length,channels,threads", [(1, 3, 1), (300, 20, 1), (64, 33, 2)])
def test_convolution(length, channels, threads, strategy):
    k, u, d = (RNG.standard_normal(shape).astype(np.float32)
               for shape in ((channels, length), (2, length, channels), channels))
    f = ssm.compile(text(length, channels), strategy=strategy, threads=threads, prepare=True)
    y = f(u, *f.prepare(k, d))
    want = np.stack([[np.convolve(x, taps)[:length] for x, taps in zip(rows.T.astype(float), k.astype(float))]
                     for rows in u]).swapaxes(1, 2) + u.astype(float) * d
    assert relative(y, want) <= 1e-6
    whole = ssm.compile(text(length, channels), strategy=strategy, threads=threads)
    np.testing.assert_allclose(y, whole(k, u, d), rtol=0, atol=1e-6 * np.abs(want).max())


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan", "fft_conv", "direct_conv"])
def test_layer(strategy):
    A = (-RNG.uniform(0.1, 1, 4) + 1j * RNG.uniform(0, 3, 4)).astype(np.complex64)
    C = (RNG.standard_normal(4) + 1j * RNG.standard_normal(4)).astype(np.complex64)
    u, dt = RNG.standard_normal(300).astype(np.float32), np.float32(0.1)
    f = ssm.compile(LAYER, strategy=strategy, threads=1, prepare=True)
    prepared = f.prepare(A, dt, C)
    a, x, want = np.exp(float(dt) * A.astype(complex)), np.zeros(4, complex), []
    b = (a - 1) / A.astype(complex)
    for now in u.astype(float):
        x = a * x + b * now
        want.append(2 * (C * x).sum().real)
    assert relative(f(u, *prepared), np.array(want)) <= 2e-6
    # What is prepared does not depend on the signal, and is all that the calls know of the parameters.
    assert relative(f(-2 * u, *prepared), -2 * np.array(want)) <= 2e-6
    assert not f(u, *(np.zeros_like(p) for p in prepared)).any()


def test_the_spectrum_is_prepared():
    f = ssm.compile(text(300, 20), strategy="fft_conv", threads=1, prepare=True)
    spectra = [spec["shape"] for spec in f.signature["inputs"] if len(spec["shape"]) >= 2][1:]
    assert len(spectra) == 2 and all(shape[-2] == 2 and shape[-1] >= 4 for shape in spectra), \
        "re and im of two tiles of channels"
    assert not any("k" == spec["name"] for spec in f.signature["inputs"])


def test_saved_functions_declare_both(tmp_path):
    ssm.compile(text(8, 4), prepare=True).save(tmp_path / "layer")
    header = (tmp_path / "layer.h").read_text()
    assert "int f_prepare_run(" in header and "int f_run(" in header


def test_errors():
    plain = ssm.compile(text(8, 4))
    with pytest.raises(ValueError, match="nothing is prepared; compile it with prepare=True"):
        plain.prepare(np.zeros((4, 8), np.float32), np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="no argument is a parameter"):
        ssm.compile(text(8, 4).replace(" {ssm.parameter}", ""), prepare=True)
    with pytest.raises(ValueError, match="a parameter must have a static shape"):
        ssm.compile(text(8, 4).replace("tensor<4x8xf32>", "tensor<4x?xf32>"), prepare=True)
    with pytest.raises(TypeError, match="prepare: expected True or False"):
        ssm.compile(text(8, 4), prepare="k")
    f = ssm.compile(text(8, 4), prepare=True)
    for wrong in ((), (np.zeros((4, 8)), np.zeros(4, np.float32)), (np.zeros((4, 9), np.float32), np.zeros(4, np.float32))):
        with pytest.raises((TypeError, ValueError)):
            f.prepare(*wrong)
    other = ssm.compile(text(9, 4), prepare=True)
    with pytest.raises((TypeError, ValueError)):
        f(np.zeros((2, 8, 4), np.float32), *other.prepare(np.zeros((4, 9), np.float32), np.zeros(4, np.float32)))
