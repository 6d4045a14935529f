// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#dt = affine_map<(b, t, d) -> (d, t)>

// Tiles of channels in parallel; in each a loop over time, and in that one over
// the taps that reach into the signal, from the far lags on.
// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[U:.*]]: tensor<2x100x32xf32>, %[[K:.*]]: tensor<32x7xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C7:.*]] = arith.constant 7 : index
// CHECK-DAG: %[[C100:.*]] = arith.constant 100 : index
// CHECK: scf.forall (%[[B:.*]], %{{.*}}) in (2, 2)
// CHECK: %[[D:.*]] = arith.muli
// CHECK: scf.for %[[T:.*]] = %[[C0]] to %[[C100]] step %[[C1]] iter_args(%[[OUT:.*]] = %{{.*}}) -> (tensor<1x100x16xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[SEEN:.*]] = arith.addi %[[T]], %[[C1]]
// CHECK: %[[REACH:.*]] = arith.minsi %[[SEEN]], %[[C7]]
// CHECK: %[[SUM:.*]] = scf.for %[[I:.*]] = %[[C0]] to %[[REACH]] step %[[C1]] iter_args(%[[ACC:.*]] = %[[ZERO]])
// CHECK: %[[LEFT:.*]] = arith.subi %[[REACH]], %[[I]]
// CHECK: %[[LAG:.*]] = arith.subi %[[LEFT]], %[[C1]]
// CHECK: %[[PAST:.*]] = arith.subi %[[T]], %[[LAG]]
// CHECK: %[[UT:.*]] = tensor.extract_slice %[[U]][%[[B]], %[[PAST]], %[[D]]] [1, 1, 16]
// CHECK: %[[KT:.*]] = tensor.extract_slice %[[K]][%[[D]], %[[LAG]]] [16, 1]
// CHECK: linalg.generic {{.*}} ins(%[[UT]], %[[KT]] : {{.*}}) outs(%[[ACC]] :
// CHECK: tensor.insert_slice %[[SUM]] into %[[OUT]][0, %[[T]], 0] [1, 1, 16]
// CHECK: tensor.parallel_insert_slice
// CHECK-NOT: scf.for %
func.func @static(%u: tensor<2x100x32xf32>, %k: tensor<32x7xf32>) -> tensor<2x100x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<direct_conv, lanes = 16>}
      : tensor<2x100x32xf32>, tensor<32x7xf32> -> tensor<2x100x32xf32>
  return %y : tensor<2x100x32xf32>
}

// Full tiles, then the channels left over. Backward, the signal is read and the
// result written from the end.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[U:.*]]: tensor<?x?x?xf32>, %[[K:.*]]: tensor<?x?xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c1
// CHECK: %[[TAPS:.*]] = tensor.dim %[[K]], %c1
// CHECK: %[[REST:.*]] = arith.select
// CHECK: %[[FULL:.*]] = scf.forall
// CHECK: scf.for %[[T:.*]] = %c0 to %[[L]] step %c1
// CHECK: arith.minsi %[[TAPS]]
// CHECK: scf.for
// CHECK: %[[FROM_END:.*]] = arith.subi %[[L]], %{{.*}} : index
// CHECK: %[[AT:.*]] = arith.addi %[[FROM_END]], %c-1
// CHECK: tensor.extract_slice %[[U]][%{{.*}}, %[[AT]], %{{.*}}] [1, 1, 16]
// CHECK: %[[FROM_END:.*]] = arith.subi %[[L]], %[[T]] : index
// CHECK: %[[AT:.*]] = arith.addi %[[FROM_END]], %c-1
// CHECK: tensor.insert_slice {{.*}}[0, %[[AT]], 0] [1, 1, 16]
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[FULL]])
// CHECK: linalg.generic {{.*}} : tensor<?xf32>
func.func @dynamic(%u: tensor<?x?x?xf32>, %k: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      direction = #ssm.direction<backward>, strategy = #ssm.strategy<direct_conv, lanes = 16>}
      : tensor<?x?x?xf32>, tensor<?x?xf32> -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @no_steps(
// CHECK-NEXT: %[[EMPTY:.*]] = tensor.empty() : tensor<2x0x32xf32>
// CHECK-NEXT: return %[[EMPTY]]
func.func @no_steps(%u: tensor<2x0x32xf32>, %k: tensor<32x7xf32>) -> tensor<2x0x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<direct_conv>}
      : tensor<2x0x32xf32>, tensor<32x7xf32> -> tensor<2x0x32xf32>
  return %y : tensor<2x0x32xf32>
}

// No tap: zeros.
// CHECK-LABEL: func.func @no_taps(
// CHECK-NOT: arith.addf
// CHECK: linalg.fill
// CHECK: return
func.func @no_taps(%u: tensor<2x100x32xf32>, %k: tensor<32x0xf32>) -> tensor<2x100x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<direct_conv>}
      : tensor<2x100x32xf32>, tensor<32x0xf32> -> tensor<2x100x32xf32>
  return %y : tensor<2x100x32xf32>
}

// Three taps of the past with lag 0 and three of the future: either side is
// summed from its far end on, as far as it lies within the signal.
// CHECK-LABEL: func.func @two_sided(
// CHECK-SAME: %[[U:.*]]: tensor<2x100x32xf32>, %[[K:.*]]: tensor<32x6xf32>)
// CHECK: scf.for %[[T:.*]] = %c0 to %c100 step %c1
// CHECK: %[[SEEN:.*]] = arith.addi %[[T]], %c1
// CHECK: %[[REACH:.*]] = arith.minsi %[[SEEN]], %c3
// CHECK: %[[PAST:.*]] = scf.for %[[I:.*]] = %c0 to %[[REACH]] step %c1
// CHECK: %[[LEFT:.*]] = arith.subi %[[REACH]], %[[I]]
// CHECK: %[[LAG:.*]] = arith.subi %[[LEFT]], %c1
// CHECK: %[[TAP:.*]] = arith.addi %[[LEFT]], %c2
// CHECK: %[[STEP:.*]] = arith.subi %[[T]], %[[LAG]]
// CHECK: tensor.extract_slice %[[U]][%{{.*}}, %[[STEP]], %{{.*}}] [1, 1, 16]
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, %[[TAP]]] [16, 1]
// CHECK: %[[LATER:.*]] = arith.subi %c99, %[[T]]
// CHECK: %[[REACH:.*]] = arith.minsi %[[LATER]], %c3
// CHECK: %[[FUTURE:.*]] = scf.for %[[I:.*]] = %c0 to %[[REACH]] step %c1
// CHECK: %[[LEFT:.*]] = arith.subi %[[REACH]], %[[I]]
// CHECK: %[[STEP:.*]] = arith.addi %[[T]], %[[LEFT]]
// CHECK: %[[TAP:.*]] = arith.subi %c3, %[[LEFT]]
// CHECK: tensor.extract_slice %[[U]][%{{.*}}, %[[STEP]], %{{.*}}] [1, 1, 16]
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, %[[TAP]]] [16, 1]
// CHECK: linalg.generic {{.*}} ins(%[[PAST]], %[[FUTURE]] :
func.func @two_sided(%u: tensor<2x100x32xf32>, %k: tensor<32x6xf32>) -> tensor<2x100x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64, direction = #ssm.direction<two_sided>,
      strategy = #ssm.strategy<direct_conv, lanes = 16>}
      : tensor<2x100x32xf32>, tensor<32x6xf32> -> tensor<2x100x32xf32>
  return %y : tensor<2x100x32xf32>
}
