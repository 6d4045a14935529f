// RUN: ssm-opt %s --ssm-full-rank-writes | FileCheck %s
// RUN: ssm-opt %s --ssm-full-rank-writes --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=COPY

// The other rows are kept: the tensor is copied before one is written.
// CHECK-LABEL: func @row(
// CHECK-SAME: %[[T:.*]]: tensor<4x16xf32>, %[[V:.*]]: vector<16xf32>)
// CHECK: %[[W:.*]] = vector.broadcast %[[V]] : vector<16xf32> to vector<1x16xf32>
// CHECK: vector.transfer_write %[[W]], %[[T]][%c0, %c0] {in_bounds = [true, true]} : vector<1x16xf32>, tensor<4x16xf32>
// COPY-LABEL: func @row(
// COPY: memref.copy
func.func @row(%t: tensor<4x16xf32>, %v: vector<16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  %c0 = arith.constant 0 : index
  %w = vector.transfer_write %v, %t[%c0, %c0] {in_bounds = [true]} : vector<16xf32>, tensor<4x16xf32>
  return %w, %t : tensor<4x16xf32>, tensor<4x16xf32>
}

// These are judged right as they are: another place, all of a tensor, memory.
// CHECK-LABEL: func @others(
// CHECK-NOT: vector.broadcast
func.func @others(%t: tensor<4x16xf32>, %u: tensor<16xf32>, %m: memref<4x16xf32>, %v: vector<16xf32>)
    -> (tensor<4x16xf32>, tensor<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %w = vector.transfer_write %v, %t[%c1, %c0] {in_bounds = [true]} : vector<16xf32>, tensor<4x16xf32>
  %x = vector.transfer_write %v, %u[%c0] {in_bounds = [true]} : vector<16xf32>, tensor<16xf32>
  vector.transfer_write %v, %m[%c0, %c0] {in_bounds = [true]} : vector<16xf32>, memref<4x16xf32>
  return %w, %x : tensor<4x16xf32>, tensor<16xf32>
}
