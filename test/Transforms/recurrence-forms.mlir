// RUN: ssm-opt %s --ssm-recurrence-to-conv | FileCheck %s --check-prefix=CONV
// RUN: ssm-opt %s --ssm-recurrence-to-scan | FileCheck %s --check-prefix=SCAN
// RUN: ssm-opt %s --ssm-hoist-contractions | FileCheck %s --check-prefix=HOIST

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// CONV-LABEL: func @decay
// CONV: %[[K:.*]] = ssm.materialize_kernel transition(%{{.*}}) input({{.*}} : tensor<f32>) output({{.*}} : tensor<f32>) {{.*}} -> tensor<64x8xf32>
// CONV: ssm.long_conv %{{.*}}, %[[K]]
// CONV-NOT: ssm.linear_recurrence
// SCAN-LABEL: func @decay
// SCAN: linalg.generic
// SCAN: ssm.associative_scan
// SCAN: %[[A:.*]] = arith.mulf %[[AJ:.*]], %{{.*}} fastmath<contract> : f32
// SCAN: %[[P:.*]] = arith.mulf %[[AJ]], %{{.*}} fastmath<contract> : f32
// SCAN: %[[X:.*]] = arith.addf %[[P]], %{{.*}} fastmath<contract> : f32
// SCAN: ssm.yield %[[A]], %[[X]]
func.func @decay(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
      -> tensor<64x8xf32>, tensor<8xf32>
  return %x : tensor<64x8xf32>
}

// A transition that varies has no kernel.
// CONV-LABEL: func @varying
// CONV: ssm.linear_recurrence
func.func @varying(%a: tensor<64x8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<64x8xf32>)
      signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64}
      -> tensor<64x8xf32>, tensor<8xf32>
  return %x : tensor<64x8xf32>
}

// Three inputs drive five states, which two outputs read.
// HOIST-LABEL: func @mimo
// HOIST: %[[V:.*]] = linalg.generic {{.*}}iterator_types = {{.*}}"reduction"
// HOIST: %[[X:.*]], %{{.*}} = ssm.linear_recurrence transition(%{{.*}} : tensor<5xf32>) signal(%[[V]] : tensor<64x5xf32>) {indexing_maps
// HOIST: linalg.generic {{.*}}iterator_types = {{.*}}"reduction"
func.func @mimo(%a: tensor<5xf32>, %b: tensor<5x3xf32>, %c: tensor<2x5xf32>, %u: tensor<64x3xf32>) -> tensor<64x2xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<5xf32>)
      signal(%u : tensor<64x3xf32>) input(%b : tensor<5x3xf32>) output(%c : tensor<2x5xf32>)
      {indexing_maps = [affine_map<(t, n, i, o) -> (n)>, affine_map<(t, n, i, o) -> (t, i)>,
        affine_map<(t, n, i, o) -> (n, i)>, affine_map<(t, n, i, o) -> (o, n)>,
        affine_map<(t, n, i, o) -> (t, o)>, affine_map<(t, n, i, o) -> (n)>], time = 0 : i64}
      -> tensor<64x2xf32>, tensor<5xf32>
  return %y : tensor<64x2xf32>
}
