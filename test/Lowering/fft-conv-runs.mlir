// RUN: ssm-opt %s --ssm-lower-to-linalg=cores=1 --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg=cores=2 --canonicalize --cse | FileCheck %s --check-prefix=TWO

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>

// A thread's tiles follow each other in one work tile: the first one's first
// round, then for each tile all that lies between and, in one loop, its last
// round and the next one's first round; of the last tile the last round alone.
// A spectrum is used for both batch rows in turn.
// CHECK-LABEL: func.func @runs(
// CHECK-SAME: %[[U:.*]]: tensor<2x4096x64xf32>, %{{.*}}: tensor<4096x64xf32>)
// CHECK: %[[SPECTRA:.*]] = scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<4x4096x2x16xf32>)
// CHECK: scf.forall.in_parallel
// CHECK: %[[FIRST:.*]] = scf.for %{{.*}} = %c0 to %c512 step %c1 {{.*}} -> (tensor<4096x2x16xf32>)
// CHECK: tensor.extract_slice %[[U]]
// CHECK: %{{.*}}:2 = scf.for %[[I:.*]] = %c0 to %c8 step %c1 iter_args(%{{.*}} = %[[FIRST]], %[[Y:.*]] = %{{.*}}) -> (tensor<4096x2x16xf32>, tensor<2x4096x64xf32>)
// CHECK: arith.divsi %{{.*}}, %c2
// CHECK: %[[REST:.*]] = arith.remsi %[[I]], %c2
// CHECK: %[[ROW:.*]] = arith.select %{{.*}}, %{{.*}}, %[[REST]]
// CHECK: tensor.extract_slice %[[SPECTRA]]
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[Y]][%[[ROW]], 0, %{{.*}}] [1, 4096, 16]
// CHECK: %[[LAST:.*]] = arith.cmpi eq, %[[I]], %c7
// CHECK: scf.if %[[LAST]] -> (tensor<4096x2x16xf32>, tensor<1x4096x16xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c512 step %c1 {{.*}} -> (tensor<1x4096x16xf32>)
// CHECK-NOT: tensor.extract_slice %[[U]]
// CHECK: } else {
// CHECK: %{{.*}}:2 = scf.for %{{.*}} = %c0 to %c512 step %c1 iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[PART]]) -> (tensor<4096x2x16xf32>, tensor<1x4096x16xf32>)
// CHECK: linalg.generic
// CHECK: tensor.extract_slice %[[U]]
// CHECK: linalg.generic
// CHECK: scf.yield
// Each of two threads has a run, of half of the channels.
// TWO-LABEL: func.func @runs(
// TWO: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<4x4096x2x16xf32>)
// TWO: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<2x4096x64xf32>)
// TWO: scf.for %{{.*}} = %c0 to %c4 step %c1 {{.*}} -> (tensor<4096x2x16xf32>, tensor<2x4096x32xf32>)
func.func @runs(%u: tensor<2x4096x64xf32>, %k: tensor<4096x64xf32>) -> tensor<2x4096x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x4096x64xf32>, tensor<4096x64xf32> -> tensor<2x4096x64xf32>
  return %y : tensor<2x4096x64xf32>
}

// Each of two threads has two of four batch rows; their border has two stripes.
// TWO-LABEL: func.func @rows(
// TWO: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<4x12289x16xf32>)
// TWO: scf.for %{{.*}} = %c0 to %c2 step %c1 {{.*}} -> (tensor<12800x2x16xf32>, tensor<2x12289x16xf32>)
// TWO: } else {
// TWO: scf.for %{{.*}} = %c0 to %c2049 step %c1 {{.*}} -> (tensor<12800x2x16xf32>, tensor<1x12289x16xf32>)
// TWO: scf.for %{{.*}} = %c0 to %c511 step %c1 {{.*}} -> (tensor<12800x2x16xf32>, tensor<1x12289x16xf32>)
func.func @rows(%u: tensor<4x12289x16xf32>, %k: tensor<12289x16xf32>) -> tensor<4x12289x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<4x12289x16xf32>, tensor<12289x16xf32> -> tensor<4x12289x16xf32>
  return %y : tensor<4x12289x16xf32>
}

// Five batch rows are no equal runs for two threads.
// TWO-LABEL: func.func @five(
// TWO: scf.forall (%{{.*}}) in (5) {{.*}} -> (tensor<5x8192x16xf32>)
func.func @five(%u: tensor<5x8192x16xf32>, %k: tensor<8192x16xf32>) -> tensor<5x8192x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<5x8192x16xf32>, tensor<8192x16xf32> -> tensor<5x8192x16xf32>
  return %y : tensor<5x8192x16xf32>
}
