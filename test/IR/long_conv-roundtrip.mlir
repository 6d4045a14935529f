// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>

// CHECK-LABEL: func @channels
// CHECK: ssm.long_conv %{{.*}}, %{{.*}} {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}], time = 2 : i64}
// CHECK-SAME: : tensor<8x64x4096xf32>, tensor<64x4096xf32> -> tensor<8x64x4096xf32>
func.func @channels(%u: tensor<8x64x4096xf32>, %k: tensor<64x4096xf32>) -> tensor<8x64x4096xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
    : tensor<8x64x4096xf32>, tensor<64x4096xf32> -> tensor<8x64x4096xf32>
  return %y : tensor<8x64x4096xf32>
}

// The kernel may be shorter or longer than the signal; its size is no time.
// CHECK-LABEL: func @taps
// CHECK: numerics = #ssm.numerics<strict>, strategy = #ssm.strategy<direct_conv>, time = 2 : i64}
// CHECK-SAME: : tensor<?x?x?xf64>, tensor<?x5xf64> -> tensor<?x?x?xf64>
func.func @taps(%u: tensor<?x?x?xf64>, %k: tensor<?x5xf64>) -> tensor<?x?x?xf64> {
  %y = ssm.long_conv %u, %k
    {indexing_maps = [#bht, #ht, #bht], time = 2 : i64,
     numerics = #ssm.numerics<strict>, strategy = #ssm.strategy<direct_conv>}
    : tensor<?x?x?xf64>, tensor<?x5xf64> -> tensor<?x?x?xf64>
  return %y : tensor<?x?x?xf64>
}

// One real signal through a bank of complex kernels, channel last.
// CHECK-LABEL: func @bank
// CHECK: : tensor<100xf32>, tensor<64x50xcomplex<f32>> -> tensor<100x64xcomplex<f32>>
func.func @bank(%u: tensor<100xf32>, %k: tensor<64x50xcomplex<f32>>) -> tensor<100x64xcomplex<f32>> {
  %y = ssm.long_conv %u, %k
    {indexing_maps = [affine_map<(t, h) -> (t)>, affine_map<(t, h) -> (h, t)>, affine_map<(t, h) -> (t, h)>],
     time = 0 : i64} : tensor<100xf32>, tensor<64x50xcomplex<f32>> -> tensor<100x64xcomplex<f32>>
  return %y : tensor<100x64xcomplex<f32>>
}

// Lag 0 is the middle tap.
// CHECK-LABEL: func @two_sided
// CHECK: {direction = #ssm.direction<two_sided>, indexing_maps =
// CHECK-SAME: : tensor<8x64x100xf32>, tensor<64x199xf32> -> tensor<8x64x100xf32>
func.func @two_sided(%u: tensor<8x64x100xf32>, %k: tensor<64x199xf32>) -> tensor<8x64x100xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64, direction = #ssm.direction<two_sided>}
    : tensor<8x64x100xf32>, tensor<64x199xf32> -> tensor<8x64x100xf32>
  return %y : tensor<8x64x100xf32>
}
