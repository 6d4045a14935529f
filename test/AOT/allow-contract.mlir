// RUN: ssm-opt %s --ssm-allow-contract | FileCheck %s

// CHECK-LABEL: func.func @flags
// CHECK: arith.mulf %{{.*}}, %{{.*}} fastmath<contract>
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<nnan,contract>
// CHECK: math.exp %{{.*}} fastmath<contract>
// CHECK: complex.mul %{{.*}}, %{{.*}} fastmath<contract>
// CHECK: arith.addi %{{[^f]*$}}
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK-NOT: fastmath
// CHECK: arith.extf %{{.*}} : bf16 to f32
func.func @flags(%a: f32, %c: complex<f32>, %i: i32) -> (f32, complex<f32>, i32) {
  %0 = arith.mulf %a, %a : f32
  %1 = arith.addf %0, %a fastmath<nnan> : f32
  %2 = math.exp %1 : f32
  %3 = complex.mul %c, %c : complex<f32>
  %4 = arith.addi %i, %i : i32
  %5 = arith.truncf %2 : f32 to bf16
  %6 = arith.extf %5 : bf16 to f32
  return %6, %3, %4 : f32, complex<f32>, i32
}
