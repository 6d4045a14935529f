// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#bdt = affine_map<(b, t, d) -> (b, d, t)>
#td = affine_map<(b, t, d) -> (t, d)>
#dt = affine_map<(b, t, d) -> (d, t)>

// 64 points at least, and of 64 or 128 the whole power of two: the first round
// has radix 8, and so many points are a leaf. Of what is left, radix 3 or none
// is outermost, then come radix 8, radix 4 or none and radix 2 or none.
// CHECK-LABEL: func.func @channels_last(
// CHECK-SAME: %[[U:.*]]: tensor<2x?x16xf32>, %[[K:.*]]: tensor<?x16xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c1
// CHECK: arith.maxsi %[[L]], %c64
// CHECK: %[[QUARTER:.*]] = arith.subi %c62, %{{.*}}
// CHECK: %[[SMALL:.*]] = arith.cmpi ult, %[[QUARTER]], %c6
// CHECK: %[[QUARTERS:.*]] = arith.select %[[SMALL]], %c4, %{{.*}}
// CHECK: %[[N:.*]] = arith.shli %[[QUARTERS]], %[[QUARTER]]
// CHECK: %[[EIGHTS:.*]] = arith.divui %[[BITS:.*]], %c3
// CHECK: %[[FEW:.*]] = arith.remui %[[BITS]], %c3
// CHECK: %[[FOURS:.*]] = arith.shrui %[[FEW]], %c1
// CHECK: %[[TWOS:.*]] = arith.andi %[[FEW]], %c1
// The kernel and the signal. Butterflies k have one row more below L mod n/8
// than beyond; those beyond have none if L < n/8, and are cleared.
// CHECK: scf.forall (%[[B:.*]]) in (2) {{.*}} -> (tensor<2x?x16xf32>)
// CHECK: %[[FULL:.*]] = arith.divui %[[L]], %[[PART:.*]] : index
// CHECK: %[[REST:.*]] = arith.remui %[[L]], %[[PART]] : index
// CHECK: %[[MORE:.*]] = arith.addi %[[FULL]], %c1
// CHECK: %[[ANY:.*]] = arith.cmpi ugt, %[[FULL]], %c0
// CHECK: %[[FILLED:.*]] = arith.select %[[ANY]], %[[PART]], %[[REST]]
// CHECK: scf.for %[[I:.*]] = %c0 to %c2 step %c1
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[I]], %c0
// CHECK: %[[BEGIN:.*]] = arith.select %[[FIRST]], %c0, %[[REST]]
// CHECK: %[[END:.*]] = arith.select %[[FIRST]], %[[REST]], %[[FILLED]]
// CHECK: %[[ROWS:.*]] = arith.select %[[FIRST]], %[[MORE]], %[[FULL]]
// CHECK: %[[WHOLE:.*]] = arith.select %[[FIRST]], %[[REST]], %[[PART]]
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: linalg.fill
// A row that is not there is read as the last one, times zero.
// CHECK: %[[LAST:.*]] = arith.addi %[[ROWS]], %c-1
// CHECK: arith.minui %[[LAST]], %c1
// CHECK: scf.for
// CHECK: tensor.extract_slice %[[U]][%[[B]], %{{.*}}, 0] [1, 1, 16]
// CHECK: %[[EXISTS:.*]] = arith.cmpi ugt, %[[ROWS]], %c1
// CHECK: linalg.generic
// CHECK: arith.select %[[EXISTS]], %{{.*}}, %{{.*}} : f32
// The result's rows.
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 {{.*}} -> (tensor<1x?x16xf32>)
// CHECK: scf.if %{{.*}} -> (tensor<1x?x16xf32>) {
// CHECK-NEXT: tensor.insert_slice
func.func @channels_last(%u: tensor<2x?x16xf32>, %k: tensor<?x16xf32>) -> tensor<2x?x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x?x16xf32>, tensor<?x16xf32> -> tensor<2x?x16xf32>
  return %y : tensor<2x?x16xf32>
}

// Blocks of whole squares; of each row what there is, and zeros behind it.
// CHECK-LABEL: func.func @time_contiguous(
// CHECK-SAME: %[[U:.*]]: tensor<2x16x?xf32>, %[[K:.*]]: tensor<16x?xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c2
// CHECK: scf.forall (%[[B:.*]]) in (2) {{.*}} -> (tensor<2x16x?xf32>)
// CHECK: scf.for %[[BLOCK:.*]] = %c0 to %{{.*}} step %c1
// CHECK: %[[ISWHOLE:.*]] = arith.cmpi ult, %[[BLOCK]], %{{.*}}
// CHECK: %[[STEPS:.*]] = arith.select %[[ISWHOLE]]
// CHECK: %[[BEGIN:.*]] = arith.select %[[ISWHOLE]]
// CHECK: %[[LEFT:.*]] = arith.subi %[[L]], %[[BEGIN]]
// CHECK: %[[SOME:.*]] = arith.maxsi %[[LEFT]], %c1
// CHECK: %[[ROWS:.*]] = arith.ceildivui %[[SOME]], %{{.*}}
// CHECK: scf.for %{{.*}} = %c0 to %[[ROWS]] step %c1
// CHECK: arith.maxsi %{{.*}}, %c0
// CHECK-NEXT: %[[PRESENT:.*]] = arith.minsi %{{.*}}, %[[STEPS]]
// CHECK: tensor.extract_slice %[[U]][%[[B]], 0, %{{.*}}] [1, 16, %[[PRESENT]]]
// CHECK: linalg.fill
func.func @time_contiguous(%u: tensor<2x16x?xf32>, %k: tensor<16x?xf32>) -> tensor<2x16x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #dt, #bdt], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x16x?xf32>, tensor<16x?xf32> -> tensor<2x16x?xf32>
  return %y : tensor<2x16x?xf32>
}
