// The reducer keeps what the test script finds interesting and drops the rest.
// RUN: ssm-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/keeps-exp.sh' \
// RUN: | FileCheck %s

// CHECK-NOT: func.func @other
// CHECK: func.func @wanted
// CHECK: math.exp
func.func @wanted(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-NOT: func.func @other
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
