"""What --ssm-lower-to-linalg leaves: portable, and of one size for every L."""
import re

import pytest

from harness import ROOT, tool

PORTABLE = {"builtin", "func", "tensor", "linalg", "arith", "math", "complex",
            "scf"}
RECURRENCE = """
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @f(%a: tensor<19xf32>, %u: tensor<{L}x19xf32>) -> tensor<{L}x19xf32> {{
  %x, %last = ssm.linear_recurrence transition(%a : tensor<19xf32>)
      signal(%u : tensor<{L}x19xf32>)
      {{indexing_maps = [#d, #td, #td, #d], time = 0 : i64}}
      -> tensor<{L}x19xf32>, tensor<19xf32>
  return %x : tensor<{L}x19xf32>
}}"""


def lowered_ops(path, strategy):
    """The name of every op, in order."""
    text = tool("ssm-opt", path, f"--ssm-select-strategy=force={strategy}",
                "--ssm-lower-to-linalg", "--canonicalize", "--cse",
                "--mlir-print-op-generic").stdout
    return re.findall(r'(?<![\w<])"(\w+\.\w+)"\(', text)


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.mlir")),
                         ids=lambda path: path.stem)
def test_examples_are_portable(example):
    dialects = {name.split(".")[0] for name in lowered_ops(example, "auto")}
    assert dialects and dialects <= PORTABLE


def test_products_of_matrices_are_portable(tmp_path):
    path = tmp_path / "f.mlir"
    path.write_text(RECURRENCE.format(L=1000).replace("time = 0 : i64", "time = 0 : i64, strategy = #ssm.strategy<fft_conv, matrix = bf16>"))
    names = lowered_ops(path, "auto")
    assert "linalg.matmul" in names and {name.split(".")[0] for name in names} <= PORTABLE


@pytest.mark.parametrize("strategy", ["sequential", "tree_scan", "fft_conv",
                                      "direct_conv"])
def test_size_does_not_grow_with_length(strategy, tmp_path):
    counts = []
    # Transforms of these sizes end in leaves of one size, and build tables of
    # factors: those of up to 2^14 points have constants.
    for length in (1 << 15, 1 << 21):
        path = tmp_path / f"{length}.mlir"
        path.write_text(RECURRENCE.format(L=length))
        # Two sizes that happen to be equal share what depends on them alone.
        shared = {"arith.constant", "tensor.empty"}
        counts.append(sum(name not in shared
                          for name in lowered_ops(path, strategy)))
    assert counts[0] == counts[1] > 0
