// RUN: ssm-opt %s --ssm-lower-to-linalg=cores=1 --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=1 whole=true" --canonicalize --cse | FileCheck %s --check-prefix=WHOLE

#bdt = affine_map<(b, d, t) -> (b, d, t)>
#dt = affine_map<(b, d, t) -> (d, t)>

// Three channels do not fill sixteen lanes: a tile has one of them, in sixteen
// blocks of 64 points. A block of sixteen butterflies of the first round reads
// vectors of steps 64 apart, and is turned: its rows are lanes of 16 rows.
// CHECK-LABEL: func.func @few(
// CHECK-SAME: %[[U:.*]]: tensor<2x3x1024xf32>, %[[K:.*]]: tensor<3x1024xf32>)
// CHECK: %[[SPECTRA:.*]] = scf.forall (%{{.*}}) in (3) {{.*}} -> (tensor<3x1x64x2x16xf32>)
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (3, 2) {{.*}} -> (tensor<2x3x1024xf32>)
// CHECK: tensor.extract_slice %[[SPECTRA]]
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 {{.*}} -> (tensor<64x2x16xf32>)
// CHECK-COUNT-16: tensor.extract_slice %[[U]]{{.*}} to tensor<16xf32>
// CHECK: %{{.*}}:32 = linalg.generic
// CHECK: %[[SQUARE:.*]] = tensor.extract_slice %{{.*}}[0, 0, 0] [1, 16, 16] {{.*}} to tensor<16x16xf32>
// CHECK: %[[ROWS:.*]] = tensor.extract_slice %{{.*}}, 0, 0] [16, 1, 16] {{.*}} to tensor<16x16xf32>
// CHECK: linalg.generic {{.*}} ins(%[[SQUARE]] : tensor<16x16xf32>) outs(%[[ROWS]] : tensor<16x16xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 {{.*}} -> (tensor<1x1x1024xf32>)
// CHECK: %{{.*}}:16 = linalg.generic
func.func @few(%u: tensor<2x3x1024xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x1024xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #dt, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x3x1024xf32>, tensor<3x1024xf32> -> tensor<2x3x1024xf32>
  return %y : tensor<2x3x1024xf32>
}

// As many channels as lanes are a tile, where that stays in the last cache.
// CHECK-LABEL: func.func @full(
// CHECK: scf.for %{{.*}} -> (tensor<1024x2x16xf32>)
func.func @full(%u: tensor<2x16x1024xf32>, %k: tensor<16x1024xf32>) -> tensor<2x16x1024xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #dt, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x16x1024xf32>, tensor<16x1024xf32> -> tensor<2x16x1024xf32>
  return %y : tensor<2x16x1024xf32>
}

// Long signals are split; of one row, a kernel is transformed beside them.
// CHECK-LABEL: func.func @long(
// CHECK: scf.forall (%{{.*}}) in (16) {{.*}} -> (tensor<16x1x8192x2x16xf32>)
// WHOLE-LABEL: func.func @long(
// WHOLE: scf.forall (%{{.*}}) in (16) {{.*}} -> (tensor<1x16x131072xf32>)
// WHOLE: %{{.*}}:2 = scf.for {{.*}} -> (tensor<8192x2x16xf32>, tensor<8192x2x16xf32>)
func.func @long(%u: tensor<1x16x131072xf32>, %k: tensor<16x131072xf32>) -> tensor<1x16x131072xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #dt, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x16x131072xf32>, tensor<16x131072xf32> -> tensor<1x16x131072xf32>
  return %y : tensor<1x16x131072xf32>
}

// No vector has so many lanes: a tile of the three channels.
// CHECK-LABEL: func.func @wide(
// CHECK: tensor.empty() : tensor<1024x2x4xf32>
func.func @wide(%u: tensor<2x3x1024xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x1024xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #dt, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 9223372036854775807>}
      : tensor<2x3x1024xf32>, tensor<3x1024xf32> -> tensor<2x3x1024xf32>
  return %y : tensor<2x3x1024xf32>
}
