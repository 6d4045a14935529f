// RUN: ssm-opt %s --ssm-select-strategy=force=direct_conv | FileCheck %s --check-prefix=CHOICE
// RUN: ssm-opt %s --ssm-select-strategy=force=direct_conv --ssm-recurrence-to-conv | FileCheck %s --check-prefix=CONV

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// |a| <= 0.9: after 187 taps, what is left is below half a rounding of the first.
// CHOICE-LABEL: func.func @static(
// CHOICE: strategy = #ssm.strategy<direct_conv, taps = 187>
// CONV-LABEL: func.func @static(
// CONV: ssm.materialize_kernel {{.*}} -> tensor<187x2xf32>
// CONV: ssm.long_conv {{.*}} : tensor<4096x2xf32>, tensor<187x2xf32> -> tensor<4096x2xf32>
func.func @static(%u: tensor<4096x2xf32>) -> tensor<4096x2xf32> {
  %a = arith.constant dense<[0.5, -0.9]> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<4096x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<4096x2xf32>, tensor<2xf32>
  return %y : tensor<4096x2xf32>
}

// A length known at run time only: the shorter of the two.
// CHOICE-LABEL: func.func @dynamic(
// CHOICE: taps = 187
// CONV-LABEL: func.func @dynamic(
// CONV: %[[L:.*]] = tensor.dim %arg0, %c0
// CONV: %[[T:.*]] = arith.minsi %[[L]], %c187
// CONV: ssm.materialize_kernel {{.*}} length(%[[T]])
func.func @dynamic(%u: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = arith.constant dense<[0.5, -0.9]> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<?x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %y : tensor<?x2xf32>
}

// Shorter than the cut, and exact causality: all taps.
// CHOICE-LABEL: func.func @whole(
// CHOICE-NOT: taps
func.func @whole(%u: tensor<100x2xf32>, %v: tensor<4096x2xf32>) -> (tensor<100x2xf32>, tensor<4096x2xf32>) {
  %a = arith.constant dense<[0.5, -0.9]> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<100x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<100x2xf32>, tensor<2xf32>
  %z, %w = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%v : tensor<4096x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, numerics = #ssm.numerics<strict>}
      -> tensor<4096x2xf32>, tensor<2xf32>
  return %y, %z : tensor<100x2xf32>, tensor<4096x2xf32>
}
