// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 | FileCheck %s --check-prefix=STRATEGY

#td = affine_map<(t, d, n) -> (t, d)>
#dn = affine_map<(t, d, n) -> (d, n)>

// A single step of states that lie side by side: lanes are the states of a
// channel, nothing is transposed, and the sums may take any order. 16 channels
// are taken together, and those left over one by one.
// STRATEGY-LABEL: func.func @side_by_side(
// STRATEGY: strategy = #ssm.strategy<sequential, lanes = 1>
// CHECK-LABEL: func.func @side_by_side(
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<40x16xf32>, %[[U:[a-z0-9]+]]: tensor<1x40xf32>, %[[C:[a-z0-9]+]]: tensor<40x16xf32>, %[[X0:[a-z0-9]+]]: tensor<40x16xf32>)
// CHECK: scf.forall (%[[I:.*]]) in (2)
// CHECK:   %[[D:.*]] = arith.muli %[[I]], %c16
// CHECK-DAG: %[[BEFORE:.*]] = tensor.extract_slice %[[X0]][%[[D]], 0] [16, 16] [1, 1] : tensor<40x16xf32> to tensor<16x16xf32>
// CHECK-DAG: %[[AT:.*]] = tensor.extract_slice %[[A]][%[[D]], 0] [16, 16]
// CHECK-DAG: %[[UT:.*]] = tensor.extract_slice %[[U]][0, %[[D]]] [1, 16] [1, 1] : tensor<1x40xf32> to tensor<16xf32>
// The state is not computed over the one before, which is not to be written.
// CHECK:   %[[NEW:.*]] = tensor.empty() : tensor<16x16xf32>
// CHECK:   %[[AFTER:.*]] = linalg.generic {{.*}} ins(%[[AT]], %[[UT]], %[[BEFORE]] : tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>) outs(%[[NEW]] : tensor<16x16xf32>)
// CHECK:   linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[AFTER]], %{{.*}}) outs(%{{.*}} : tensor<16xf32>)
// CHECK:     arith.mulf {{.*}} fastmath<reassoc,contract>
// CHECK:     arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK:   tensor.parallel_insert_slice %[[AFTER]] into %{{.*}}[%[[D]], 0] [16, 16]
// CHECK: scf.forall (%[[J:.*]]) in (8)
// CHECK:   linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%{{.*}}, %{{.*}} : tensor<16xf32>, tensor<16xf32>) outs(%{{.*}} : tensor<f32>)
func.func @side_by_side(%a: tensor<40x16xf32>, %u: tensor<1x40xf32>, %c: tensor<40x16xf32>, %x0: tensor<40x16xf32>)
    -> (tensor<1x40xf32>, tensor<40x16xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<40x16xf32>) signal(%u : tensor<1x40xf32>)
      output(%c : tensor<40x16xf32>) init(%x0 : tensor<40x16xf32>)
      {indexing_maps = [#dn, #td, #dn, #dn, #td, #dn], time = 0 : i64}
      -> tensor<1x40xf32>, tensor<40x16xf32>
  return %y, %x : tensor<1x40xf32>, tensor<40x16xf32>
}

// What the states of a channel have in common is in memory, from where it is
// brought into all lanes: a tensor of all channels. Half as many channels of
// f64 fill the registers.
// CHECK-LABEL: func.func @common(
// CHECK: %[[DRIVE:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x32xf64>)
// CHECK: scf.forall (%{{.*}}) in (4)
// CHECK:   tensor.extract_slice %[[DRIVE]]{{.*}} tensor<1x32xf64> to tensor<8xf64>
func.func @common(%a: tensor<32x16xf64>, %dt: tensor<1x32xf64>, %u: tensor<1x32xf64>) -> (tensor<1x32xf64>, tensor<32x16xf64>) {
  %e = tensor.empty() : tensor<1x32xf64>
  %drive = linalg.generic {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>],
      iterator_types = ["parallel", "parallel"]} ins(%dt, %u : tensor<1x32xf64>, tensor<1x32xf64>) outs(%e : tensor<1x32xf64>) {
  ^bb0(%p: f64, %q: f64, %o: f64):
    %r = arith.mulf %p, %q : f64
    linalg.yield %r : f64
  } -> tensor<1x32xf64>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32x16xf64>) signal(%drive : tensor<1x32xf64>)
      output(%a : tensor<32x16xf64>) {indexing_maps = [#dn, #td, #dn, #td, #dn], time = 0 : i64}
      -> tensor<1x32xf64>, tensor<32x16xf64>
  return %y, %x : tensor<1x32xf64>, tensor<32x16xf64>
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
