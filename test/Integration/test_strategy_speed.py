"""Choosing strategies takes a second or less for a module of 1,000 ops."""

import time

from harness import tool

HEAD = """
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @f(%u0: tensor<1024x64xf32>, %a: tensor<64xf32>) -> tensor<1024x64xf32> {
"""
OP = """  %u{next}, %x{next} = ssm.linear_recurrence transition(%a : tensor<64xf32>) signal(%u{i} : tensor<1024x64xf32>)
      {{indexing_maps = [#d, #td, #td, #d], time = 0 : i64}} -> tensor<1024x64xf32>, tensor<64xf32>
"""


def seconds(*passes):
    count = 1000
    text = HEAD + "".join(OP.format(i=i, next=i + 1) for i in range(count)) + f"  return %u{count} : tensor<1024x64xf32>\n}}\n"
    start = time.perf_counter()
    out = tool("ssm-opt", *passes, input=text).stdout
    taken = time.perf_counter() - start
    assert out.count("#ssm.strategy") == (count if passes else 0)
    return taken


def test_a_thousand_ops_in_a_second():
    passes = ["--ssm-infer-time-invariance", "--ssm-simplify-structure", "--ssm-select-strategy"]
    # The best of three, without the time to start, parse and print.
    assert min(seconds(*passes) for _ in range(3)) - min(seconds() for _ in range(3)) <= 1
