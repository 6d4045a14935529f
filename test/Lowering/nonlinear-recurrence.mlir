// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#bth = affine_map<(b, t, h) -> (b, t, h)>
#tbh = affine_map<(b, t, h) -> (t, b, h)>
#hbt = affine_map<(b, t, h) -> (h, b, t)>
#bh = affine_map<(b, t, h) -> (b, h)>

// One loop that carries the whole state, with the region in it.
// CHECK-LABEL: func.func @rnn(
// CHECK-SAME: %[[U:.*]]: tensor<4x?x8xf32>, %[[X0:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x8xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c1
// CHECK: %[[R:.*]]:2 = scf.for %[[T:.*]] = %c0 to %[[L]] step %c1 iter_args(%[[H:.*]] = %[[X0]], %[[OUT:.*]] = %{{.*}}) -> (tensor<4x8xf32>, tensor<?x4x8xf32>)
// CHECK: %[[UT:.*]] = tensor.extract_slice %[[U]][0, %[[T]], 0] [4, 1, 8] [1, 1, 1] : tensor<4x?x8xf32> to tensor<4x8xf32>
// CHECK: %[[Z:.*]] = linalg.matmul ins(%[[H]], %[[W]] : {{.*}}) outs(%[[UT]] :
// CHECK: %[[NEXT:.*]] = math.tanh %[[Z]]
// CHECK: %[[STORED:.*]] = tensor.insert_slice %[[NEXT]] into %[[OUT]][%[[T]], 0, 0] [1, 4, 8]
// CHECK: scf.yield %[[NEXT]], %[[STORED]]
// CHECK: return %[[R]]#1, %[[R]]#0
func.func @rnn(%u: tensor<4x?x8xf32>, %x0: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x4x8xf32>, tensor<4x8xf32>) {
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<4x?x8xf32>) init(%x0 : tensor<4x8xf32>)
      {indexing_maps = [#bth, #bh, #tbh, #bh], time = 1 : i64}
      -> (tensor<?x4x8xf32>), (tensor<4x8xf32>) {
  ^bb0(%h: tensor<4x8xf32>, %ut: tensor<4x8xf32>):
    %z = linalg.matmul ins(%h, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%ut : tensor<4x8xf32>) -> tensor<4x8xf32>
    %next = math.tanh %z : tensor<4x8xf32>
    ssm.yield %next : tensor<4x8xf32>
  }
  return %x, %last : tensor<?x4x8xf32>, tensor<4x8xf32>
}

// Backward, into another layout; the first state is not asked for over time.
// CHECK-LABEL: func.func @backward(
// CHECK: scf.for %[[I:.*]] = %c0 to %c5 step %c1 iter_args({{.*}}) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4x5xf32>)
// CHECK: %[[T:.*]] = arith.subi %c4, %[[I]]
// CHECK: tensor.extract_slice %{{.*}}[0, %[[T]], 0] [4, 1, 8]
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<8x4xf32>)
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, %[[T]]] [8, 4, 1]
// CHECK: return {{.*}}, %c0_i64, %cst
func.func @backward(%u: tensor<4x5x8xf32>, %x0: tensor<4x8xf32>, %c0: tensor<4x8xf32>) -> (tensor<8x4x5xf32>, i64, f64) {
  %x, %c, %xl, %cl, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<4x5x8xf32>) init(%x0, %c0 : tensor<4x8xf32>, tensor<4x8xf32>)
      {indexing_maps = [#bth, #bh, #bh, #bth, #hbt, #bh, #bh], time = 1 : i64, direction = #ssm.direction<backward>}
      -> (tensor<4x5x8xf32>, tensor<8x4x5xf32>), (tensor<4x8xf32>, tensor<4x8xf32>) {
  ^bb0(%s: tensor<4x8xf32>, %d: tensor<4x8xf32>, %ut: tensor<4x8xf32>):
    %a = arith.mulf %s, %ut : tensor<4x8xf32>
    %b = arith.mulf %d, %s : tensor<4x8xf32>
    ssm.yield %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
  }
  return %c, %n, %r : tensor<8x4x5xf32>, i64, f64
}
