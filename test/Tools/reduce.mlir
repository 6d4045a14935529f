// The reducer keeps what the test script finds interesting and drops the rest.
// RUN: ssm-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/keeps-fft.sh' \
// RUN: | FileCheck %s

// CHECK-NOT: func.func @other
// CHECK: func.func @wanted
// CHECK: ssm.fft
func.func @wanted(%x: tensor<8xcomplex<f32>>) -> tensor<8xcomplex<f32>> {
  %0 = ssm.fft %x {dimension = 0 : i64} : tensor<8xcomplex<f32>>
  return %0 : tensor<8xcomplex<f32>>
}

// CHECK-NOT: func.func @other
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
