// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v4 cores=1" | FileCheck %s

#d = affine_map<(d, t) -> (d)>
#dt = affine_map<(d, t) -> (d, t)>

// A tree would gather the channels of each step, which lie a line apart.
// CHECK-LABEL: func @complex_lines
// CHECK: strategy = #ssm.strategy<sequential
func.func @complex_lines(%a: tensor<256xcomplex<f32>>, %u: tensor<256x512xcomplex<f32>>) -> tensor<256x512xcomplex<f32>> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<256xcomplex<f32>>) signal(%u : tensor<256x512xcomplex<f32>>)
      {indexing_maps = [#d, #dt, #dt, #d], time = 1 : i64}
      -> tensor<256x512xcomplex<f32>>, tensor<256xcomplex<f32>>
  return %x : tensor<256x512xcomplex<f32>>
}

// Nor are they gathered for a tree of one leaf.
// CHECK-LABEL: func @short_lines
// CHECK: strategy = #ssm.strategy<sequential
func.func @short_lines(%a: tensor<256x128xf32>, %u: tensor<256x128xf32>) -> tensor<256x128xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<256x128xf32>) signal(%u : tensor<256x128xf32>)
      {indexing_maps = [#dt, #dt, #dt, #d], time = 1 : i64} -> tensor<256x128xf32>, tensor<256xf32>
  return %x : tensor<256x128xf32>
}
