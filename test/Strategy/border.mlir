// RUN: ssm-opt %s --ssm-select-strategy="target=sapphirerapids force=fft_conv" | FileCheck %s --check-prefix=SHORT
// RUN: ssm-opt %s --ssm-select-strategy="target=znver4 force=fft_conv" | FileCheck %s --check-prefix=LONG

// How many steps of contiguous time the border of a transform transposes at once
// was measured; 128 is what an attribute does not print.
// SHORT: strategy = #ssm.strategy<fft_conv, leaf = 32>
// LONG: strategy = #ssm.strategy<fft_conv>
func.func @f(%u: tensor<16x4096xf32>, %k: tensor<16x4096xf32>) -> tensor<16x4096xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>,
      affine_map<(h, t) -> (h, t)>], time = 1 : i64}
      : tensor<16x4096xf32>, tensor<16x4096xf32> -> tensor<16x4096xf32>
  return %y : tensor<16x4096xf32>
}
