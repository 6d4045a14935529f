// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=2 vectors=true" --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>
#dt = affine_map<(b, t, d) -> (d, t)>

// The last cache does not hold a tile of 16 channels of 2^19 steps, but one of
// a channel: signal and kernel are turned by blocks of 64 steps, the result is
// turned back.
// CHECK-LABEL: func.func @long(
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<1x524288x16xf32>, %[[K:[a-z0-9]+]]: tensor<524288x16xf32>)
// CHECK: %[[V:.*]] = scf.forall (%{{.*}}) in (8192) shared_outs(%[[OUT:.*]] = %{{.*}}) -> (tensor<1x16x524288xf32>)
// CHECK: tensor.extract_slice %[[U]][0, %{{.*}}, 0] [1, 64, 16]
// CHECK: tensor.extract_slice %[[OUT]][0, 0, %{{.*}}] [1, 16, 64]
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<16x16xf32>)
// CHECK: %[[H:.*]] = scf.forall (%{{.*}}) in (8192) {{.*}} -> (tensor<16x524288xf32>)
// CHECK: tensor.extract_slice %[[K]]
// CHECK: scf.forall (%{{.*}}) in (16) {{.*}} -> (tensor<16x1x32768x2x16xf32>)
// CHECK: tensor.extract_slice %[[H]]
// CHECK: %[[Z:.*]] = scf.forall (%{{.*}}) in (16) {{.*}} -> (tensor<1x16x524288xf32>)
// CHECK: tensor.extract_slice %[[V]]
// CHECK: %[[Y:.*]] = scf.forall (%{{.*}}) in (8192) {{.*}} -> (tensor<1x524288x16xf32>)
// CHECK: tensor.extract_slice %[[Z]]
// CHECK: return %[[Y]]
func.func @long(%u: tensor<1x524288x16xf32>, %k: tensor<524288x16xf32>) -> tensor<1x524288x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x524288x16xf32>, tensor<524288x16xf32> -> tensor<1x524288x16xf32>
  return %y : tensor<1x524288x16xf32>
}

// A kernel with its time last is taken as it is.
// CHECK-LABEL: func.func @kernel_first(
// CHECK-SAME: %[[K:[a-z0-9]+]]: tensor<16x524288xf32>)
// CHECK: scf.forall (%{{.*}}) in (8192) {{.*}} -> (tensor<1x16x524288xf32>)
// CHECK: scf.forall (%{{.*}}) in (16) {{.*}} -> (tensor<16x1x32768x2x16xf32>)
// CHECK: tensor.extract_slice %[[K]]
func.func @kernel_first(%u: tensor<1x524288x16xf32>, %k: tensor<16x524288xf32>) -> tensor<1x524288x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x524288x16xf32>, tensor<16x524288xf32> -> tensor<1x524288x16xf32>
  return %y : tensor<1x524288x16xf32>
}

// Turned, two vectors of channels are no less than a tile of one.
// CHECK-LABEL: func.func @two_vectors(
// CHECK: tensor.empty() : tensor<524288x2x16xf32>
func.func @two_vectors(%u: tensor<1x524288x32xf32>, %k: tensor<524288x32xf32>) -> tensor<1x524288x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x524288x32xf32>, tensor<524288x32xf32> -> tensor<1x524288x32xf32>
  return %y : tensor<1x524288x32xf32>
}

// A tile of 2^18 steps is no larger than the last cache.
// CHECK-LABEL: func.func @short(
// CHECK-NOT: tensor<1x16x262144xf32>
// CHECK: return
func.func @short(%u: tensor<1x262144x16xf32>, %k: tensor<262144x16xf32>) -> tensor<1x262144x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x262144x16xf32>, tensor<262144x16xf32> -> tensor<1x262144x16xf32>
  return %y : tensor<1x262144x16xf32>
}
