// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

// One channel of 100 elements: the 3 leaves of 32 are lanes of one tile, read
// 32 elements apart. Without an identity the first element starts the prefix.
// CHECK-LABEL: func.func @leaves_are_lanes(
// CHECK-SAME: %[[X:.*]]: tensor<100xf32>)
// CHECK: scf.for %[[T:.*]] = %c0 to %c32 step %c1 {{.*}} -> (tensor<3xf32>)
// CHECK: tensor.extract_slice %[[X]][%[[T]]] [3] [32]
// CHECK: arith.maximumf
// CHECK: arith.select
// The tree of 3 summaries.
// CHECK: scf.for {{.*}} -> (tensor<4xf32>)
// CHECK: scf.for {{.*}} -> (tensor<4xf32>)
// Leaves, then the rest.
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK-NOT: scf.for %
func.func @leaves_are_lanes(%x: tensor<100xf32>) -> tensor<100xf32> {
  %y = ssm.associative_scan(%x) {dimension = 0 : i64,
      strategy = #ssm.strategy<tree_scan, leaf = 32, lanes = 16>} : (tensor<100xf32>) {
  ^bb0(%l: f32, %r: f32):
    %m = arith.maximumf %l, %r : f32
    ssm.yield %m : f32
  }
  return %y : tensor<100xf32>
}

// Of an affine pair whose products nobody reads, the last pass carries none.
// CHECK-LABEL: func.func @dynamic(
// CHECK: math.ctlz
// CHECK: %[[UP:.*]]:2 = scf.for {{.*}} -> (tensor<?x16xf32>, tensor<?x16xf32>)
// CHECK: %[[DOWN:.*]]:2 = scf.for {{.*}} iter_args(%{{.*}} = %[[UP]]#0, %{{.*}} = %[[UP]]#1)
// CHECK: scf.forall
// CHECK: %[[STATE:.*]] = tensor.extract_slice %[[DOWN]]#1
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[STATE]], %{{.*}}) -> (tensor<16xf32>, tensor<32x16xf32>)
// CHECK-NOT: %[[DOWN]]#0
// CHECK: return
func.func @dynamic(%a: tensor<?x16xf32>, %b: tensor<?x16xf32>, %one: f32, %zero: f32) -> tensor<?x16xf32> {
  %p, %x = ssm.associative_scan(%a, %b) identity(%one, %zero : f32, f32) {dimension = 0 : i64,
      strategy = #ssm.strategy<tree_scan, leaf = 32, lanes = 16>} : (tensor<?x16xf32>, tensor<?x16xf32>) {
  ^bb0(%ai: f32, %bi: f32, %aj: f32, %bj: f32):
    %a2 = arith.mulf %aj, %ai : f32
    %ab = arith.mulf %aj, %bi : f32
    %b2 = arith.addf %ab, %bj : f32
    ssm.yield %a2, %b2 : f32, f32
  }
  return %x : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @no_elements(
// CHECK-NEXT: %[[EMPTY:.*]] = tensor.empty() : tensor<0x16xf32>
// CHECK-NEXT: return %[[EMPTY]]
func.func @no_elements(%x: tensor<0x16xf32>) -> tensor<0x16xf32> {
  %y = ssm.associative_scan(%x) {dimension = 0 : i64,
      strategy = #ssm.strategy<tree_scan>} : (tensor<0x16xf32>) {
  ^bb0(%l: f32, %r: f32):
    %m = arith.addf %l, %r : f32
    ssm.yield %m : f32
  }
  return %y : tensor<0x16xf32>
}
