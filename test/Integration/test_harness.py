"""The harness reads signatures correctly."""

import ml_dtypes
import numpy as np
import pytest
from harness import ToolError, element_dtype, result_types, run, split_types, tool

MODULE = """
func.func @none(%x: tensor<4xf32>) { return }
func.func @one(%x: tensor<?x4xcomplex<f32>>) -> tensor<?x4xcomplex<f32>> {
  return %x : tensor<?x4xcomplex<f32>>
}
func.func @two(%x: tensor<4xbf16>, %y: f64) -> (tensor<4xbf16> {test.name = "a"}, f64) {
  return %x, %y : tensor<4xbf16>, f64
}
"""


@pytest.mark.parametrize("entry,expected", [
    ("none", []),
    ("one", ["tensor<?x4xcomplex<f32>>"]),
    ("two", ["tensor<4xbf16>", "f64"]),
])
def test_result_types(entry, expected):
    assert result_types(MODULE, entry) == expected


def test_missing_entry_is_named():
    with pytest.raises(ValueError, match="@three"):
        result_types(MODULE, "three")


def test_split_types_keeps_brackets_together():
    text = "memref<2x3xf32, affine_map<(i, j) -> (j, i)>>, tuple<f32, f64>, i1"
    assert split_types(text) == [
        "memref<2x3xf32, affine_map<(i, j) -> (j, i)>>", "tuple<f32, f64>", "i1"]
    assert split_types("") == []


@pytest.mark.parametrize("text,dtype", [
    ("tensor<f32>", np.float32),
    ("tensor<3x?xcomplex<f64>>", np.complex128),
    ("tensor<4xbf16>", ml_dtypes.bfloat16),
    ("index", np.int64),
])
def test_element_dtype(text, dtype):
    assert element_dtype(text) == dtype


def test_a_failing_tool_raises_with_its_message():
    with pytest.raises(ToolError, match="custom op 'nonsense'") as error:
        tool("ssm-opt", input="nonsense")
    assert error.value.status == 1


@pytest.mark.parametrize("name", ["f16", "bf16", "f32", "f64", "complex<f32>", "complex<f64>"])
def test_run_carries_every_element_type(name):
    dtype = element_dtype(name)
    text = f"""
    func.func @swap(%x: tensor<?x3x{name}>, %y: tensor<2x{name}>)
        -> (tensor<2x{name}>, tensor<?x3x{name}>) {{
      return %y, %x : tensor<2x{name}>, tensor<?x3x{name}>
    }}"""
    x, y = np.arange(12).reshape(4, 3).astype(dtype), np.array([-1.5, 7]).astype(dtype)
    results = run(text, x, y, entry="swap")
    assert [r.dtype for r in results] == [dtype, dtype]
    assert (results[0] == y).all() and (results[1] == x).all()


def test_run_reports_a_wrong_shape():
    text = "func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> { return %x : tensor<3xf32> }"
    with pytest.raises(ToolError, match="ssm-run"):
        run(text, np.zeros(4, np.float32))
