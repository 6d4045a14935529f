// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

// The affine pair: x_t = a_t x_{t-1} + b_t.
// CHECK-LABEL: func @affine
// CHECK: ssm.associative_scan(%{{.*}}, %{{.*}}) {dimension = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) {
// CHECK-NEXT: ^bb0(%[[AI:.*]]: f32, %[[BI:.*]]: f32, %[[AJ:.*]]: f32, %[[BJ:.*]]: f32):
// CHECK: ssm.yield %{{.*}}, %{{.*}} : f32, f32
func.func @affine(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %p, %x = ssm.associative_scan(%a, %b) {dimension = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) {
  ^bb0(%ai: f32, %bi: f32, %aj: f32, %bj: f32):
    %a2 = arith.mulf %aj, %ai : f32
    %ab = arith.mulf %aj, %bi : f32
    %b2 = arith.addf %ab, %bj : f32
    ssm.yield %a2, %b2 : f32, f32
  }
  return %x : tensor<?x8xf32>
}

// Exclusive and backward, with the identity of a maximum that carries its position.
// CHECK-LABEL: func @argmax
// CHECK: ssm.associative_scan(%{{.*}}, %{{.*}}) identity(%{{.*}}, %{{.*}} : f64, i64)
// CHECK-SAME: {dimension = 1 : i64, direction = #ssm.direction<backward>, exclusive,
// CHECK-SAME: strategy = #ssm.strategy<tree_scan, leaf = 64>}
// CHECK-SAME: : (tensor<3x?xf64>, tensor<3x?xi64>)
func.func @argmax(%v: tensor<3x?xf64>, %i: tensor<3x?xi64>, %low: f64, %none: i64) -> tensor<3x?xi64> {
  %m, %at = ssm.associative_scan(%v, %i) identity(%low, %none : f64, i64)
    {dimension = 1 : i64, direction = #ssm.direction<backward>, exclusive,
     strategy = #ssm.strategy<tree_scan, leaf = 64>} : (tensor<3x?xf64>, tensor<3x?xi64>) {
  ^bb0(%vl: f64, %il: i64, %vr: f64, %ir: i64):
    %right = arith.cmpf ogt, %vr, %vl : f64
    %v2 = arith.select %right, %vr, %vl : f64
    %i2 = arith.select %right, %ir, %il : i64
    ssm.yield %v2, %i2 : f64, i64
  }
  return %at : tensor<3x?xi64>
}
