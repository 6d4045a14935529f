"""mlir_ssm.jax.lower: functions of JAX as programs of ours."""

import numpy as np
import pytest
from mlir_ssm._compile import core

jax = pytest.importorskip("jax", reason="jax is not installed")
if not hasattr(core(), "xla_handler"):
    pytest.skip("this build of mlir_ssm had no headers of XLA", allow_module_level=True)
import jax.numpy as jnp
import mlir_ssm
import mlir_ssm.jax as ssm
from jax import lax

RNG = np.random.default_rng(7)


def numbers(*shape):
    return RNG.uniform(0.1, 0.9, shape).astype(np.float32)


def compiled(f, *args):
    return mlir_ssm.compile(ssm.lower(f, *args), entry="main")


def close(got, want):
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=2e-6, atol=2e-6)


def layer(a, u):
    return lax.scan(lambda x, ut: (a * x + ut,) * 2, jnp.zeros(a.shape, a.dtype), u)[1]


def test_a_scan_gets_a_strategy():
    a, u = numbers(8), numbers(300, 8)
    f = compiled(layer, a, u)
    assert "linear_recurrence" in f.explain
    close(f(a, u), layer(a, u))


def test_shapes_are_enough():
    a, u = numbers(8), numbers(300, 8)
    f = compiled(layer, *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (a, u)))
    close(f(a, u), layer(a, u))


def test_leaves_of_a_tree_are_arguments():
    def f(parameters, u):
        return {"y": layer(parameters["a"], u) @ parameters["c"]}
    parameters, u = {"a": numbers(8), "c": numbers(8, 3)}, numbers(40, 8)
    close(compiled(f, parameters, u)(parameters["a"], parameters["c"], u), f(parameters, u)["y"])


def test_functions_of_this_module_are_what_they_stand_for():
    a, x = numbers(6), numbers(2, 50, 6)
    text = ssm.lower(lambda a, x: ssm.linear_recurrence(a, x)[0], a, x)
    assert "ssm.linear_recurrence" in text and "scf.for" not in text
    close(mlir_ssm.compile(text, entry="main")(a, x), ssm.linear_recurrence(a, x)[0])


def test_a_long_convolution_is_its_transforms():
    u, k = numbers(2, 3, 50), numbers(3, 50)
    close(compiled(ssm.long_conv, u, k)(u, k), ssm.long_conv(u, k))


def test_gradients_of_what_was_lowered():
    a, u, dy = numbers(8), numbers(40, 8), numbers(40, 8)
    grad = mlir_ssm.gradient(compiled(layer, a, u))
    for got, want in zip(grad(a, u, dy), jax.vjp(layer, a, u)[1](dy), strict=True):
        close(got, want)


def test_an_op_without_an_import_is_named():
    with pytest.raises(ValueError, match="'stablehlo.sort' op cannot be imported"):
        ssm.lower(jnp.sort, numbers(8))
