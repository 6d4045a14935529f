"""Pictures of models, and the kernels and poles in them against the oracles."""

import numpy as np
import pytest
import zoo

import mlir_ssm as ssm
from mlir_ssm import plot

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def path_of(name):
    return zoo.FOLDER / f"{zoo.MODELS[name].file}.mlir"


def arguments(name, length=32):
    drawn = zoo.MODELS[name].draw("f32", trained=True, length=length).arguments
    (inputs, _) = zoo.functions(path_of(name).read_text())[name]
    return [np.asarray(drawn[n]).astype(zoo.element(t)) for n, t in inputs]


def found(name):
    return plot.systems(path_of(name), name, arguments(name))


def impulse_response(name, length, feedthrough):
    """The oracle's answer on channel 0 to an impulse on channel 0, without D u."""
    model = zoo.MODELS[name]
    p = model.module.trained_like(np.random.default_rng([0, True, 32, *name.encode()]), **model.params,
                                  **model.trained)
    u = np.zeros((1, length, model.inputs["channels"]))
    u[0, 0, 0] = 1
    y = getattr(model.module, model.forward)(p, {"u": u})[0]
    y[0, 0, 0] -= p[feedthrough][0]
    return y[0, :, 0]


@pytest.mark.parametrize("name", ["s4d", "s4", "s5"])
def test_kernel_is_the_impulse_response(name):
    (system,) = found(name)
    np.testing.assert_allclose(system.kernel(64)[0], impulse_response(name, 64, "D"), rtol=0, atol=2e-5)


def test_dense_poles_are_eigenvalues(tmp_path):
    file = tmp_path / "dense.mlir"
    file.write_text("""
#a = affine_map<(t, n, m) -> (n, m)>
#u = affine_map<(t, n, m) -> (t, n)>
#x = affine_map<(t, n, m) -> (n)>
func.func @f(%a: tensor<2x2xf64>, %u: tensor<?x2xf64>) -> tensor<?x2xf64> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf64>) signal(%u : tensor<?x2xf64>)
    {indexing_maps = [#a, #u, #u, #x], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<?x2xf64>, tensor<2xf64>
  return %y : tensor<?x2xf64>
}""")
    a = np.array([[0.5, -0.5], [0.5, 0.5]])
    (system,) = plot.systems(file, "f", [a, np.zeros((3, 2))])
    assert sorted(system.poles().imag) == pytest.approx([-0.5, 0.5])


@pytest.mark.parametrize("picture, name, suffix", [
    ("kernels", "s4d", "png"), ("attention", "bigs", "svg"), ("poles", "retnet", "png"), ("response", "hyena", "svg"),
    ("error", "lru", "png"), ("strategy", "s5", "svg")])
def test_picture(picture, name, suffix, tmp_path):
    inputs, output = tmp_path / "in.npz", tmp_path / f"out.{suffix}"
    np.savez(inputs, *arguments(name))
    assert plot.main([picture, str(path_of(name)), f"--entry={name}", f"--inputs={inputs}", "--length=32", "-o",
                      str(output)]) == 0
    assert output.read_bytes().startswith(b"\x89PNG" if suffix == "png" else b"<?xml")


@pytest.mark.parametrize("picture, name, rule", [
    ("kernels", "mamba1", "the transition varies in time"), ("kernels", "retnet", "the input varies in time"),
    ("poles", "hyena", "has no poles"), ("kernels", "gru", "a nonlinear recurrence has no kernel")])
def test_what_has_no_picture_is_an_error(picture, name, rule, tmp_path, capsys):
    inputs, output = tmp_path / "in.npz", tmp_path / "out.png"
    np.savez(inputs, *arguments(name))
    assert plot.main([picture, str(path_of(name)), f"--entry={name}", f"--inputs={inputs}", "-o", str(output)]) == 1
    assert rule in capsys.readouterr().err
    assert not output.exists()


LAYER = """
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
func.func @f(%a: tensor<32x8xcomplex<f32>>, %c: tensor<32x8xcomplex<f32>>, %u: tensor<1xTx32xf32>) -> tensor<1xTx32xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32x8xcomplex<f32>>) signal(%u : tensor<1xTx32xf32>)
      output(%c : tensor<32x8xcomplex<f32>>) {indexing_maps = [#hn, #bth, #hn, #bth, #bhn], time = 1 : i64,
      projection = #ssm.projection<twice_real>} -> tensor<1xTx32xf32>, tensor<1x32x8xcomplex<f32>>
  return %y : tensor<1xTx32xf32>
}
"""


def layer_arguments(length):
    rng = np.random.default_rng(0)
    a = rng.uniform(0.9, 0.99, (32, 8)) * np.exp(1j * rng.uniform(-3, 3, (32, 8)))
    c, u = rng.standard_normal((32, 8)) + 0j, rng.standard_normal((1, length, 32))
    return a.astype(np.complex64), c.astype(np.complex64), u.astype(np.float32)


@pytest.mark.parametrize("length", [16, 4096])
def test_estimates_are_those_of_the_program(tmp_path, length):
    (tmp_path / "f.mlir").write_text(LAYER.replace("xTx", "x?x"))
    (system,) = plot.systems(tmp_path / "f.mlir", "f", layer_arguments(8))
    explain = ssm.compile(LAYER.replace("xTx", f"x{length}x")).explain
    assert system.plan(length).explain == explain
    winner, estimates = system.estimates(length)
    assert f"{winner} " in explain.split("(fastest)")[0] and len(estimates) == 4
    assert estimates[winner] == min(estimates.values())


@pytest.mark.parametrize("name", ["s4", "s5", "mamba2", "hyena", "bigs"])
def test_every_kind_of_op_has_estimates(name):
    for system in found(name):
        winner, estimates = system.estimates(64)
        assert estimates[winner] == min(estimates.values())


def test_errors_are_those_of_float32(tmp_path):
    a, c, u = layer_arguments(100)
    lengths, errors = plot.errors(LAYER.replace("xTx", "x?x"), "f.mlir", "f", [a, c, u])
    assert list(lengths) == [16, 32, 64] and list(errors) == ["sequential", "tree_scan", "fft_conv", "direct_conv"]
    h, exact = np.zeros((32, 8), complex), []
    for now in u[0, :64].astype(float):
        h = a.astype(complex) * h + now[:, None]
        exact.append(2 * (c * h).sum(1).real)
    for strategy, values in errors.items():
        y = ssm.compile(LAYER.replace("xTx", "x?x"), strategy=strategy, threads=1)(a, c, u[:, :64])
        expected = np.linalg.norm(y[0] - np.array(exact)) / np.linalg.norm(exact)
        assert abs(values[2] - expected) <= 1e-3 * expected and 1e-8 < expected < 1e-6


@pytest.mark.parametrize("text,message", [
    (LAYER.replace("xTx", "x?x").replace("f32", "f64"), "expected a program in f32"),
    (LAYER.replace("xTx", "x?x").replace("time = 1 : i64", "time = 1 : i64, direction = #ssm.direction<backward>"),
     "backward"),
    (LAYER.replace("xTx", "x8x"), "at least 16 steps")])
def test_errors_that_cannot_be_drawn(text, message):
    with pytest.raises(ValueError, match=message):
        plot.errors(text, "f.mlir", "f", list(layer_arguments(8)))
