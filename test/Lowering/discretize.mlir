// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#hn = affine_map<(h, n) -> (h, n)>
#h = affine_map<(h, n) -> (h)>

// Two elementwise ops, which fuse with what is around them, in f64: parameters.
// The rounding error of dt a goes into the result, and phi(0) is 1.
// CHECK-LABEL: func.func @zoh(
// CHECK-SAME: %[[A:.*]]: tensor<4x8xf32>, %[[DT:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4x8xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[A]], %[[DT]] :
// CHECK: %[[Z:.*]] = arith.mulf {{.*}} : f64
// CHECK: %[[E:.*]] = math.fma %{{.*}}, %{{.*}}, %{{.*}}
// CHECK: math.exp %[[Z]]
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[DT]], %[[B]] :
// CHECK: math.expm1
// CHECK: %[[Q:.*]] = arith.divf
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[Q]]
// CHECK: arith.truncf {{.*}} : f64 to f32
// CHECK-NOT: linalg.generic
func.func @zoh(%a: tensor<4x8xf32>, %dt: tensor<4xf32>, %b: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %x, %y = ssm.discretize zoh transition(%a : tensor<4x8xf32>) step(%dt : tensor<4xf32>) input(%b : tensor<4x8xf32>)
      {indexing_maps = [#hn, #h, #hn, #hn, #hn]} -> tensor<4x8xf32>, tensor<4x8xf32>
  return %x, %y : tensor<4x8xf32>, tensor<4x8xf32>
}

// One step for each time, in f32.
// CHECK-LABEL: func.func @mamba(
// CHECK-NOT: f64
// CHECK: math.exp
// CHECK-NOT: f64
// CHECK: return
func.func @mamba(%a: tensor<4x8xf32>, %dt: tensor<?x4xf32>) -> tensor<?x4x8xf32> {
  %x, %y = ssm.discretize euler transition(%a : tensor<4x8xf32>) step(%dt : tensor<?x4xf32>)
      {indexing_maps = [affine_map<(t, h, n) -> (h, n)>, affine_map<(t, h, n) -> (t, h)>, affine_map<(t, h, n) -> (t, h, n)>,
                        affine_map<(t, h, n) -> (t, h)>]} -> tensor<?x4x8xf32>, tensor<?x4xf32>
  return %x : tensor<?x4x8xf32>
}

// What is not used is not computed: no exponential.
// CHECK-LABEL: func.func @euler(
// CHECK-SAME: %{{.*}}: tensor<?x8xbf16>, %[[DT:.*]]: tensor<?xbf16>, %[[B:.*]]: tensor<?x8xbf16>)
// CHECK-NOT: math.exp
// CHECK: linalg.generic {{.*}} ins(%[[DT]], %[[B]] :
// CHECK: arith.mulf {{.*}} : f32
// CHECK: arith.truncf
func.func @euler(%a: tensor<?x8xbf16>, %dt: tensor<?xbf16>, %b: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  %x, %y = ssm.discretize euler transition(%a : tensor<?x8xbf16>) step(%dt : tensor<?xbf16>) input(%b : tensor<?x8xbf16>)
      {indexing_maps = [#hn, #h, #hn, #hn, #hn]} -> tensor<?x8xbf16>, tensor<?x8xbf16>
  return %y : tensor<?x8xbf16>
}

// Elimination with a pivot per column, in f64: once for each of the 4 steps.
// CHECK-LABEL: func.func @dense(
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%{{.*}} = %{{.*}}) -> (tensor<4x3x3xf64>)
// CHECK: scf.for %[[K:.*]] = %c0 to %c3 step %c1 iter_args(%{{.*}} = %{{.*}}) -> (tensor<3x6xf64>)
// CHECK: scf.for %{{.*}} = %[[K]] to %c3 step %c1 iter_args(%{{.*}} = %[[K]], {{.*}}) -> (index, f64)
// CHECK: math.absf
// CHECK: scf.for {{.*}} to %c3 step %c1 iter_args({{.*}}) -> (tensor<3x6xf64>)
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (tensor<3x6xf64>)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<4x3x3xf32>)
func.func @dense(%a: tensor<3x3xf32>, %dt: tensor<4xf32>) -> tensor<4x3x3xf32> {
  %x, %y = ssm.discretize bilinear transition(%a : tensor<3x3xf32>) step(%dt : tensor<4xf32>)
      {indexing_maps = [affine_map<(h, n, m) -> (n, m)>, affine_map<(h, n, m) -> (h)>, affine_map<(h, n, m) -> (h, n, m)>,
                        affine_map<(h, n, m) -> (h, n)>], row = 1 : i64, column = 2 : i64} -> tensor<4x3x3xf32>, tensor<4x3xf32>
  return %x : tensor<4x3x3xf32>
}
