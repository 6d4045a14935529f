// RUN: ssm-opt %s --ssm-select-strategy="target=znver5 cores=1" | FileCheck %s

#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#bthn = affine_map<(b, t, h, n) -> (b, t, h, n)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
#hn = affine_map<(b, t, h, n) -> (h, n)>
#h = affine_map<(b, t, h, n) -> (h)>

// The states of each channel's signal side by side, two vectors of them: lanes
// are states.
// CHECK-LABEL: func @normaliser
// CHECK: strategy = #ssm.strategy<sequential, lanes = 1>
func.func @normaliser(%a: tensor<4xf32>, %k: tensor<2x512x4x64xf32>, %q: tensor<2x512x4x64xf32>) -> tensor<2x512x4xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%k : tensor<2x512x4x64xf32>)
      output(%q : tensor<2x512x4x64xf32>) {indexing_maps = [#h, #bthn, #bthn, #bth, #bhn], time = 1 : i64}
      -> tensor<2x512x4xf32>, tensor<2x4x64xf32>
  return %y : tensor<2x512x4xf32>
}

// One vector: squares of 16 x 16 are transposed in registers.
// CHECK-LABEL: func @squares
// CHECK: strategy = #ssm.strategy<sequential>
func.func @squares(%a: tensor<2x512x64x16xf32>, %u: tensor<2x512x64xf32>, %c: tensor<64x16xf32>) -> tensor<2x512x64xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<2x512x64x16xf32>) signal(%u : tensor<2x512x64xf32>)
      output(%c : tensor<64x16xf32>) {indexing_maps = [#bthn, #bth, #hn, #bth, #bhn], time = 1 : i64}
      -> tensor<2x512x64xf32>, tensor<2x64x16xf32>
  return %y : tensor<2x512x64xf32>
}

// Complex numbers are two.
// CHECK-LABEL: func @complex_numbers
// CHECK: strategy = #ssm.strategy<sequential, lanes = 1>
func.func @complex_numbers(%a: tensor<2x512x64x16xcomplex<f32>>, %u: tensor<2x512x64xf32>, %c: tensor<64x16xf32>)
    -> tensor<2x512x64xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<2x512x64x16xcomplex<f32>>) signal(%u : tensor<2x512x64xf32>)
      output(%c : tensor<64x16xf32>)
      {indexing_maps = [#bthn, #bth, #hn, #bth, #bhn], time = 1 : i64, projection = #ssm.projection<real>}
      -> tensor<2x512x64xf32>, tensor<2x64x16xcomplex<f32>>
  return %y : tensor<2x512x64xf32>
}

// What a tile computes for itself is in no memory to gather from.
// CHECK-LABEL: func @selective
// CHECK: strategy = #ssm.strategy<sequential>
func.func @selective(%dt: tensor<2x512x64xf32>, %A: tensor<64x32xf32>, %u: tensor<2x512x64xf32>, %c: tensor<64x32xf32>)
    -> tensor<2x512x64xf32> {
  %empty = tensor.empty() : tensor<2x512x64x32xf32>
  %a = linalg.generic {indexing_maps = [#bth, #hn, #bthn],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<2x512x64xf32>, tensor<64x32xf32>) outs(%empty : tensor<2x512x64x32xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %x, %y : f32
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<2x512x64x32xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<2x512x64x32xf32>) signal(%u : tensor<2x512x64xf32>)
      output(%c : tensor<64x32xf32>) {indexing_maps = [#bthn, #bth, #hn, #bth, #bhn], time = 1 : i64}
      -> tensor<2x512x64xf32>, tensor<2x64x32xf32>
  return %y : tensor<2x512x64xf32>
}
