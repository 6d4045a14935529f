// RUN: ssm-opt %s --ssm-annotate-facts | FileCheck %s

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// The largest element of a constant.
// CHECK-LABEL: func.func @constant(
// CHECK: ssm.facts = {{.*}}magnitude = 9.000000e-01 : f64
func.func @constant(%u: tensor<9x2xf64>) -> tensor<9x2xf64> {
  %a = arith.constant dense<[0.5, -0.9]> : tensor<2xf64>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf64>) signal(%u : tensor<9x2xf64>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf64>, tensor<2xf64>
  return %y : tensor<9x2xf64>
}

// A clamp, inside a linalg body, of a value that varies in time.
// CHECK-LABEL: func.func @clamped(
// CHECK: ssm.facts = {{.*}}magnitude = 7.500000e-01 : f64
func.func @clamped(%v: tensor<9x2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %high = arith.constant 0.75 : f32
  %low = arith.constant -0.5 : f32
  %a = linalg.generic {indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<9x2xf32>) outs(%u : tensor<9x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.minimumf %in, %high : f32
    %1 = arith.maximumf %0, %low : f32
    linalg.yield %1 : f32
  } -> tensor<9x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// A sigmoid is below 1, which cuts nothing; a decay scaled by 1/2 is below 1/2.
// CHECK-LABEL: func.func @sigmoid(
// CHECK: magnitude = 1.000000e+00 : f64
// CHECK: magnitude = 5.000000e-01 : f64
func.func @sigmoid(%v: tensor<2xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %one = arith.constant dense<1.0> : tensor<2xf32>
  %half = arith.constant dense<0.5> : tensor<2xf32>
  %n = arith.negf %v : tensor<2xf32>
  %e = math.exp %n : tensor<2xf32>
  %s = arith.addf %one, %e : tensor<2xf32>
  %a = arith.divf %one, %s : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  %f = math.exp %v : tensor<2xf32>
  %g = arith.negf %f : tensor<2xf32>
  %h = math.exp %g : tensor<2xf32>
  %c = arith.mulf %h, %half : tensor<2xf32>
  %z, %w = ssm.linear_recurrence transition(%c : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}

// Nothing is known of an argument, nor of a sum over a reduction.
// CHECK-LABEL: func.func @unknown(
// CHECK-NOT: magnitude
func.func @unknown(%v: tensor<2x3xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(d, n) -> (d, n)>, affine_map<(d, n) -> (d)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%v : tensor<2x3xf32>) outs(%zero : tensor<2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.tanh %in : f32
    %1 = arith.addf %0, %out : f32
    linalg.yield %1 : f32
  } -> tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}
