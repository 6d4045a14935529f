// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --remarks-filter=ssm-plan 2>&1 >/dev/null | FileCheck %s

#t = affine_map<(t, d) -> (t)>
#td = affine_map<(t, d) -> (t, d)>

// 512 channels are 32 tiles of 16. Of a signal that all of them share, one
// spectrum is computed ahead.
// CHECK: fft_conv: {{.*}}spectrum {{.*}} (1 tiles, {{.*}}; transforms {{.*}} (32 tiles,
func.func @shared(%u: tensor<1000xf32>, %k: tensor<1000x512xf32>) -> tensor<1000x512xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #td, #td], time = 0 : i64}
      : tensor<1000xf32>, tensor<1000x512xf32> -> tensor<1000x512xf32>
  return %y : tensor<1000x512xf32>
}

// CHECK: fft_conv: {{.*}}spectrum {{.*}} (32 tiles, {{.*}}; transforms {{.*}} (32 tiles,
func.func @own(%u: tensor<1000x512xf32>, %k: tensor<1000x512xf32>) -> tensor<1000x512xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<1000x512xf32>, tensor<1000x512xf32> -> tensor<1000x512xf32>
  return %y : tensor<1000x512xf32>
}

// A recurrence: its kernel has the transition's channels.
// CHECK: fft_conv: {{.*}}spectrum {{.*}} (1 tiles, {{.*}}; transforms {{.*}} (32 tiles,
func.func @recurrence(%a: tensor<512xf32>, %u: tensor<1000xf32>) -> tensor<1000x512xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<512xf32>) signal(%u : tensor<1000xf32>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, #t, #td, affine_map<(t, d) -> (d)>], time = 0 : i64}
      -> tensor<1000x512xf32>, tensor<512xf32>
  return %y : tensor<1000x512xf32>
}
