// A slice that keeps some dimensions of size 1 and drops others stays the one
// that was cut: of 1x3x1 it is the 1x3 at a time, not the 3x1.
// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize | FileCheck %s

#a = affine_map<(b, n, t, m) -> (n, m)>
#x = affine_map<(b, n, t, m) -> (b, n, t)>
#h = affine_map<(b, n, t, m) -> (b, n)>
// CHECK-LABEL: @mixes_over_the_middle
// CHECK: tensor.extract_slice %arg1[0, 0, 0] [1, 3, 1]
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0] [1, 3, 1]
func.func @mixes_over_the_middle(%a: tensor<3x3xf32>, %x: tensor<1x3x1xf32>)
    -> (tensor<1x3x1xf32>, tensor<1x3xf32>) {
  %y, %h = ssm.linear_recurrence transition(%a : tensor<3x3xf32>)
    signal(%x : tensor<1x3x1xf32>)
    {indexing_maps = [#a, #x, #x, #h], time = 2 : i64, row = 1 : i64,
     column = 3 : i64, strategy = #ssm.strategy<sequential>}
    -> tensor<1x3x1xf32>, tensor<1x3xf32>
  return %y, %h : tensor<1x3x1xf32>, tensor<1x3xf32>
}
