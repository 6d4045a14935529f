// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>

// A kernel of 100 taps is not as long as the signal.
// REMARK: long_conv: fft_conv {{.*}} (fastest) by blocks of 512 points, for the kernel is shorter than the signal; sequential refused
// CHECK-LABEL: func @short_kernel
// CHECK: strategy = #ssm.strategy<fft_conv, points = 512>
func.func @short_kernel(%u: tensor<4x?x512xf32>, %k: tensor<100x512xf32>) -> tensor<4x?x512xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, affine_map<(b, t, d) -> (t, d)>, #btd], time = 1 : i64}
      : tensor<4x?x512xf32>, tensor<100x512xf32> -> tensor<4x?x512xf32>
  return %y : tensor<4x?x512xf32>
}

// Half as long, and longer than anybody knows: one transform.
// REMARK-COUNT-2: long_conv: fft_conv {{[0-9.]+}} ms (fastest); sequential refused
// CHECK-LABEL: func @long_kernels
// CHECK-COUNT-2: strategy = #ssm.strategy<fft_conv>
func.func @long_kernels(%u: tensor<4x4096x512xf32>, %k: tensor<2048x512xf32>, %h: tensor<?x512xf32>)
    -> (tensor<4x4096x512xf32>, tensor<4x4096x512xf32>) {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, affine_map<(b, t, d) -> (t, d)>, #btd], time = 1 : i64}
      : tensor<4x4096x512xf32>, tensor<2048x512xf32> -> tensor<4x4096x512xf32>
  %z = ssm.long_conv %u, %h {indexing_maps = [#btd, affine_map<(b, t, d) -> (t, d)>, #btd], time = 1 : i64}
      : tensor<4x4096x512xf32>, tensor<?x512xf32> -> tensor<4x4096x512xf32>
  return %y, %z : tensor<4x4096x512xf32>, tensor<4x4096x512xf32>
}
