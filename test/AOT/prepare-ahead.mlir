// RUN: ssm-compile %s --entry=f --prepare --target=x86-64-v4 --emit=llvm -o - | FileCheck %s

// A kernel that is transformed ahead may be asked for ahead in memory as well.
// CHECK: define {{.*}}@f_prepare
// CHECK: call void @llvm.prefetch
// CHECK: ret
func.func @f(%u: tensor<16x32768xf32>, %k: tensor<16x32768xf32> {ssm.parameter}) -> tensor<16x32768xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>,
      affine_map<(h, t) -> (h, t)>], time = 1 : i64, strategy = #ssm.strategy<fft_conv>}
      : tensor<16x32768xf32>, tensor<16x32768xf32> -> tensor<16x32768xf32>
  return %y : tensor<16x32768xf32>
}
