// Reductions of contiguous rows: lanes first, then across them.
// RUN: ssm-opt %s --ssm-lane-reductions --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @sum
// CHECK-SAME: %[[X:.*]]: tensor<?x200xf32>, %[[START:.*]]: tensor<?xf32>
// CHECK: scf.forall (%[[R:.*]]) in (%{{.*}}) shared_outs(%[[OUT:.*]] = %[[START]])
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[X]][%[[R]], 0] [1, 200] [1, 1] : tensor<?x200xf32> to tensor<200xf32>
// CHECK: %[[ZEROS:.*]] = linalg.fill {{.*}} -> tensor<64xf32>
// CHECK: %[[WIDE:.*]] = scf.for %[[I:.*]] = %c0 to %c3 step %c1 iter_args(%[[SUMS:.*]] = %[[ZEROS]])
// CHECK:   %[[FROM:.*]] = affine.apply {{.*}}%[[I]]
// CHECK:   %[[PART:.*]] = tensor.extract_slice %[[ROW]][%[[FROM]]] [64] [1]
// CHECK:   linalg.generic {{.*}} iterator_types = ["parallel"]} ins(%[[PART]] : tensor<64xf32>) outs(%[[SUMS]] : tensor<64xf32>)
// CHECK:   arith.addf %{{.*}}, %{{.*}} fastmath<reassoc>
// CHECK: vector.transfer_read %[[WIDE]]
// CHECK: arith.addf {{.*}} : vector<32xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// 200 = 3 * 64 + 8: no vector is left, but eight elements.
// CHECK-NOT: scf.for
// CHECK: arith.addf {{.*}} : vector<8xf32>
// CHECK: arith.addf {{.*}} : vector<1xf32>
// CHECK: %[[FIRST:.*]] = tensor.extract %{{.*}}[] : tensor<f32>
// CHECK: arith.addf %[[FIRST]], %{{.*}} fastmath<reassoc> : f32
// CHECK: %[[REST:.*]] = tensor.extract_slice %[[ROW]][192] [8] [1]
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[REST]] : tensor<8xf32>)
#rk = affine_map<(r, k) -> (r, k)>
#r = affine_map<(r, k) -> (r)>
func.func @sum(%x: tensor<?x200xf32>, %start: tensor<?xf32>) -> tensor<?xf32> {
  %y = linalg.generic {indexing_maps = [#rk, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x200xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %r = arith.addf %sum, %a fastmath<reassoc> : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// A maximum needs no flag. Vectors of f64 have eight lanes.
// CHECK-LABEL: func.func @maximum
// CHECK: linalg.fill ins(%{{.*}} : f64) outs(%{{.*}} : tensor<32xf64>)
// CHECK: scf.for
// CHECK: arith.maximumf {{.*}} : f64
// CHECK: scf.for
// CHECK: arith.maximumf {{.*}} : vector<1xf64>
func.func @maximum(%x: tensor<?x?xf64>, %start: tensor<?xf64>) -> tensor<?xf64> {
  %y = linalg.generic {indexing_maps = [#rk, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf64>) outs(%start : tensor<?xf64>) {
  ^bb0(%a: f64, %sum: f64):
    %r = arith.maximumf %sum, %a : f64
    linalg.yield %r : f64
  } -> tensor<?xf64>
  return %y : tensor<?xf64>
}

// The order of this sum counts.
// CHECK-LABEL: func.func @in_order
// CHECK-NOT: scf
// CHECK: return
func.func @in_order(%x: tensor<?x?xf32>, %start: tensor<?xf32>) -> tensor<?xf32> {
  %y = linalg.generic {indexing_maps = [#rk, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %r = arith.addf %sum, %a : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// What is summed does not lie side by side.
// CHECK-LABEL: func.func @columns
// CHECK-NOT: scf
// CHECK: return
func.func @columns(%x: tensor<?x?xf32>, %start: tensor<?xf32>) -> tensor<?xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(r, k) -> (k, r)>, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %r = arith.addf %sum, %a fastmath<reassoc> : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// Rows of less than a vector.
// CHECK-LABEL: func.func @short
// CHECK-NOT: scf
// CHECK: return
func.func @short(%x: tensor<?x15xf32>, %start: tensor<?xf32>) -> tensor<?xf32> {
  %y = linalg.generic {indexing_maps = [#rk, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x15xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%a: f32, %sum: f32):
    %r = arith.addf %sum, %a fastmath<reassoc> : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}
