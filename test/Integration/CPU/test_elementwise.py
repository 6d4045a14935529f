"""Ops of math and arith around recurrences, on tensors of rank 1 and 2, against their definitions in float64."""

import math

import ml_dtypes
import numpy as np
import pytest
from harness import run

FUNCTIONS = {
    "erf": math.erf, "erfc": math.erfc, "cbrt": np.cbrt, "acosh": np.arccosh, "asinh": np.arcsinh, "atanh": np.arctanh,
    "sinh": np.sinh, "tan": np.tan, "acos": np.arccos, "expm1": np.expm1, "log1p": np.log1p, "tanh": np.tanh,
    "cosh": np.cosh, "sin": np.sin, "cos": np.cos, "asin": np.arcsin, "atan": np.arctan, "log": np.log, "log2": np.log2,
    "log10": np.log10, "exp": np.exp, "exp2": np.exp2, "atan2": lambda x: np.arctan2(x, x),
    "powf": lambda x: np.power(x, x)
}
OF_TWO = {"atan2", "powf"}
# A function of four lanes has room for three; 37 lanes are two registers of AVX-512 and some; 6 x 16 whole ones.
SHAPES = [(3,), (37,), (6, 7), (6, 16)]
INTEGERS = {"absi": abs, "ctlz": lambda x: 32 - int(x & 0xFFFFFFFF).bit_length() if x >= 0 else 0}


def program(op, shape, dtype):
    dims = ["i", "j"][:len(shape)]
    identity = f"affine_map<({', '.join(dims)}) -> ({', '.join(dims)})>"
    tensor = f"tensor<{'x'.join(map(str, shape))}x{dtype}>"
    loops = ", ".join(['"parallel"'] * len(shape))
    return f"""
func.func @f(%x: {tensor}) -> {tensor} {{
  %e = tensor.empty() : {tensor}
  %y = linalg.generic {{indexing_maps = [{identity}, {identity}], iterator_types = [{loops}]}}
      ins(%x : {tensor}) outs(%e : {tensor}) {{
  ^bb0(%a: {dtype}, %o: {dtype}):
    %r = {op} %a{", %a" * (op.split(".")[1] in OF_TWO)} : {dtype}
    linalg.yield %r : {dtype}
  }} -> {tensor}
  return %y : {tensor}
}}"""


@pytest.mark.parametrize("dtype,bound", [("f32", 5e-7), ("f64", 1e-15)])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, shape, dtype, bound):
    x = np.linspace(0.05, 0.95, math.prod(shape)).reshape(shape).astype("f4" if dtype == "f32" else "f8")
    x = x + (name == "acosh")
    got, = run(program(f"math.{name}", shape, dtype), x)
    want = np.vectorize(FUNCTIONS[name])(x.astype(np.float64))
    np.testing.assert_allclose(got, want, rtol=bound)


@pytest.mark.parametrize("name", ["tanh", "erf", "log", "sin", "exp"])
def test_functions_of_bf16(name):
    """Are those of f32, rounded."""
    x = np.linspace(0.05, 0.95, 64, dtype=np.float32).astype(ml_dtypes.bfloat16)
    got, = run(program(f"math.{name}", (64,), "bf16"), x)
    want = np.vectorize(FUNCTIONS[name])(x.astype(np.float64))
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=2**-8)


@pytest.mark.parametrize("name,value,want", [("tanh", np.inf, 1), ("tanh", -np.inf, -1), ("erf", np.inf, 1),
                                             ("log", 0, -np.inf), ("log", -1, np.nan), ("log1p", -1, -np.inf),
                                             ("expm1", -np.inf, -1)])
def test_functions_at_their_ends(name, value, want):
    x = np.array([0.5] * 20 + [value, np.nan] + [0.5] * 11, np.float32)
    got, = run(program(f"math.{name}", (33,), "f32"), x)
    np.testing.assert_array_equal(got[20:22], np.array([want, np.nan], np.float32))
    assert np.all(got[:20] == got[0]) and np.isfinite(got[22:]).all()


@pytest.mark.parametrize("shape", [(21,), (6, 7)], ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", INTEGERS)
def test_functions_of_integers(name, shape):
    x = np.arange(-9, math.prod(shape) - 9, dtype=np.int32).reshape(shape)
    got, = run(program(f"math.{name}", shape, "i32"), x)
    np.testing.assert_array_equal(got, np.vectorize(INTEGERS[name])(x))


def test_a_rounding_between_two_ops_stays():
    """f32 to bf16 and back, in two ops that are fused."""
    text = """
#i = affine_map<(i) -> (i)>
func.func @f(%x: tensor<37xf32>) -> tensor<37xf32> {
  %e = tensor.empty() : tensor<37xbf16>
  %narrow = linalg.generic {indexing_maps = [#i, #i], iterator_types = ["parallel"]}
      ins(%x : tensor<37xf32>) outs(%e : tensor<37xbf16>) {
  ^bb0(%a: f32, %o: bf16):
    %r = arith.truncf %a : f32 to bf16
    linalg.yield %r : bf16
  } -> tensor<37xbf16>
  %wide = linalg.generic {indexing_maps = [#i, #i], iterator_types = ["parallel"]}
      ins(%narrow : tensor<37xbf16>) outs(%x : tensor<37xf32>) {
  ^bb0(%a: bf16, %o: f32):
    %r = arith.extf %a : bf16 to f32
    linalg.yield %r : f32
  } -> tensor<37xf32>
  return %wide : tensor<37xf32>
}"""
    x = np.linspace(-1, 1, 37, dtype=np.float32) / 3
    got, = run(text, x)
    np.testing.assert_array_equal(got, x.astype(ml_dtypes.bfloat16).astype(np.float32))
