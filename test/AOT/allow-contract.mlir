// RUN: ssm-opt %s --ssm-allow-contract | FileCheck %s

// CHECK-LABEL: func.func @flags
// CHECK: arith.mulf %{{.*}}, %{{.*}} fastmath<contract>
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<nnan,contract>
// CHECK: math.exp %{{.*}} fastmath<contract>
// CHECK: complex.mul %{{.*}}, %{{.*}} fastmath<contract>
// CHECK: arith.addi %{{[^f]*$}}
func.func @flags(%a: f32, %c: complex<f32>, %i: i32) -> (f32, complex<f32>, i32) {
  %0 = arith.mulf %a, %a : f32
  %1 = arith.addf %0, %a fastmath<nnan> : f32
  %2 = math.exp %1 : f32
  %3 = complex.mul %c, %c : complex<f32>
  %4 = arith.addi %i, %i : i32
  return %2, %3, %4 : f32, complex<f32>, i32
}
