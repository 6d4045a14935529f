// RUN: ssm-opt %s --ssm-gradient --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-gradient=entry=decay | FileCheck %s --check-prefix=ENTRY

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// ENTRY: func @decay_vjp
// ENTRY-NOT: func @square_vjp

// The cotangents run backward with the same transition, and read p_{t+1}.
// CHECK-LABEL: func @decay(
// CHECK-NOT: backward
// CHECK-LABEL: func @decay_vjp(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32> {ssm.name = "a"}, %[[U:.*]]: tensor<?x8xf32>, %[[DY:.*]]: tensor<?x8xf32> {ssm.name = "d_y"}) -> (tensor<8xf32> {ssm.name = "d_a"}, tensor<?x8xf32> {ssm.name = "d_1"})
// CHECK: %[[P:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[DY]] : {{.*}}) input(%[[A]] : {{.*}}) {direction = #ssm.direction<backward>, {{.*}} read = #ssm.read<before>
// CHECK: %[[G:.*]] = linalg.generic {{.*}} ins(%[[DY]], %[[P]]
// CHECK: %[[X:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[U]] : {{.*}}) {{{.*}} read = #ssm.read<before>
// CHECK: %[[DA:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[G]], %[[X]]
// CHECK: return %[[DA]], %[[G]]
func.func @decay(%a: tensor<8xf32> {ssm.name = "a"}, %u: tensor<?x8xf32>) -> (tensor<?x8xf32> {ssm.name = "y"}) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<?x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
      -> tensor<?x8xf32>, tensor<8xf32>
  return %x : tensor<?x8xf32>
}

// What does not depend on an input is not looked at, and integers have no
// cotangent.
// CHECK-LABEL: func @square_vjp(
// CHECK-SAME: %[[X:.*]]: tensor<4xf64>, %{{.*}}: tensor<4xi32>, %[[DY:.*]]: tensor<4xf64> {ssm.name = "d_r0"}) -> (tensor<4xf64> {ssm.name = "d_0"})
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[X]], %[[DY]]
func.func @square(%x: tensor<4xf64>, %i: tensor<4xi32>) -> (tensor<4xf64>, tensor<4xi32>) {
  %one = arith.constant dense<1.0> : tensor<4xf64>
  %angle = math.tan %one : tensor<4xf64>
  %s = arith.mulf %x, %x : tensor<4xf64>
  %y = arith.addf %s, %angle : tensor<4xf64>
  return %y, %i : tensor<4xf64>, tensor<4xi32>
}
