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

// CHECK-LABEL: func.func @elements
// CHECK: vector.extract
// CHECK: call @erff
// CHECK: vector.insert
// CHECK: call @cbrtf
// CHECK-NOT: math.erf
func.func @elements(%x: vector<2x2xf32>, %y: f32) -> (vector<2x2xf32>, f32) {
  %a = math.erf %x : vector<2x2xf32>
  %b = math.cbrt %y : f32
  return %a, %b : vector<2x2xf32>, f32
}

// CHECK-LABEL: func.func @rows
// CHECK: %[[FLAT:.*]] = vector.shape_cast %{{.*}} : vector<2x8xi32> to vector<16xi32>
// CHECK: %[[ABS:.*]] = math.absi %[[FLAT]] : vector<16xi32>
// CHECK: vector.shape_cast %[[ABS]] : vector<16xi32> to vector<2x8xi32>
func.func @rows(%x: vector<2x8xi32>) -> vector<2x8xi32> {
  %a = math.absi %x : vector<2x8xi32>
  return %a : vector<2x8xi32>
}
