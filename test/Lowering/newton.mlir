// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse 2>&1 | FileCheck %s

#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
#i = affine_map<(i) -> (i)>

// CHECK-DAG: remark: computed by a loop, not by Newton's method: math.ceil has no derivative
// CHECK-DAG: remark: computed by a loop, not by Newton's method: math.ceil has no derivative
// CHECK-DAG: remark: computed by a loop, not by Newton's method: linalg.generic uses a state in its body

// At each iterate, f and its derivative at every time in parallel; the scan of
// the linearised recurrence; and the loop, should the residual stay large.
// CHECK-LABEL: func.func @rnn(
// CHECK: %[[R:.*]]:{{.*}} = scf.while
// CHECK: scf.forall (%{{.*}}) in (64) shared_outs({{.*}}) -> (tensor<64x8x8xf32>, tensor<64x8xf32>, tensor<64xf32>)
// CHECK: math.tanh
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<8x8xf32>)
// CHECK: arith.maximumf
// CHECK: arith.cmpf ogt, %{{.*}}, %{{.*}} : f64
// CHECK: scf.condition
// CHECK: } do {
// CHECK: scf.for {{.*}} to %c64 step
// CHECK: %[[GOOD:.*]] = arith.cmpf ole
// CHECK: scf.if %[[GOOD]]
// CHECK: else
// CHECK: scf.for {{.*}} to %c64 step
// CHECK: linalg.vecmat
func.func @rnn(%u: tensor<64x8xf32>, %x0: tensor<8xf32>, %w: tensor<8x8xf32>) -> (tensor<64x8xf32>, i64, f64) {
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, row = 1 : i64, tolerance = 1.0e-6 : f64}
      -> (tensor<64x8xf32>), (tensor<8xf32>) {
  ^bb0(%h: tensor<8xf32>, %ut: tensor<8xf32>):
    %z = linalg.vecmat ins(%h, %w : tensor<8xf32>, tensor<8x8xf32>) outs(%ut : tensor<8xf32>) -> tensor<8xf32>
    %next = math.tanh %z : tensor<8xf32>
    ssm.yield %next : tensor<8xf32>
  }
  return %x, %n, %r : tensor<64x8xf32>, i64, f64
}

// CHECK-LABEL: func.func @ceil(
// CHECK-NOT: scf.while
// CHECK-NOT: scf.while
func.func @ceil(%u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> tensor<64x8xf32> {
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, tolerance = 1.0e-6 : f64}
      -> (tensor<64x8xf32>), (tensor<8xf32>) {
  ^bb0(%h: tensor<8xf32>, %ut: tensor<8xf32>):
    %z = math.ceil %h : tensor<8xf32>
    %next = arith.addf %z, %ut : tensor<8xf32>
    ssm.yield %next : tensor<8xf32>
  }
  return %x : tensor<64x8xf32>
}

// The same within a generic op.
// CHECK-LABEL: func.func @ceil_inside(
// CHECK-NOT: scf.while
func.func @ceil_inside(%u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> tensor<64x8xf32> {
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, tolerance = 1.0e-6 : f64}
      -> (tensor<64x8xf32>), (tensor<8xf32>) {
  ^bb0(%h: tensor<8xf32>, %ut: tensor<8xf32>):
    %e = tensor.empty() : tensor<8xf32>
    %next = linalg.generic {indexing_maps = [#i, #i, #i], iterator_types = ["parallel"]}
        ins(%h, %ut : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb1(%hi: f32, %ui: f32, %0: f32):
      %z = math.ceil %hi : f32
      %s = arith.addf %z, %ui : f32
      linalg.yield %s : f32
    } -> tensor<8xf32>
    ssm.yield %next : tensor<8xf32>
  }
  return %x : tensor<64x8xf32>
}

// Not a derivative of the operands alone.
// CHECK-LABEL: func.func @captured(
// CHECK-NOT: scf.while
func.func @captured(%u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> tensor<64x8xf32> {
  %c0 = arith.constant 0 : index
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, tolerance = 1.0e-6 : f64}
      -> (tensor<64x8xf32>), (tensor<8xf32>) {
  ^bb0(%h: tensor<8xf32>, %ut: tensor<8xf32>):
    %e = tensor.empty() : tensor<8xf32>
    %next = linalg.generic {indexing_maps = [#i, #i], iterator_types = ["parallel"]}
        ins(%ut : tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb1(%ui: f32, %0: f32):
      %first = tensor.extract %h[%c0] : tensor<8xf32>
      %s = arith.addf %first, %ui : f32
      linalg.yield %s : f32
    } -> tensor<8xf32>
    ssm.yield %next : tensor<8xf32>
  }
  return %x : tensor<64x8xf32>
}
