// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#bth = affine_map<(b, t, h) -> (b, t, h)>
#tbh = affine_map<(b, t, h) -> (t, b, h)>
#bh = affine_map<(b, t, h) -> (b, h)>
#h = affine_map<(b, t, h) -> (h)>

// The vanilla RNN; the weights come from around the op.
// CHECK-LABEL: func @rnn
// CHECK: %[[X:.*]], %[[LAST:.*]], %{{.*}}, %{{.*}} = ssm.nonlinear_recurrence signals(%{{.*}} : tensor<4x?x8xf32>) init(%{{.*}} : tensor<4x8xf32>)
// CHECK-SAME: {indexing_maps = [{{.*}}], time = 1 : i64} -> (tensor<?x4x8xf32>), (tensor<4x8xf32>) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<4x8xf32>, %{{.*}}: tensor<4x8xf32>):
// CHECK: ssm.yield %{{.*}} : tensor<4x8xf32>
// CHECK: return %[[X]], %[[LAST]] : tensor<?x4x8xf32>, tensor<4x8xf32>
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

// Two states, and signals with and without time, of any element type.
// CHECK-LABEL: func @two
// CHECK: direction = #ssm.direction<backward>
func.func @two(%u: tensor<5x4x8xi8>, %v: tensor<8xf32>, %x0: tensor<4x8xf64>, %c0: tensor<4x8xcomplex<f32>>) -> tensor<4x5x8xcomplex<f32>> {
  %x, %c, %xl, %cl, %n, %r = ssm.nonlinear_recurrence signals(%u, %v : tensor<5x4x8xi8>, tensor<8xf32>)
      init(%x0, %c0 : tensor<4x8xf64>, tensor<4x8xcomplex<f32>>)
      {indexing_maps = [#tbh, #h, #bh, #bh, #bth, #bth, #bh, #bh], time = 1 : i64, direction = #ssm.direction<backward>}
      -> (tensor<4x5x8xf64>, tensor<4x5x8xcomplex<f32>>), (tensor<4x8xf64>, tensor<4x8xcomplex<f32>>) {
  ^bb0(%h: tensor<4x8xf64>, %d: tensor<4x8xcomplex<f32>>, %ut: tensor<4x8xi8>, %vt: tensor<8xf32>):
    ssm.yield %h, %d : tensor<4x8xf64>, tensor<4x8xcomplex<f32>>
  }
  return %c : tensor<4x5x8xcomplex<f32>>
}
