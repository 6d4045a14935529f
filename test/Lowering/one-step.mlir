// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 | FileCheck %s --check-prefix=STRATEGY

#td = affine_map<(t, d, n) -> (t, d)>
#dn = affine_map<(t, d, n) -> (d, n)>

// A single step of states that lie side by side: lanes are the states of one
// channel, nothing is transposed, and the sum may take any order.
// STRATEGY-LABEL: func.func @side_by_side(
// STRATEGY: strategy = #ssm.strategy<sequential, lanes = 1>
// CHECK-LABEL: func.func @side_by_side(
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<32x16xf32>, %[[U:[a-z0-9]+]]: tensor<1x32xf32>, %[[C:[a-z0-9]+]]: tensor<32x16xf32>, %[[X0:[a-z0-9]+]]: tensor<32x16xf32>)
// CHECK: scf.forall (%[[D:.*]]) in (32)
// CHECK-DAG: %[[BEFORE:.*]] = tensor.extract_slice %[[X0]][%[[D]], 0] [1, 16] [1, 1] : tensor<32x16xf32> to tensor<16xf32>
// CHECK-DAG: %[[AT:.*]] = tensor.extract_slice %[[A]][%[[D]], 0] [1, 16]
// CHECK-DAG: %[[UT:.*]] = tensor.extract_slice %[[U]][0, %[[D]]] [1, 1] [1, 1] : tensor<1x32xf32> to tensor<f32>
// CHECK: %[[AFTER:.*]] = linalg.generic {{.*}} ins(%[[AT]], %[[UT]] : tensor<16xf32>, tensor<f32>) outs(%[[BEFORE]] : tensor<16xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[AFTER]], %{{.*}}) outs(%{{.*}} : tensor<f32>)
// CHECK:   arith.mulf {{.*}} fastmath<reassoc,contract>
// CHECK:   arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK: tensor.parallel_insert_slice %[[AFTER]] into %{{.*}}[%[[D]], 0] [1, 16]
func.func @side_by_side(%a: tensor<32x16xf32>, %u: tensor<1x32xf32>, %c: tensor<32x16xf32>, %x0: tensor<32x16xf32>)
    -> (tensor<1x32xf32>, tensor<32x16xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32x16xf32>) signal(%u : tensor<1x32xf32>)
      output(%c : tensor<32x16xf32>) init(%x0 : tensor<32x16xf32>)
      {indexing_maps = [#dn, #td, #dn, #dn, #td, #dn], time = 0 : i64}
      -> tensor<1x32xf32>, tensor<32x16xf32>
  return %y, %x : tensor<1x32xf32>, tensor<32x16xf32>
}

#t2 = affine_map<(t, d, n) -> (t, d)>
#nd = affine_map<(t, d, n) -> (n, d)>

// Channels that lie side by side, and two steps, whose order stays.
// STRATEGY-LABEL: func.func @others(
// STRATEGY-NOT: lanes = 1>
// CHECK-LABEL: func.func @others(
// CHECK-NOT: reassoc
func.func @others(%a: tensor<16x32xf32>, %u: tensor<1x32xf32>, %b: tensor<32x16xf32>, %v: tensor<2x32xf32>)
    -> (tensor<1x32xf32>, tensor<2x32xf32>) {
  %y, %y1 = ssm.linear_recurrence transition(%a : tensor<16x32xf32>) signal(%u : tensor<1x32xf32>)
      output(%a : tensor<16x32xf32>)
      {indexing_maps = [#nd, #t2, #nd, #t2, #nd], time = 0 : i64} -> tensor<1x32xf32>, tensor<16x32xf32>
  %z, %z1 = ssm.linear_recurrence transition(%b : tensor<32x16xf32>) signal(%v : tensor<2x32xf32>)
      output(%b : tensor<32x16xf32>)
      {indexing_maps = [#dn, #t2, #dn, #t2, #dn], time = 0 : i64} -> tensor<2x32xf32>, tensor<32x16xf32>
  return %y, %z : tensor<1x32xf32>, tensor<2x32xf32>
}
