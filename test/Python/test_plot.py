"""Pictures of models, and the kernels and poles in them against the oracles."""

import numpy as np
import pytest
import zoo

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
    ("kernels", "s4d", "png"), ("attention", "bigs", "svg"), ("poles", "retnet", "png"), ("response", "hyena", "svg")])
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
