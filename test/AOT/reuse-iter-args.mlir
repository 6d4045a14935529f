// RUN: ssm-opt %s --split-input-file --ssm-reuse-iter-args | FileCheck %s

// A value computed elsewhere moves into the iteration argument.
// CHECK-LABEL: func.func @elsewhere(
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = %{{.*}})
// CHECK: %[[N:.*]] = linalg.exp ins(%[[H]]
// CHECK: %[[M:.*]] = bufferization.materialize_in_destination %[[N]] in %[[H]]
// CHECK: scf.yield %[[M]]
func.func @elsewhere(%init: tensor<8xf32>, %n: index) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %init) -> tensor<8xf32> {
    %e = tensor.empty() : tensor<8xf32>
    %x = linalg.exp ins(%h : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %x : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// -----

// A value that is in place already stays as it is; vectors do not matter.
// CHECK-LABEL: func.func @in_place(
// CHECK-NOT: materialize_in_destination
func.func @in_place(%init: tensor<8xf32>, %v: vector<4xf32>, %n: index) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%h = %init, %w = %v) -> (tensor<8xf32>, vector<4xf32>) {
    %s = tensor.extract_slice %h[%i] [4] [1] : tensor<8xf32> to tensor<4xf32>
    %x = linalg.exp ins(%s : tensor<4xf32>) outs(%s : tensor<4xf32>) -> tensor<4xf32>
    %t = tensor.insert_slice %x into %h[%i] [4] [1] : tensor<4xf32> into tensor<8xf32>
    scf.yield %t, %w : tensor<8xf32>, vector<4xf32>
  }
  return %r#0 : tensor<8xf32>
}

// -----

// A swap copies both values before it writes either.
// CHECK-LABEL: func.func @swap(
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = %{{.*}}, %[[G:.*]] = %{{.*}})
// CHECK: %[[CG:.*]] = linalg.copy ins(%[[G]]
// CHECK: %[[CH:.*]] = linalg.copy ins(%[[H]]
// CHECK: bufferization.materialize_in_destination %[[CG]] in %[[H]]
// CHECK: bufferization.materialize_in_destination %[[CH]] in %[[G]]
func.func @swap(%a: tensor<?xf32>, %b: tensor<?xf32>, %n: index) -> (tensor<?xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%h = %a, %g = %b) -> (tensor<?xf32>, tensor<?xf32>) {
    scf.yield %g, %h : tensor<?xf32>, tensor<?xf32>
  }
  return %r#0, %r#1 : tensor<?xf32>, tensor<?xf32>
}
