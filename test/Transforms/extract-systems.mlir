// RUN: ssm-opt %s --inline --ssm-infer-time-invariance --ssm-extract-systems=entry=f --canonicalize | FileCheck %s
// RUN: not ssm-opt %s --ssm-extract-systems=entry=g 2>&1 | FileCheck %s --check-prefix=ERROR

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// The transition is computed from the arguments; the input map varies in time.
// ERROR: error: there is no function 'g' of one block
// CHECK: func @f_systems(%[[A:.*]]: tensor<8xf32>,
// CHECK-SAME: -> tensor<8xf32> attributes {ssm.systems = [{direction = "backward",
// CHECK-SAME: elements = ["f32", "f32", "f32", "f32", "f32"], final_used = 0 : i64,
// CHECK-SAME: op = "linear_recurrence", operands = ["transition", "signal", "input", "result", "final"]
// CHECK-SAME: results = [0, -1, -1, -1, -1], sizes = [16, 8], time = 0 : i64}]}
// CHECK-NEXT: %[[E:.*]] = math.exp %[[A]] : tensor<8xf32>
// CHECK-NEXT: return %[[E]] : tensor<8xf32>
func.func @f(%a: tensor<8xf32>, %b: tensor<16x8xf32>, %u: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %e = math.exp %a : tensor<8xf32>
  %y, %x = ssm.linear_recurrence transition(%e : tensor<8xf32>) signal(%u : tensor<16x8xf32>)
      input(%b : tensor<16x8xf32>) {indexing_maps = [#d, #td, #td, #td, #d], time = 0 : i64,
      direction = #ssm.direction<backward>} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}
