// RUN: ssm-opt %s --ssm-raise-loops --canonicalize --cse | FileCheck %s

// A state that is read before each step, and of which the last one is a result:
// one recurrence.
// CHECK-LABEL: func.func @reads_before(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32>, %[[U:.*]]: tensor<64x8xf32>
// CHECK: %[[Y:.*]], %[[LAST:.*]] = ssm.linear_recurrence transition(%[[A]] {{.*}} signal(%[[U]] {{.*}} read = #ssm.read<before>
// CHECK-NOT: ssm.linear_recurrence
// CHECK: return %[[Y]], %[[LAST]]
func.func @reads_before(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> (tensor<64x8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %ys = tensor.empty() : tensor<64x8xf32>
  %empty = tensor.empty() : tensor<8xf32>
  %r:2 = scf.for %t = %c0 to %c64 step %c1 iter_args(%x = %x0, %y = %ys) -> (tensor<8xf32>, tensor<64x8xf32>) {
    %written = tensor.insert_slice %x into %y[%t, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<64x8xf32>
    %ut = tensor.extract_slice %u[%t, 0] [1, 8] [1, 1] : tensor<64x8xf32> to tensor<8xf32>
    %next = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>, affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]} ins(%a, %x, %ut : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%empty : tensor<8xf32>) {
    ^bb0(%p: f32, %q: f32, %s: f32, %o: f32):
      %m = arith.mulf %p, %q : f32
      %n = arith.addf %m, %s : f32
      linalg.yield %n : f32
    } -> tensor<8xf32>
    scf.yield %next, %written : tensor<8xf32>, tensor<64x8xf32>
  }
  return %r#1, %r#0 : tensor<64x8xf32>, tensor<8xf32>
}
