// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>

// CHECK-LABEL: func.func @dense(
// CHECK: ssm.linear_recurrence transition(%{{.*}} : tensor<5x5xf32>) signal(%{{.*}} : tensor<9x5xf32>)
// CHECK-SAME: column = 2 : i64
// CHECK-SAME: row = 1 : i64
// CHECK-SAME: -> tensor<9x5xf32>, tensor<5xf32>
func.func @dense(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) -> tensor<9x5xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return %y : tensor<9x5xf32>
}

#btv = affine_map<(b, t, k, v) -> (b, t, v)>
#btk = affine_map<(b, t, k, v) -> (b, t, k)>
#bkv = affine_map<(b, t, k, v) -> (b, k, v)>

// The delta rule: A_t = I - beta k k^T, on a matrix state.
// CHECK-LABEL: func.func @delta(
// CHECK: ssm.linear_recurrence {{.*}} low_rank(%{{.*}}, %{{.*}} : tensor<2x?x4xf32>, tensor<2x?x4xf32>)
func.func @delta(%one: tensor<2x?x4xf32>, %v: tensor<2x?x6xf32>, %k: tensor<2x?x4xf32>, %q: tensor<2x?x4xf32>) -> tensor<2x?x6xf32> {
  %y, %s = ssm.linear_recurrence transition(%one : tensor<2x?x4xf32>) signal(%v : tensor<2x?x6xf32>)
      input(%k : tensor<2x?x4xf32>) output(%q : tensor<2x?x4xf32>)
      low_rank(%k, %k : tensor<2x?x4xf32>, tensor<2x?x4xf32>)
      {indexing_maps = [#btk, #btv, #btk, #btk, #btk, #btk, #btv, #bkv], time = 1 : i64, row = 2 : i64}
      -> tensor<2x?x6xf32>, tensor<2x4x6xf32>
  return %y : tensor<2x?x6xf32>
}

// CHECK-LABEL: func.func @kernel(
// CHECK: ssm.materialize_kernel {{.*}}column = 1 : i64
func.func @kernel(%a: tensor<5x5xf32>, %b: tensor<5xf32>) -> tensor<8xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<5x5xf32>) input(%b : tensor<5xf32>) output(%b : tensor<5xf32>)
      {indexing_maps = [affine_map<(n, m, l) -> (n, m)>, affine_map<(n, m, l) -> (n)>, affine_map<(n, m, l) -> (n)>,
                        affine_map<(n, m, l) -> (l)>], time = 2 : i64, row = 0 : i64, column = 1 : i64} -> tensor<8xf32>
  return %k : tensor<8xf32>
}
