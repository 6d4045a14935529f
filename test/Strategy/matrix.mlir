// RUN: ssm-opt %s --ssm-select-strategy=target=znver4 --remarks-filter=".*" 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

#td = affine_map<(t, d) -> (t, d)>

// Products of matrices are never chosen, and kept where they are asked for: what
// they take is estimated then, and beside it what others would.
// REMARK: long_conv: fft_conv [[#]].[[#]] us (fastest); sequential refused
// REMARK: fft_conv: tables {{.*}}; spectrum {{.*}}, 8.39 Mflop); transforms {{.*}}, 16.8 Mflop)
// REMARK: long_conv: fft_conv {{.*}} (pinned) by products of bf16 matrices; sequential refused
// CHECK: strategy = #ssm.strategy<fft_conv>
// CHECK: strategy = #ssm.strategy<fft_conv, matrix = bf16>
func.func @f(%u: tensor<1024x32xf32>, %k: tensor<1024x32xf32>) -> (tensor<1024x32xf32>, tensor<1024x32xf32>) {
  %x = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<1024x32xf32>, tensor<1024x32xf32> -> tensor<1024x32xf32>
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, matrix = bf16>}
      : tensor<1024x32xf32>, tensor<1024x32xf32> -> tensor<1024x32xf32>
  return %x, %y : tensor<1024x32xf32>, tensor<1024x32xf32>
}
