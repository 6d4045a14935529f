// RUN: ssm-opt %s --ssm-infer-time-invariance --split-input-file | FileCheck %s
// RUN: ssm-opt %s --ssm-infer-time-invariance --split-input-file --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>

// A broadcast over time and batch, seen through elementwise ops.
// REMARK: InvariantInTime{{.*}}linear_recurrence: the transition is constant in time
// CHECK-DAG: #[[$D:.*]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-LABEL: func @broadcast(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32>
// CHECK: %[[N:.*]] = arith.negf %[[A]] : tensor<8xf32>
// CHECK: %[[E:.*]] = math.exp %[[N]] : tensor<8xf32>
// CHECK-NOT: linalg
// CHECK: ssm.linear_recurrence transition(%[[E]] : tensor<8xf32>)
// CHECK-SAME: indexing_maps = [#[[$D]],
func.func @broadcast(%a: tensor<8xf32>, %u: tensor<2x16x8xf32>) -> tensor<2x16x8xf32> {
  %e = tensor.empty() : tensor<2x16x8xf32>
  %w = linalg.broadcast ins(%a : tensor<8xf32>) outs(%e : tensor<2x16x8xf32>) dimensions = [0, 1]
  %n = arith.negf %w : tensor<2x16x8xf32>
  %x = math.exp %n : tensor<2x16x8xf32>
  %y, %f = ssm.linear_recurrence transition(%x : tensor<2x16x8xf32>) signal(%u : tensor<2x16x8xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64} -> tensor<2x16x8xf32>, tensor<2x8xf32>
  return %y : tensor<2x16x8xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// Splats and constants that repeat. An invariant operand also loses the channels
// along which it is constant.
// CHECK-LABEL: func @constants(
// CHECK-DAG: %[[C:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK-DAG: %[[H:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%{{.*}} : tensor<f32>)
// CHECK: ssm.linear_recurrence transition(%[[C]] : tensor<2xf32>) {{.*}} output(%[[H]] : tensor<f32>)
func.func @constants(%u: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %a = arith.constant dense<[[0.5, 0.25], [0.5, 0.25], [0.5, 0.25]]> : tensor<3x2xf32>
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %c = linalg.fill ins(%half : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<3x2xf32>) signal(%u : tensor<3x2xf32>) output(%c : tensor<3x2xf32>)
      {indexing_maps = [#td, #td, #td, #td, #d], time = 0 : i64} -> tensor<3x2xf32>, tensor<2xf32>
  return %y : tensor<3x2xf32>
}

// A slice of something that repeats and a transpose; sizes known at run time only.
// CHECK-LABEL: func @moved(
// CHECK-SAME: %[[L:.*]]: index
// CHECK-SAME: %[[V:.*]]: tensor<4xf32>
// CHECK: %[[S:.*]] = tensor.extract_slice %[[V]][1] [2] [1]
// CHECK: ssm.linear_recurrence transition(%[[S]] : tensor<2xf32>)
func.func @moved(%l: index, %v: tensor<4xf32>, %u: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %e = tensor.empty(%l) : tensor<4x?xf32>
  %f = linalg.broadcast ins(%v : tensor<4xf32>) outs(%e : tensor<4x?xf32>) dimensions = [1]
  %s = tensor.extract_slice %f[1, 0] [2, %l] [1, 1] : tensor<4x?xf32> to tensor<2x?xf32>
  %o = tensor.empty(%l) : tensor<?x2xf32>
  %a = linalg.transpose ins(%s : tensor<2x?xf32>) outs(%o : tensor<?x2xf32>) permutation = [1, 0]
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x2xf32>) signal(%u : tensor<?x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %y : tensor<?x2xf32>
}

// A discretisation whose step does not vary; B varies, the transition not.
// REMARK: [Passed] InvariantInTime{{.*}}linear_recurrence: the transition is constant in time
// REMARK: [Missed] VariesInTime{{.*}}linear_recurrence: the input map varies in time, as far as is known of argument #2 of @discretised
// CHECK-LABEL: func @discretised(
// CHECK: %[[A:.*]], %{{.*}} = ssm.discretize zoh transition(%{{.*}} : tensor<2xf32>) step(%{{.*}} : tensor<f32>)
// CHECK-NOT: input
// CHECK: -> tensor<2xf32>, tensor<2xf32>
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<2xf32>)
func.func @discretised(%a: tensor<2xf32>, %dt: f32, %b: tensor<9x2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %step = tensor.splat %dt : tensor<9xf32>
  %abar, %bbar = ssm.discretize zoh transition(%a : tensor<2xf32>) step(%step : tensor<9xf32>) input(%b : tensor<9x2xf32>)
      {indexing_maps = [#d, affine_map<(t, d) -> (t)>, #td, #td, #td]} -> tensor<9x2xf32>, tensor<9x2xf32>
  %y, %x = ssm.linear_recurrence transition(%abar : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>) input(%bbar : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// A loop that writes one slice to every place, computed inside it.
// CHECK-LABEL: func @loop(
// CHECK: %[[E:.*]] = math.exp %{{.*}} : tensor<2xf32>
// CHECK-NOT: scf.for
// CHECK: ssm.linear_recurrence transition(%[[E]] : tensor<2xf32>)
func.func @loop(%v: tensor<2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %e = tensor.empty() : tensor<9x2xf32>
  %a = scf.for %t = %c0 to %c9 step %c1 iter_args(%acc = %e) -> tensor<9x2xf32> {
    %x = math.exp %v : tensor<2xf32>
    %next = tensor.insert_slice %x into %acc[%t, 0] [1, 2] [1, 1] : tensor<2xf32> into tensor<9x2xf32>
    scf.yield %next : tensor<9x2xf32>
  }
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// A private function's argument, through its callers; a call's result.
// CHECK-LABEL: func private @layer(
// CHECK-SAME: %{{.*}}: tensor<9x2xf32>, %{{.*}}: tensor<9x2xf32>, %[[A:.*]]: tensor<2xf32>)
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<2xf32>)
func.func private @layer(%a: tensor<9x2xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

func.func private @repeat(%v: tensor<2xf32>) -> tensor<9x2xf32> {
  %e = tensor.empty() : tensor<9x2xf32>
  %w = linalg.broadcast ins(%v : tensor<2xf32>) outs(%e : tensor<9x2xf32>) dimensions = [0]
  return %w : tensor<9x2xf32>
}

// CHECK-LABEL: func @calls(
// CHECK-SAME: %[[V:.*]]: tensor<2xf32>
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[V]])
// CHECK: ssm.linear_recurrence transition(%[[V]] : tensor<2xf32>)
func.func @calls(%v: tensor<2xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %w = call @repeat(%v) : (tensor<2xf32>) -> tensor<9x2xf32>
  %z = call @layer(%w, %u) : (tensor<9x2xf32>, tensor<9x2xf32>) -> tensor<9x2xf32>
  %a = call @repeat(%v) : (tensor<2xf32>) -> tensor<9x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}
