// ssm-run reads .npy files, runs the entry and writes its results.
// RUN: %python %S/Inputs/npy.py make %t-a.npy 3x5
// RUN: ssm-run %s --entry=f --input %t-a.npy --output %t-y.npy --output=%t-s.npy
// RUN: %python %S/Inputs/npy.py show %t-y.npy | FileCheck %s
// RUN: %python %S/Inputs/npy.py show %t-s.npy | FileCheck %s --check-prefix=SUM
// RUN: ssm-run %s --entry=f --input %t-a.npy --time=3 | FileCheck %s --check-prefix=TIME

// CHECK: float32 (3, 5) [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0, 26.0, 28.0]
// SUM: float32 (3,) [20.0, 70.0, 120.0]
// TIME: {"min_s": {{[0-9.e-]+}}, "median_s": {{[0-9.e-]+}}, "repeats": 3}
func.func @f(%a: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %a, %c0 : tensor<?x?xf32>
  %n = tensor.dim %a, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%m, %n) : tensor<?x?xf32>
  %y = linalg.add ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = tensor.empty(%m) : tensor<?xf32>
  %z = linalg.fill ins(%zero : f32) outs(%s : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.reduce {arith.addf} ins(%y : tensor<?x?xf32>) outs(%z : tensor<?xf32>) dimensions = [1]
  return %y, %r : tensor<?x?xf32>, tensor<?xf32>
}

func.func @other(%a: tensor<2xf32>) -> tensor<2xf32> {
  return %a : tensor<2xf32>
}
