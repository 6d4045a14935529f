// RUN: ssm-opt %s --ssm-annotate-facts | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>
#d = affine_map<(b, t, d) -> (d)>
#bd = affine_map<(b, t, d) -> (b, d)>

// CHECK-LABEL: func @invariant
// CHECK: ssm.facts = {commuting, input = "invariant", output = "absent", structure = "diagonal", transition = "invariant"}
func.func @invariant(%a: tensor<8xf32>, %b: tensor<8xf32>, %u: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<2x?x8xf32>) input(%b : tensor<8xf32>)
      {indexing_maps = [#d, #btd, #d, #btd, #bd], time = 1 : i64}
      -> tensor<2x?x8xf32>, tensor<2x8xf32>
  return %y : tensor<2x?x8xf32>
}

// CHECK-LABEL: func @varying_output
// CHECK: ssm.facts = {commuting, input = "absent", no_convolution = "the output map varies in time", output = "varying", structure = "diagonal", transition = "invariant"}
func.func @varying_output(%a: tensor<8xf32>, %c: tensor<16x8xf32>, %u: tensor<2x16x8xf32>) -> tensor<2x16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<2x16x8xf32>) output(%c : tensor<16x8xf32>)
      {indexing_maps = [#d, #btd, #td, #btd, #bd], time = 1 : i64}
      -> tensor<2x16x8xf32>, tensor<2x8xf32>
  return %y : tensor<2x16x8xf32>
}

// A transition varies if its low-rank part does.
// CHECK-LABEL: func @varying_low_rank
// CHECK: ssm.facts = {input = "absent", no_convolution = "the transition's low-rank part varies in time", output = "absent", structure = "low_rank", transition = "varying"}
func.func @varying_low_rank(%w: tensor<8xf32>, %p: tensor<2x16x8xf32>, %u: tensor<2x16x8xf32>) -> tensor<2x16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%w : tensor<8xf32>)
      signal(%u : tensor<2x16x8xf32>) low_rank(%p, %p : tensor<2x16x8xf32>, tensor<2x16x8xf32>)
      {indexing_maps = [#d, #btd, #btd, #btd, #btd, #bd], time = 1 : i64, row = 2 : i64}
      -> tensor<2x16x8xf32>, tensor<2x8xf32>
  return %y : tensor<2x16x8xf32>
}
