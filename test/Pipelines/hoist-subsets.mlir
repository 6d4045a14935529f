// RUN: ssm-opt %s --ssm-hoist-subsets | FileCheck %s

// The state stays in a register over all steps.
// CHECK-LABEL: func.func @state
// CHECK: %[[V0:.*]] = vector.transfer_read
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %[[V:.*]] = %[[V0]])
// CHECK-NEXT: arith.addf %[[V]], %[[V]]
// CHECK: vector.transfer_write
func.func @state(%x: tensor<8x4xf32>, %n: index, %row: index) -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%t = %x) -> tensor<8x4xf32> {
    %v = vector.transfer_read %t[%row, %c0], %zero {in_bounds = [true]} : tensor<8x4xf32>, vector<4xf32>
    %w = arith.addf %v, %v : vector<4xf32>
    %u = vector.transfer_write %w, %t[%row, %c0] {in_bounds = [true]} : vector<4xf32>, tensor<8x4xf32>
    scf.yield %u : tensor<8x4xf32>
  }
  return %r : tensor<8x4xf32>
}

// Another row in each iteration: nothing to hoist.
// CHECK-LABEL: func.func @rows
// CHECK: scf.for %[[I:.*]] = {{.*}} iter_args(%[[T:.*]] = %{{.*}}) ->
// CHECK-NEXT: vector.transfer_read %[[T]][%[[I]],
func.func @rows(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %r = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %x) -> tensor<8x4xf32> {
    %v = vector.transfer_read %t[%i, %c0], %zero {in_bounds = [true]} : tensor<8x4xf32>, vector<4xf32>
    %w = arith.addf %v, %v : vector<4xf32>
    %u = vector.transfer_write %w, %t[%i, %c0] {in_bounds = [true]} : vector<4xf32>, tensor<8x4xf32>
    scf.yield %u : tensor<8x4xf32>
  }
  return %r : tensor<8x4xf32>
}
