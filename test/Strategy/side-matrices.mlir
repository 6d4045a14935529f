// RUN: ssm-opt %s --ssm-select-strategy="target=znver5 cores=1" | FileCheck %s

// Matrices of a channel's steps side by side, channels far apart: one channel after
// the other.
// CHECK-LABEL: func @channels_apart
// CHECK: strategy = #ssm.strategy<sequential, lanes = 1>
func.func @channels_apart(%a: tensor<64x512x2x2xf32>, %u: tensor<64x512x2xf32>) -> tensor<64x512x2xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<64x512x2x2xf32>) signal(%u : tensor<64x512x2xf32>)
      {indexing_maps = [affine_map<(t, d, i, j) -> (d, t, i, j)>, affine_map<(t, d, i, j) -> (d, t, i)>,
                        affine_map<(t, d, i, j) -> (d, t, i)>, affine_map<(t, d, i, j) -> (d, i)>],
       time = 0 : i64, row = 2 : i64, column = 3 : i64} -> tensor<64x512x2xf32>, tensor<64x2xf32>
  return %x : tensor<64x512x2xf32>
}

// Channels side by side: lanes gather small matrices from few cache lines, but not
// large ones.
// CHECK-LABEL: func @small
// CHECK: strategy = #ssm.strategy<sequential>
// CHECK-LABEL: func @large
// CHECK: strategy = #ssm.strategy<sequential, lanes = 1>
#tdij = affine_map<(t, d, i, j) -> (t, d, i, j)>
#tdi = affine_map<(t, d, i, j) -> (t, d, i)>
#di = affine_map<(t, d, i, j) -> (d, i)>
func.func @small(%a: tensor<512x64x4x4xf32>, %u: tensor<512x64x4xf32>) -> tensor<512x64x4xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<512x64x4x4xf32>) signal(%u : tensor<512x64x4xf32>)
      {indexing_maps = [#tdij, #tdi, #tdi, #di], time = 0 : i64, row = 2 : i64, column = 3 : i64}
      -> tensor<512x64x4xf32>, tensor<64x4xf32>
  return %x : tensor<512x64x4xf32>
}
func.func @large(%a: tensor<512x64x8x8xf32>, %u: tensor<512x64x8xf32>) -> tensor<512x64x8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<512x64x8x8xf32>) signal(%u : tensor<512x64x8xf32>)
      {indexing_maps = [#tdij, #tdi, #tdi, #di], time = 0 : i64, row = 2 : i64, column = 3 : i64}
      -> tensor<512x64x8xf32>, tensor<64x8xf32>
  return %x : tensor<512x64x8xf32>
}
