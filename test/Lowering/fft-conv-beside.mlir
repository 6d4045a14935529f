// RUN: ssm-opt %s --ssm-lower-to-linalg="whole=true cores=2" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=2" --canonicalize --cse | FileCheck %s --check-prefix=AHEAD

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>

// Of one batch row, blocks of the kernel and of the signal take turns: the first
// rounds of both, then for each leaf the rounds before it, the kernel's and the
// signal's, and the signal's after it.
// CHECK-LABEL: func.func @one_row(
// CHECK-SAME: %[[U:.*]]: tensor<1x8192x32xf32>, %[[K:.*]]: tensor<8192x32xf32>)
// CHECK: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<1x8192x32xf32>)
// CHECK: %[[TAPS:.*]] = scf.for %{{.*}} = %c0 to %c1024 step %c1
// CHECK: tensor.extract_slice %[[K]]
// CHECK: %[[ROWS:.*]] = scf.for %{{.*}} = %c0 to %c1024 step %c1
// CHECK: tensor.extract_slice %[[U]]
// CHECK: %{{.*}}:2 = scf.for %{{.*}} = %c0 to %c512 step %c1 iter_args(%[[R:.*]] = %[[ROWS]], %[[T:.*]] = %[[TAPS]]) -> (tensor<8192x2x16xf32>, tensor<8192x2x16xf32>)
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[T]]) -> (tensor<8192x2x16xf32>)
// CHECK: linalg.generic
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[R]]) -> (tensor<8192x2x16xf32>)
// CHECK: scf.for {{.*}} -> (tensor<8192x2x16xf32>)
// CHECK: scf.yield %{{.*}}, %{{.*}} : tensor<8192x2x16xf32>, tensor<8192x2x16xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c1024 step %c1 {{.*}} -> (tensor<1x8192x16xf32>)
// CHECK: scf.forall.in_parallel
// Where a spectrum may be computed ahead, it is a value of its own.
// AHEAD-LABEL: func.func @one_row(
// AHEAD: %[[SPECTRA:.*]] = scf.forall {{.*}} -> (tensor<2x8192x2x16xf32>)
// AHEAD: tensor.extract_slice %[[SPECTRA]]
func.func @one_row(%u: tensor<1x8192x32xf32>, %k: tensor<8192x32xf32>) -> tensor<1x8192x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x8192x32xf32>, tensor<8192x32xf32> -> tensor<1x8192x32xf32>
  return %y : tensor<1x8192x32xf32>
}

// Threads share the blocks of both.
// CHECK-LABEL: func.func @one_tile(
// CHECK: %{{.*}}:2 = scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<8192x2x16xf32>, tensor<8192x2x16xf32>)
// CHECK: scf.yield %{{.*}}#0, %{{.*}}#1
// CHECK-NEXT: } {ssm.independent}
func.func @one_tile(%u: tensor<1x8192x16xf32>, %k: tensor<8192x16xf32>) -> tensor<1x8192x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x8192x16xf32>, tensor<8192x16xf32> -> tensor<1x8192x16xf32>
  return %y : tensor<1x8192x16xf32>
}

// A spectrum of two rows is computed once.
// CHECK-LABEL: func.func @two_rows(
// CHECK: scf.forall {{.*}} -> (tensor<2x8192x2x16xf32>)
func.func @two_rows(%u: tensor<2x8192x32xf32>, %k: tensor<8192x32xf32>) -> tensor<2x8192x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x8192x32xf32>, tensor<8192x32xf32> -> tensor<2x8192x32xf32>
  return %y : tensor<2x8192x32xf32>
}

// The second cache holds both tiles of 4,096 rows.
// CHECK-LABEL: func.func @short(
// CHECK: scf.forall {{.*}} -> (tensor<2x4096x2x16xf32>)
func.func @short(%u: tensor<1x4096x32xf32>, %k: tensor<4096x32xf32>) -> tensor<1x4096x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x4096x32xf32>, tensor<4096x32xf32> -> tensor<1x4096x32xf32>
  return %y : tensor<1x4096x32xf32>
}
