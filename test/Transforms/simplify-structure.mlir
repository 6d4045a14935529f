// RUN: ssm-opt %s --ssm-simplify-structure | FileCheck %s
// RUN: ssm-opt %s --ssm-simplify-structure --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#n = affine_map<(t, n, m) -> (n)>
#tn = affine_map<(t, n, m) -> (t, n)>
#t = affine_map<(t, d) -> (t)>
#s = affine_map<(t, d) -> (d)>
#nm = affine_map<(t, n, m) -> (n, m)>
#d = affine_map<(t, d, r) -> (d)>
#dr = affine_map<(t, d, r) -> (d, r)>
#td = affine_map<(t, d, r) -> (t, d)>

// REMARK: [Passed] Diagonal{{.*}}linear_recurrence: the transition is diagonal
// CHECK-DAG: #[[$N:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$TN:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @dense(
// CHECK: %[[A:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<2xf32>)
// CHECK-SAME: {indexing_maps = [#[[$N]], #[[$TN]], #[[$TN]], #[[$N]]], time = 0 : i64}
func.func @dense(%u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %a = arith.constant dense<[[0.5, 0.0], [0.0, 0.25]]> : tensor<2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// REMARK: [Passed] Diagonal
// CHECK-LABEL: func @low_rank(
// CHECK-SAME: %[[W:.*]]: tensor<2xf32>
// CHECK-NOT: low_rank(
// CHECK: transition(%[[W]] : tensor<2xf32>)
// CHECK-SAME: {indexing_maps = [#[[$N]], #[[$TN]], #[[$TN]], #[[$N]]], time = 0 : i64}
func.func @low_rank(%w: tensor<2xf32>, %p: tensor<2x3xf32>, %u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %q = arith.constant dense<0.0> : tensor<2x3xf32>
  %y, %x = ssm.linear_recurrence transition(%w : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      low_rank(%p, %q : tensor<2x3xf32>, tensor<2x3xf32>)
      {indexing_maps = [#d, #td, #dr, #dr, #td, #d], time = 0 : i64, row = 1 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// Exact causality keeps NaN as the definition has it; off the diagonal there is
// something.
// CHECK-LABEL: func @stays(
// CHECK-COUNT-2: column = 2
func.func @stays(%u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %a = arith.constant dense<[[0.5, 0.0], [0.0, 0.25]]> : tensor<2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64,
       numerics = #ssm.numerics<strict>} -> tensor<9x2xf32>, tensor<2xf32>
  %b = arith.constant dense<[[0.5, 0.0], [0.1, 0.25]]> : tensor<2x2xf32>
  %z, %w = ssm.linear_recurrence transition(%b : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}

// REMARK: [Analysis] Unstable{{.*}}linear_recurrence: unstable: a state is multiplied by 1.50 or more at each step
func.func @grows(%u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %a = arith.constant dense<[0.5, -1.5]> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>,
                        affine_map<(t, d) -> (d)>], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// REMARK: [Analysis] Unstable{{.*}}linear_recurrence: unstable: an eigenvector of A is multiplied by 1.25 or more at each step
func.func @rotates(%u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %a = arith.constant dense<[[1.0, -0.75], [0.75, 1.0]]> : tensor<2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// Pairs in halves, and neighbours.
// REMARK: [Passed] ConjugatePairs
// REMARK: [Passed] ConjugatePairs
// REMARK-NOT: ConjugatePairs
// CHECK-LABEL: func @halves(
// CHECK-DAG: arith.constant dense<[(5.000000e-01,2.500000e-01), (0.000000e+00,5.000000e-01)]>
// CHECK-DAG: arith.constant dense<[(1.000000e+00,1.000000e+00), (2.000000e+00,0.000000e+00)]>
// CHECK: projection = #ssm.projection<twice_real>
func.func @halves(%u: tensor<9xf32>) -> tensor<9xf32> {
  %a = arith.constant dense<[(0.5, 0.25), (0.0, 0.5), (0.5, -0.25), (0.0, -0.5)]> : tensor<4xcomplex<f32>>
  %c = arith.constant dense<[(1.0, 1.0), (2.0, 0.0), (1.0, -1.0), (2.0, 0.0)]> : tensor<4xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<9xf32>)
      output(%c : tensor<4xcomplex<f32>>)
      {indexing_maps = [#s, #t, #s, #t, #s], time = 0 : i64, projection = #ssm.projection<real>}
      -> tensor<9xf32>, tensor<4xcomplex<f32>>
  return %y : tensor<9xf32>
}

// CHECK-LABEL: func @neighbours(
// CHECK-DAG: arith.constant dense<[(5.000000e-01,2.500000e-01), (0.000000e+00,5.000000e-01)]>
// CHECK-DAG: arith.constant dense<[(1.000000e+00,1.000000e+00), (2.000000e+00,3.000000e+00)]>
// CHECK: projection = #ssm.projection<twice_real>
func.func @neighbours(%u: tensor<9xf32>) -> tensor<9xf32> {
  %a = arith.constant dense<[(0.5, 0.25), (0.5, -0.25), (0.0, 0.5), (0.0, -0.5)]> : tensor<4xcomplex<f32>>
  %c = arith.constant dense<[(1.0, 1.0), (1.0, -1.0), (2.0, 3.0), (2.0, -3.0)]> : tensor<4xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<9xf32>)
      output(%c : tensor<4xcomplex<f32>>)
      {indexing_maps = [#s, #t, #s, #t, #s], time = 0 : i64, projection = #ssm.projection<real>}
      -> tensor<9xf32>, tensor<4xcomplex<f32>>
  return %y : tensor<9xf32>
}

// The output map does not pair up; exact causality; both parts come out.
// CHECK-LABEL: func @no_pairs(
// CHECK: projection = #ssm.projection<real>
func.func @no_pairs(%u: tensor<9xf32>) -> tensor<9xf32> {
  %a = arith.constant dense<[(0.5, 0.25), (0.0, 0.5), (0.5, -0.25), (0.0, -0.5)]> : tensor<4xcomplex<f32>>
  %c = arith.constant dense<[(1.0, 1.0), (1.0, -1.0), (2.0, 3.0), (2.0, -3.0)]> : tensor<4xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<9xf32>)
      output(%c : tensor<4xcomplex<f32>>)
      {indexing_maps = [#s, #t, #s, #t, #s], time = 0 : i64, projection = #ssm.projection<real>}
      -> tensor<9xf32>, tensor<4xcomplex<f32>>
  return %y : tensor<9xf32>
}

// CHECK-LABEL: func @strict_pairs(
// CHECK: projection = #ssm.projection<real>
func.func @strict_pairs(%u: tensor<9xf32>) -> tensor<9xf32> {
  %a = arith.constant dense<[(0.5, 0.25), (0.0, 0.5), (0.5, -0.25), (0.0, -0.5)]> : tensor<4xcomplex<f32>>
  %c = arith.constant dense<[(1.0, 1.0), (2.0, 0.0), (1.0, -1.0), (2.0, 0.0)]> : tensor<4xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<9xf32>)
      output(%c : tensor<4xcomplex<f32>>)
      {indexing_maps = [#s, #t, #s, #t, #s], time = 0 : i64, projection = #ssm.projection<real>, numerics = #ssm.numerics<strict>}
      -> tensor<9xf32>, tensor<4xcomplex<f32>>
  return %y : tensor<9xf32>
}
