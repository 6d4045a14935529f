// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=1 vectors=true" --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>

// A leaf asks for both lines of its rows of the spectrum 64 rows ahead.
// CHECK-LABEL: func.func @long(
// CHECK: %[[SPECTRUM:.*]] = tensor.extract_slice %{{.*}} : tensor<4x4096x2x16xf32> to tensor<4096x2x16xf32>
// CHECK: scf.for %[[LEAF:.*]] = %c0 to %c512 step %c1
// CHECK: %[[BASE:.*]] = arith.muli %[[LEAF]], %c8
// CHECK: %[[MEMORY:.*]] = bufferization.to_buffer %[[SPECTRUM]] read_only
// CHECK: %[[AHEAD:.*]] = arith.addi %[[BASE]], %c64
// CHECK: memref.prefetch %[[MEMORY]][%[[AHEAD]], %c0, %c0], read, locality<3>, data
// CHECK-NEXT: memref.prefetch %[[MEMORY]][%[[AHEAD]], %c1, %c0], read, locality<3>, data
// CHECK-COUNT-14: memref.prefetch
// CHECK-NOT: memref.prefetch
func.func @long(%u: tensor<2x4096x64xf32>, %k: tensor<4096x64xf32>) -> tensor<2x4096x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x4096x64xf32>, tensor<4096x64xf32> -> tensor<2x4096x64xf32>
  return %y : tensor<2x4096x64xf32>
}

// A spectrum of 1,024 rows stays where it is, and one of eight lanes is half as many
// lines.
// CHECK-LABEL: func.func @short(
// CHECK-NOT: memref.prefetch
func.func @short(%u: tensor<2x1024x64xf32>, %k: tensor<1024x64xf32>) -> tensor<2x1024x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x1024x64xf32>, tensor<1024x64xf32> -> tensor<2x1024x64xf32>
  return %y : tensor<2x1024x64xf32>
}
func.func @narrow(%u: tensor<2x4096x8xf32>, %k: tensor<4096x8xf32>) -> tensor<2x4096x8xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 8>}
      : tensor<2x4096x8xf32>, tensor<4096x8xf32> -> tensor<2x4096x8xf32>
  return %y : tensor<2x4096x8xf32>
}
