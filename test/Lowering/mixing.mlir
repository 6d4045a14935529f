// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>

// A x is summed column by column onto the signal; A is transposed once.
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[BOTH:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @dense(
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<5x5xf32>)
// CHECK: scf.for %[[T:.*]] = %c0 to %c9 step %c1 iter_args(%[[X:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<5xf32>, tensor<9x5xf32>)
// CHECK: %[[U:.*]] = tensor.extract_slice %arg1[%[[T]], 0] [1, 5]
// CHECK: linalg.generic {indexing_maps = [#[[BOTH]], #[[COLUMN]], #[[ROW]]], iterator_types = ["reduction", "parallel"]} ins(%[[A]], %[[X]]
func.func @dense(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) -> tensor<9x5xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return %y : tensor<9x5xf32>
}

#lw = affine_map<(t, n) -> (n)>
#ltn = affine_map<(t, n) -> (t, n)>

// s = q^T x, then w x and p s are added to the signal.
// CHECK-LABEL: func.func @low_rank(
// CHECK: scf.for
// CHECK: %[[S:.*]] = linalg.generic {{.*}}iterator_types = ["reduction"]}
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]}
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]} ins(%{{.*}}, %[[S]] : tensor<5xf32>, tensor<f32>)
func.func @low_rank(%w: tensor<5xf32>, %p: tensor<5xf32>, %q: tensor<5xf32>, %u: tensor<9x5xf32>) -> tensor<9x5xf32> {
  %y, %x = ssm.linear_recurrence transition(%w : tensor<5xf32>) signal(%u : tensor<9x5xf32>)
      low_rank(%p, %q : tensor<5xf32>, tensor<5xf32>)
      {indexing_maps = [#lw, #ltn, #lw, #lw, #ltn, #lw], time = 0 : i64, row = 1 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return %y : tensor<9x5xf32>
}

// The tree's summaries are a product of transitions, over (origin, row), and a
// state: (P_j P_i, P_j x_i + x_j).
// CHECK-LABEL: func.func @tree(
// CHECK: scf.for {{.*}} -> (tensor<5x5x2xf32>, tensor<5x2xf32>)
// CHECK: scf.for {{.*}} -> (tensor<1x5x5x3xf32>, tensor<1x5x3xf32>)
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "parallel", "parallel", "parallel", "parallel"]}
func.func @tree(%a: tensor<8x5x5xf32>, %u: tensor<8x1x5xf32>) -> tensor<8x1x5xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8x5x5xf32>) signal(%u : tensor<8x1x5xf32>)
      {indexing_maps = [affine_map<(t, n, m, b) -> (t, n, m)>, affine_map<(t, n, m, b) -> (t, b, n)>,
                        affine_map<(t, n, m, b) -> (t, b, n)>, affine_map<(t, n, m, b) -> (b, n)>],
       time = 0 : i64, row = 1 : i64, column = 2 : i64, strategy = #ssm.strategy<tree_scan, leaf = 4>}
      -> tensor<8x1x5xf32>, tensor<1x5xf32>
  return %y : tensor<8x1x5xf32>
}

// A matrix state: its rows are walked twice in a step. The sums over them, s and
// the output, are carried in registers; a row is written once.
// CHECK-LABEL: func.func @matrix(
// CHECK: scf.for %[[T:.*]] = %c0 to %c9 step %c1 iter_args(%[[X:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<12x16xf32>, tensor<9x16xf32>)
// CHECK: %[[S:.*]] = scf.for %[[N:.*]] = %c0 to %c12 step %c1 iter_args(%[[SUM:.*]] = %{{.*}}) -> (tensor<16xf32>)
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[X]][%[[N]], 0] [1, 16]
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[ROW]] : tensor<f32>, tensor<16xf32>) outs(%[[SUM]] : tensor<16xf32>)
// CHECK: scf.for %[[M:.*]] = %c0 to %c12 step %c1 iter_args(%[[STATES:.*]] = %[[X]], %[[Y:.*]] = %{{.*}}) -> (tensor<12x16xf32>, tensor<16xf32>)
// CHECK: tensor.extract_slice %[[STATES]][%[[M]], 0] [1, 16]
// CHECK: %[[NEXT:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[S]] : tensor<f32>, tensor<16xf32>)
// CHECK: linalg.generic {{.*}} outs(%[[Y]] : tensor<16xf32>)
// CHECK: tensor.insert_slice %[[NEXT]] into %[[STATES]][%[[M]], 0] [1, 16]
func.func @matrix(%w: tensor<12xf32>, %p: tensor<9x12xf32>, %q: tensor<9x12xf32>, %v: tensor<9x16xf32>, %k: tensor<9x12xf32>,
                  %c: tensor<9x12xf32>) -> tensor<9x16xf32> {
  %y, %x = ssm.linear_recurrence transition(%w : tensor<12xf32>) signal(%v : tensor<9x16xf32>) input(%k : tensor<9x12xf32>)
      output(%c : tensor<9x12xf32>) low_rank(%p, %q : tensor<9x12xf32>, tensor<9x12xf32>)
      {indexing_maps = [affine_map<(t, n, v) -> (n)>, affine_map<(t, n, v) -> (t, v)>, affine_map<(t, n, v) -> (t, n)>,
                        affine_map<(t, n, v) -> (t, n)>, affine_map<(t, n, v) -> (t, n)>, affine_map<(t, n, v) -> (t, n)>,
                        affine_map<(t, n, v) -> (t, v)>, affine_map<(t, n, v) -> (n, v)>], time = 0 : i64, row = 1 : i64}
      -> tensor<9x16xf32>, tensor<12x16xf32>
  return %y : tensor<9x16xf32>
}
