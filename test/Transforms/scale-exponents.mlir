// RUN: ssm-opt %s --ssm-scale-exponents | FileCheck %s

#td = affine_map<(t, d, n) -> (t, d)>
#dn = affine_map<(t, d, n) -> (d, n)>
#tdn = affine_map<(t, d, n) -> (t, d, n)>

// CHECK-LABEL: func.func @decay(
// CHECK-SAME: %[[DT:.*]]: tensor<?x8xf32>, %[[A:.*]]: tensor<8x4xf32>, %[[E:.*]]: tensor<?x8x4xf32>)
// CHECK: %[[SCALED:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<8x4xf32>)
// CHECK: arith.mulf %{{.*}}, %[[LOG2E:.*]] : f32
// CHECK: linalg.generic {{.*}} ins(%[[DT]], %[[A]], %[[SCALED]] :
// CHECK: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32, %[[Y:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[P:.*]] = arith.mulf %[[X]], %[[Y]] fastmath<contract>
// CHECK: math.exp2 %[[P]]
func.func @decay(%dt: tensor<?x8xf32>, %a: tensor<8x4xf32>, %e: tensor<?x8x4xf32>) -> tensor<?x8x4xf32> {
  %0 = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %a : tensor<?x8xf32>, tensor<8x4xf32>) outs(%e : tensor<?x8x4xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %y, %x fastmath<contract> : f32
    %q = math.exp %p : f32
    linalg.yield %q : f32
  } -> tensor<?x8x4xf32>
  return %0 : tensor<?x8x4xf32>
}

// A product that must be rounded as it is, and factors that vary in all loops.
// CHECK-LABEL: func.func @kept(
// CHECK-NOT: math.exp2
func.func @kept(%a: tensor<8x4xf32>, %b: tensor<9x8x4xf32>, %e: tensor<9x8x4xf32>) -> (tensor<9x8x4xf32>, tensor<9x8x4xf32>) {
  %0 = linalg.generic {indexing_maps = [#dn, #tdn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %b : tensor<8x4xf32>, tensor<9x8x4xf32>) outs(%e : tensor<9x8x4xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %x, %y : f32
    %q = math.exp %p : f32
    linalg.yield %q : f32
  } -> tensor<9x8x4xf32>
  %1 = linalg.generic {indexing_maps = [#tdn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b : tensor<9x8x4xf32>) outs(%e : tensor<9x8x4xf32>) {
  ^bb0(%x: f32, %out: f32):
    %p = arith.mulf %x, %x fastmath<contract> : f32
    %q = math.exp %p : f32
    linalg.yield %q : f32
  } -> tensor<9x8x4xf32>
  return %0, %1 : tensor<9x8x4xf32>, tensor<9x8x4xf32>
}
