// RUN: ssm-opt %s --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s

// The sign is in the ops; arguments and results have none of their own.
// CHECK-LABEL: func.func @mixes(
// CHECK-SAME: %{{.*}}: tensor<4xi32>, %{{.*}}: tensor<4xf32>) -> (tensor<4xi32>, tensor<4xi1>, tensor<4xf32>)
// CHECK: arith.constant dense<-1> : tensor<4xi32>
// CHECK: arith.fptoui
// CHECK: arith.maxui
// CHECK: arith.cmpi ugt
// CHECK: arith.uitofp
func.func @mixes(%x: tensor<4xui32>, %f: tensor<4xf32>) -> (tensor<4xui32>, tensor<4xi1>, tensor<4xf32>) {
  %most = "stablehlo.constant"() <{value = dense<4294967295> : tensor<4xui32>}> : () -> tensor<4xui32>
  %g = "stablehlo.convert"(%f) : (tensor<4xf32>) -> tensor<4xui32>
  %m = "stablehlo.maximum"(%x, %g) : (tensor<4xui32>, tensor<4xui32>) -> tensor<4xui32>
  %s = "stablehlo.xor"(%m, %most) : (tensor<4xui32>, tensor<4xui32>) -> tensor<4xui32>
  %c = "stablehlo.compare"(%m, %x) <{comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<4xui32>, tensor<4xui32>) -> tensor<4xi1>
  %h = "stablehlo.convert"(%m) : (tensor<4xui32>) -> tensor<4xf32>
  return %s, %c, %h : tensor<4xui32>, tensor<4xi1>, tensor<4xf32>
}

// Shifts by as many bits as there are leave nothing, or the sign.
// CHECK-LABEL: func.func @shifts(
// CHECK: arith.cmpi ult
// CHECK: arith.shrui
// CHECK: arith.minui
// CHECK: arith.shrsi
func.func @shifts(%x: tensor<4xi32>, %n: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %a = "stablehlo.shift_right_logical"(%x, %n) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %b = "stablehlo.shift_right_arithmetic"(%x, %n) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %a, %b : tensor<4xi32>, tensor<4xi32>
}
