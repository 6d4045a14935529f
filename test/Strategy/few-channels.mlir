// RUN: ssm-opt %s --ssm-select-strategy='target=x86-64-v4 force=fft_conv' | FileCheck %s
// RUN: ssm-opt %s --ssm-select-strategy='target=x86-64-v3 force=fft_conv' | FileCheck %s --check-prefix=AVX2

// Tiles of a transform are as wide as a vector, or as there are channels; f16 is
// computed in f32. A number of channels that is not known may be large. 16 lanes
// are the default, which is not printed.

#td = affine_map<(t, d) -> (t, d)>

// CHECK-LABEL: func.func @one(
// CHECK: fft_conv, lanes = 2>
// CHECK-LABEL: func.func @three(
// CHECK: fft_conv, lanes = 4>
// CHECK-LABEL: func.func @eight(
// CHECK: fft_conv, lanes = 8>
// CHECK-LABEL: func.func @nine(
// CHECK: #ssm.strategy<fft_conv>
// CHECK-LABEL: func.func @half(
// CHECK: #ssm.strategy<fft_conv>
// CHECK-LABEL: func.func @double(
// CHECK: fft_conv, lanes = 8>
// CHECK-LABEL: func.func @unknown(
// CHECK: #ssm.strategy<fft_conv>

// AVX2-LABEL: func.func @three(
// AVX2: fft_conv, lanes = 4>
// AVX2-LABEL: func.func @nine(
// AVX2: fft_conv, lanes = 8>

func.func @one(%u: tensor<512x1xf32>, %k: tensor<512x1xf32>) -> tensor<512x1xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x1xf32>, tensor<512x1xf32> -> tensor<512x1xf32>
  return %y : tensor<512x1xf32>
}

func.func @three(%u: tensor<512x3xf32>, %k: tensor<512x3xf32>) -> tensor<512x3xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x3xf32>, tensor<512x3xf32> -> tensor<512x3xf32>
  return %y : tensor<512x3xf32>
}

func.func @eight(%u: tensor<512x8xf32>, %k: tensor<512x8xf32>) -> tensor<512x8xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x8xf32>, tensor<512x8xf32> -> tensor<512x8xf32>
  return %y : tensor<512x8xf32>
}

func.func @nine(%u: tensor<512x9xf32>, %k: tensor<512x9xf32>) -> tensor<512x9xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x9xf32>, tensor<512x9xf32> -> tensor<512x9xf32>
  return %y : tensor<512x9xf32>
}

func.func @half(%u: tensor<512x64xf16>, %k: tensor<512x64xf16>) -> tensor<512x64xf16> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x64xf16>, tensor<512x64xf16> -> tensor<512x64xf16>
  return %y : tensor<512x64xf16>
}

func.func @double(%u: tensor<512x64xf64>, %k: tensor<512x64xf64>) -> tensor<512x64xf64> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x64xf64>, tensor<512x64xf64> -> tensor<512x64xf64>
  return %y : tensor<512x64xf64>
}

func.func @unknown(%u: tensor<512x?xf32>, %k: tensor<512x?xf32>) -> tensor<512x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<512x?xf32>, tensor<512x?xf32> -> tensor<512x?xf32>
  return %y : tensor<512x?xf32>
}
