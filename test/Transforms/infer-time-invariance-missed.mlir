// RUN: ssm-opt %s --ssm-infer-time-invariance --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: ssm-opt %s --ssm-infer-time-invariance --remarks-filter=".*" 2>/dev/null | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// Two rows differ; a constant whose rows agree up to the sign of zero differs.
// REMARK: the transition varies in time, as far as is known of the result of 'arith.constant' at {{.*}}infer-time-invariance-missed.mlir:[[#@LINE+4]]
// CHECK-LABEL: func @constant(
// CHECK: transition(%{{.*}} : tensor<2x1xf32>)
func.func @constant(%u: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %a = arith.constant dense<[[0.0], [-0.0]]> : tensor<2x1xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x1xf32>) signal(%u : tensor<2x1xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<2x1xf32>, tensor<1xf32>
  return %y : tensor<2x1xf32>
}

// A body that reads the time.
// REMARK: varies in time, as far as is known of the result of 'linalg.generic'
func.func @reads_index(%v: tensor<2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %e = tensor.empty() : tensor<9x2xf32>
  %a = linalg.generic {indexing_maps = [#d, #td], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<2xf32>) outs(%e : tensor<9x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = linalg.index 0 : index
    %i = arith.index_cast %t : index to i32
    %f = arith.sitofp %i : i32 to f32
    %0 = arith.mulf %in, %f : f32
    linalg.yield %0 : f32
  } -> tensor<9x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// A loop that writes all places but the last.
// REMARK: varies in time, as far as is known of the result of 'scf.for'
func.func @short_loop(%v: tensor<2xf32>, %init: tensor<9x2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %a = scf.for %t = %c0 to %c8 step %c1 iter_args(%acc = %init) -> tensor<9x2xf32> {
    %next = tensor.insert_slice %v into %acc[%t, 0] [1, 2] [1, 1] : tensor<2xf32> into tensor<9x2xf32>
    scf.yield %next : tensor<9x2xf32>
  }
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// A recursive function, and one that others may call.
// REMARK: varies in time, as far as is known of argument #0 of @recursive
func.func private @recursive(%a: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%a : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  %z = call @recursive(%a) : (tensor<9x2xf32>) -> tensor<9x2xf32>
  return %z : tensor<9x2xf32>
}

// REMARK: varies in time, as far as is known of argument #0 of @public
func.func @public(%a: tensor<9x2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// The transition alone says how long time is.
// REMARK: OnlyTimeOperand {{.*}}the transition is constant in time, but no other operand has the length
func.func @only_operand(%u: tensor<2xf32>) -> tensor<9x2xf32> {
  %a = arith.constant dense<0.5> : tensor<9x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<2xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}
