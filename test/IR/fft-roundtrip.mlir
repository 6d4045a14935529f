// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @forward
// CHECK: ssm.fft %{{.*}} {dimension = 1 : i64} : tensor<?x1024x3xcomplex<f32>>
func.func @forward(%x: tensor<?x1024x3xcomplex<f32>>) -> tensor<?x1024x3xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 1 : i64} : tensor<?x1024x3xcomplex<f32>>
  return %X : tensor<?x1024x3xcomplex<f32>>
}

// CHECK-LABEL: func @inverse
// CHECK: ssm.fft %{{.*}} {dimension = 0 : i64, inverse} : tensor<2xcomplex<f64>>
func.func @inverse(%X: tensor<2xcomplex<f64>>) -> tensor<2xcomplex<f64>> {
  %x = ssm.fft %X {dimension = 0 : i64, inverse} : tensor<2xcomplex<f64>>
  return %x : tensor<2xcomplex<f64>>
}

// CHECK-LABEL: func @real_to_half
// CHECK: ssm.fft %{{.*}} {dimension = 1 : i64} : tensor<?x15xf32> -> tensor<?x8xcomplex<f32>>
func.func @real_to_half(%x: tensor<?x15xf32>) -> tensor<?x8xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 1 : i64} : tensor<?x15xf32> -> tensor<?x8xcomplex<f32>>
  return %X : tensor<?x8xcomplex<f32>>
}

// CHECK-LABEL: func @half_to_real
// CHECK: ssm.fft %{{.*}} {dimension = 0 : i64, inverse} : tensor<8x3xcomplex<f64>> -> tensor<14x3xf64>
func.func @half_to_real(%X: tensor<8x3xcomplex<f64>>) -> tensor<14x3xf64> {
  %x = ssm.fft %X {dimension = 0 : i64, inverse} : tensor<8x3xcomplex<f64>> -> tensor<14x3xf64>
  return %x : tensor<14x3xf64>
}
