// RUN: ssm-opt %s --ssm-inline-exp | FileCheck %s

// 2^n exp(r): a polynomial in r, and two factors 2^(n/2) that cannot overflow.
// CHECK-LABEL: func.func @vector(
// CHECK-NOT: math.exp
// CHECK: %[[SHIFTED:.*]] = math.fma %[[X:.*]], %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: %[[N:.*]] = arith.subf %[[SHIFTED]],
// CHECK: %[[R0:.*]] = math.fma %[[N]], %{{.*}}, %[[X]]
// CHECK: %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[R0]]
// CHECK-COUNT-5: math.fma
// CHECK: arith.bitcast %[[SHIFTED]] : vector<16xf32> to vector<16xi32>
// CHECK: arith.shli
// CHECK: arith.mulf
// CHECK: arith.shli
// CHECK: %[[EXP:.*]] = arith.mulf
// CHECK: return %[[EXP]]
func.func @vector(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// Scalars and f64 call libm's functions.
// CHECK-LABEL: func.func @others(
// CHECK: math.exp %{{.*}} : f32
// CHECK: math.exp %{{.*}} : vector<8xf64>
func.func @others(%x: f32, %z: vector<8xf64>) -> (f32, vector<8xf64>) {
  %y = math.exp %x : f32
  %w = math.exp %z : vector<8xf64>
  return %y, %w : f32, vector<8xf64>
}
