// RUN: ssm-opt %s --ssm-precise-math | FileCheck %s

// CHECK-LABEL: func.func @scalar
// CHECK: call @expm1f
// CHECK: call @log1p
func.func @scalar(%x: f32, %y: f64) -> (f32, f64) {
  %a = math.expm1 %x : f32
  %b = math.log1p %y : f64
  return %a, %b : f32, f64
}

// Kahan's formulas; the selects handle exp(x) = 1, 0 and infinity.
// CHECK-LABEL: func.func @vector
// CHECK-SAME: %[[X:.*]]: vector<4xf32>
// CHECK: %[[U:.*]] = math.exp %[[X]]
// CHECK: %[[D:.*]] = arith.subf %[[U]]
// CHECK: %[[LOG:.*]] = math.log %[[U]]
// CHECK: %[[DX:.*]] = arith.mulf %[[D]], %[[X]]
// CHECK: arith.divf %[[DX]], %[[LOG]]
// CHECK: %[[V:.*]] = arith.addf
// CHECK: %[[LOG1:.*]] = math.log %[[V]]
// CHECK: %[[LX:.*]] = arith.mulf %[[LOG1]]
// CHECK: arith.divf %[[LX]]
// CHECK-NOT: math.expm1
// CHECK-NOT: math.log1p
func.func @vector(%x: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>) {
  %a = math.expm1 %x : vector<4xf32>
  %b = math.log1p %x : vector<4xf32>
  return %a, %b : vector<4xf32>, vector<4xf32>
}
