// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>

// The factors of 64 points are constants, those of the border round with the weights
// w^k in them: nothing is computed before the first tile.
// CHECK-LABEL: func.func @known(
// CHECK-DAG: arith.constant dense<[1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 0.999698817, 0.997290432, {{.*}}> : tensor<64xf32>
// CHECK-DAG: arith.constant dense<[0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.024541229, -0.0735645667, {{.*}}> : tensor<64xf32>
// CHECK-NOT: f64
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: tensor.extract_slice %arg1
func.func @known(%u: tensor<2x64x16xf32>, %k: tensor<64x16xf32>) -> tensor<2x64x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x64x16xf32>, tensor<64x16xf32> -> tensor<2x64x16xf32>
  return %y : tensor<2x64x16xf32>
}

// Those of 32,768 points would be large: they are products of 64 wide rows and of 64,
// made by threads.
// CHECK-LABEL: func.func @computed(
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 {{.*}} -> (tensor<64x2x8xf64>)
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 {{.*}} -> (tensor<64x2x8xf64>)
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 {{.*}} -> (tensor<32768xf32>, tensor<32768xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 {{.*}} -> (tensor<32768xf32>, tensor<32768xf32>)
// CHECK: linalg.generic {{.*}} ins({{.*}} : tensor<8xf64>, tensor<8xf64>, tensor<8xf64>, tensor<8xf64>) outs({{.*}} : tensor<8xf32>, tensor<8xf32>)
// CHECK: } {ssm.independent}
// CHECK: } {ssm.independent}
func.func @computed(%u: tensor<2x32768x16xf32>, %k: tensor<32768x16xf32>) -> tensor<2x32768x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x32768x16xf32>, tensor<32768x16xf32> -> tensor<2x32768x16xf32>
  return %y : tensor<2x32768x16xf32>
}

// A length known at run time: roots in twice the working precision, rounded once.
// CHECK-LABEL: func.func @unknown(
// CHECK: math.fma {{.*}} : f64
// CHECK: arith.truncf {{.*}} : f64 to f32
func.func @unknown(%u: tensor<?x?x16xf32>, %k: tensor<?x16xf32>) -> tensor<?x?x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<?x?x16xf32>, tensor<?x16xf32> -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}
