// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#d = affine_map<(b, t, d) -> (d)>
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>

// 100 steps are 3 leaves of 32 and a rest of 4.
// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[A:.*]]: tensor<32xf32>, %[[U:.*]]: tensor<2x100x32xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG: %[[C32:.*]] = arith.constant 32 : index
// 0. The summary before the first leaf: the pair (1, 0).
// CHECK: %[[START:.*]]:2 = scf.forall (%{{.*}}, %{{.*}}) in (2, 2) {{.*}} -> (tensor<4x2x32xf32>, tensor<4x2x32xf32>)
// 1. Every leaf to its summary, (a a', a b + u).
// CHECK: %[[LEAVES:.*]]:2 = scf.forall (%[[LEAF:.*]], %{{.*}}, %{{.*}}) in (3, 2, 2) shared_outs(%{{.*}} = %[[START]]#0, %{{.*}} = %[[START]]#1)
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C32]] step %[[C1]]
// CHECK: arith.mulf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK: %[[AFTER:.*]] = arith.addi %[[LEAF]], %[[C1]]
// CHECK: tensor.parallel_insert_slice {{.*}}[%[[AFTER]],
// 2. Up the tree and down again. The later pair is on the left of the product.
// CHECK: %[[UP:.*]]:2 = scf.for %{{.*}} = %[[C0]] to %[[C2]] step %[[C1]] iter_args(%{{.*}} = %[[LEAVES]]#0, %{{.*}} = %[[LEAVES]]#1)
// CHECK: ^bb0(%[[AI:.*]]: f32, %[[BI:.*]]: f32, %[[AJ:.*]]: f32, %[[BJ:.*]]: f32):
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[AJ]], %[[AI]]
// CHECK: %[[SCALED:.*]] = arith.mulf %[[AJ]], %[[BI]]
// CHECK: %[[SUM:.*]] = arith.addf %[[SCALED]], %[[BJ]]
// CHECK: linalg.yield %[[PRODUCT]], %[[SUM]]
// CHECK: %[[DOWN:.*]]:2 = scf.for %{{.*}} = %[[C0]] to %[[C2]] step %[[C1]] iter_args(%{{.*}} = %[[UP]]#0, %{{.*}} = %[[UP]]#1)
// 3. Every leaf again, from the state that the summary before it gives.
// CHECK: %[[APPLIED:.*]] = scf.forall (%[[LEAF:.*]], %[[B:.*]], %{{.*}}) in (3, 2, 2)
// CHECK: %[[STATE:.*]] = tensor.extract_slice %[[DOWN]]#1[%[[LEAF]], %[[B]],
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C32]] step %[[C1]] iter_args(%{{.*}} = %[[STATE]],
// 4. The rest, from the last summary, and with it the final state.
// CHECK: scf.forall (%[[B:.*]], %{{.*}}) in (2, 2) shared_outs(%{{.*}} = %[[APPLIED]],
// CHECK: %[[STATE:.*]] = tensor.extract_slice %[[DOWN]]#1[3, %[[B]],
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C4]] step %[[C1]] iter_args(%{{.*}} = %[[STATE]],
// CHECK: tensor.parallel_insert_slice {{.*}}[%[[B]], 96, %{{.*}}] [1, 4, 16]
func.func @static(%a: tensor<32xf32>, %u: tensor<2x100x32xf32>) -> (tensor<2x100x32xf32>, tensor<2x32xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<2x100x32xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<tree_scan, leaf = 32, lanes = 16>}
      -> tensor<2x100x32xf32>, tensor<2x32xf32>
  return %y, %x : tensor<2x100x32xf32>, tensor<2x32xf32>
}

// An unknown length: as many rounds as the number of leaves has bits. An
// unknown number of channels: everything but the tree twice, for full tiles and
// for the channels left over.
// CHECK-LABEL: func.func @dynamic(
// CHECK: %[[L:.*]] = tensor.dim %{{.*}}, %c1 : tensor<2x?x?xf32>
// CHECK: %[[REST:.*]] = arith.remsi %[[L]], %c32
// CHECK-COUNT-4: scf.forall (
// CHECK: %[[ZEROS:.*]] = math.ctlz
// CHECK: scf.for {{.*}} -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>)
// CHECK: scf.for {{.*}} -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>)
// CHECK-COUNT-4: scf.forall (
// CHECK-NOT: scf.forall (
func.func @dynamic(%a: tensor<?xf32>, %u: tensor<2x?x?xf32>) -> tensor<2x?x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<2x?x?xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<tree_scan, leaf = 32, lanes = 16>}
      -> tensor<2x?x?xf32>, tensor<2x?xf32>
  return %y : tensor<2x?x?xf32>
}

// No step: no leaf, no tree, no rest.
// CHECK-LABEL: func.func @no_steps(
// CHECK-NOT: scf.for %
// CHECK: return %{{.*}}, %{{.*}} : tensor<2x0x32xf32>, tensor<2x32xf32>
func.func @no_steps(%a: tensor<32xf32>, %u: tensor<2x0x32xf32>, %x0: tensor<2x32xf32>) -> (tensor<2x0x32xf32>, tensor<2x32xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<2x0x32xf32>) init(%x0 : tensor<2x32xf32>)
      {indexing_maps = [#d, #btd, #bd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<tree_scan, leaf = 32, lanes = 16>}
      -> tensor<2x0x32xf32>, tensor<2x32xf32>
  return %y, %x : tensor<2x0x32xf32>, tensor<2x32xf32>
}
