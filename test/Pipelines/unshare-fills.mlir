// RUN: ssm-opt %s --ssm-unshare-fills | FileCheck %s

#id = affine_map<(i) -> (i)>

// Two sums on one fill get a fill each; a reader does not.
// CHECK-LABEL: func @two_sums
// CHECK-DAG: %[[EMPTY:.*]] = tensor.empty
// CHECK-DAG: %[[A:.*]] = linalg.fill {{.*}} outs(%[[EMPTY]]
// CHECK-DAG: %[[B:.*]] = linalg.fill {{.*}} outs(%[[EMPTY]]
// CHECK-NOT: linalg.fill
// CHECK: linalg.add {{.*}} outs(%[[A]] :
// CHECK: linalg.add {{.*}} outs(%[[B]] :
func.func @two_sums(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  %a = linalg.add ins(%x, %x : tensor<8xf32>, tensor<8xf32>) outs(%zeros : tensor<8xf32>) -> tensor<8xf32>
  %b = linalg.add ins(%a, %zeros : tensor<8xf32>, tensor<8xf32>) outs(%zeros : tensor<8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}

// Loops too start in the memory of their initial values.
// CHECK-LABEL: func @loop
// CHECK: %[[A:.*]] = vector.transfer_write
// CHECK: %[[B:.*]] = vector.transfer_write
// CHECK: iter_args(%{{.*}} = %[[A]], %{{.*}} = %[[B]]) ->
func.func @loop(%n: index, %v: vector<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %empty = tensor.empty() : tensor<8xf32>
  %start = vector.transfer_write %v, %empty[%c0] {in_bounds = [true]} : vector<8xf32>, tensor<8xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%x = %start, %y = %start) -> (tensor<8xf32>, tensor<8xf32>) {
    scf.yield %y, %x : tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xf32>
}

// A value computed from a tensor costs more than a copy of it.
// CHECK-LABEL: func @computed
// CHECK-COUNT-1: linalg.exp
// CHECK-NOT: linalg.exp
func.func @computed(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %empty = tensor.empty() : tensor<8xf32>
  %e = linalg.exp ins(%x : tensor<8xf32>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  %a = linalg.add ins(%x, %x : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %b = linalg.mul ins(%x, %x : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}
