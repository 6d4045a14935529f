// RUN: ssm-opt %s --canonicalize | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
#i = affine_map<(i) -> (i)>

// CHECK-DAG: #[[D:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[TD:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[NONE:.*]] = affine_map<(d0, d1) -> ()>

// a x + b with the two signals as a and b. A loop takes no iterations of Newton.
// CHECK-LABEL: func @affine(
// CHECK-SAME: %[[A:.*]]: tensor<?x8xf32>, %[[U:.*]]: tensor<?x8xf32>, %[[X0:.*]]: tensor<8xf32>)
// CHECK-DAG: %[[NO:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[EXACT:.*]] = arith.constant 0.000000e+00 : f64
// CHECK: %[[Y:.*]], %[[X:.*]] = ssm.linear_recurrence transition(%[[A]] : tensor<?x8xf32>) signal(%[[U]] : tensor<?x8xf32>) init(%[[X0]] : tensor<8xf32>)
// CHECK-SAME: {direction = #ssm.direction<backward>, indexing_maps = [#[[TD]], #[[TD]], #[[D]], #[[TD]], #[[D]]], time = 0 : i64}
// CHECK: return %[[Y]], %[[X]], %[[NO]], %[[EXACT]]
func.func @affine(%a: tensor<?x8xf32>, %u: tensor<?x8xf32>, %x0: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>, i64, f64) {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%a, %u : tensor<?x8xf32>, tensor<?x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #td, #d, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>}
      -> (tensor<?x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %at: tensor<8xf32>, %ut: tensor<8xf32>):
    %m = arith.mulf %at, %s : tensor<8xf32>
    %z = arith.addf %m, %ut : tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  return %x, %l, %n, %r : tensor<?x8xf32>, tensor<8xf32>, i64, f64
}

// A gate that interpolates, x = (1 - g) x + g u, all of time at once.
// CHECK-LABEL: func @gate(
// CHECK-SAME: %[[L:.*]]: tensor<9x8xf32>, %[[U:.*]]: tensor<9x8xf32>, %{{.*}}: tensor<8xf32>)
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%[[L]] : tensor<9x8xf32>)
// CHECK: %[[G:.*]] = math.exp
// CHECK: arith.subf %[[ONE]], %[[G]] : f32
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[L]], %[[U]] : tensor<9x8xf32>, tensor<9x8xf32>)
// CHECK: arith.mulf
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<9x8xf32>) signal(%[[B]] : tensor<9x8xf32>)
func.func @gate(%logit: tensor<9x8xf32>, %u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%logit, %u : tensor<9x8xf32>, tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %lt: tensor<8xf32>, %ut: tensor<8xf32>):
    %g = math.exp %lt : tensor<8xf32>
    %k = arith.subf %one, %g : tensor<8xf32>
    %p = arith.mulf %s, %k : tensor<8xf32>
    %q = arith.mulf %g, %ut : tensor<8xf32>
    %z = arith.addf %q, %p : tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// A decay from around the op lacks time; a running sum has the transition 1.
// CHECK-LABEL: func @invariant(
// CHECK-SAME: %[[W:.*]]: tensor<8xf64>, %[[U:.*]]: tensor<?x8xf64>, %{{.*}}: tensor<8xf64>)
// CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f64>
// CHECK: ssm.linear_recurrence transition(%[[W]] : tensor<8xf64>) signal(%[[U]] : tensor<?x8xf64>)
// CHECK-SAME: indexing_maps = [#[[D]], #[[TD]], #[[D]], #[[TD]], #[[D]]]
// CHECK: ssm.linear_recurrence transition(%[[ONE]] : tensor<f64>) signal(%[[U]] : tensor<?x8xf64>)
// CHECK-SAME: indexing_maps = [#[[NONE]], #[[TD]], #[[D]], #[[TD]], #[[D]]]
func.func @invariant(%w: tensor<8xf64>, %u: tensor<?x8xf64>, %x0: tensor<8xf64>) -> (tensor<?x8xf64>, tensor<?x8xf64>) {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<?x8xf64>) init(%x0 : tensor<8xf64>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<?x8xf64>), (tensor<8xf64>) {
  ^bb0(%s: tensor<8xf64>, %ut: tensor<8xf64>):
    %m = arith.mulf %w, %s : tensor<8xf64>
    %z = arith.addf %m, %ut : tensor<8xf64>
    ssm.yield %z : tensor<8xf64>
  }
  %y, %l2, %n2, %r2 = ssm.nonlinear_recurrence signals(%u : tensor<?x8xf64>) init(%x0 : tensor<8xf64>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<?x8xf64>), (tensor<8xf64>) {
  ^bb0(%s: tensor<8xf64>, %ut: tensor<8xf64>):
    %z = arith.addf %s, %ut : tensor<8xf64>
    ssm.yield %z : tensor<8xf64>
  }
  return %x, %y : tensor<?x8xf64>, tensor<?x8xf64>
}

// The same gate in generic ops.
// CHECK-LABEL: func @generic_gate(
// CHECK-SAME: %[[L:.*]]: tensor<9x8xf32>, %[[U:.*]]: tensor<9x8xf32>, %{{.*}}: tensor<8xf32>)
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%[[L]] : tensor<9x8xf32>)
// CHECK: %[[G:.*]] = math.exp
// CHECK: arith.subf %[[ONE]], %[[G]] : f32
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[L]], %[[U]] : tensor<9x8xf32>, tensor<9x8xf32>)
// CHECK: arith.mulf
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<9x8xf32>) signal(%[[B]] : tensor<9x8xf32>)
func.func @generic_gate(%logit: tensor<9x8xf32>, %u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %one = arith.constant 1.0 : f32
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%logit, %u : tensor<9x8xf32>, tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %lt: tensor<8xf32>, %ut: tensor<8xf32>):
    %e = tensor.empty() : tensor<8xf32>
    %g = linalg.generic {indexing_maps = [#i, #i], iterator_types = ["parallel"]}
        ins(%lt : tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb1(%li: f32, %0: f32):
      %gi = math.exp %li : f32
      linalg.yield %gi : f32
    } -> tensor<8xf32>
    %z = linalg.generic {indexing_maps = [#i, #i, #i, #i], iterator_types = ["parallel"]}
        ins(%g, %s, %ut : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb1(%gi: f32, %si: f32, %ui: f32, %0: f32):
      %k = arith.subf %one, %gi : f32
      %p = arith.mulf %si, %k : f32
      %q = arith.mulf %gi, %ui : f32
      %zi = arith.addf %q, %p : f32
      linalg.yield %zi : f32
    } -> tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// Not affine: x times x, a function of x, and no x at all.
// CHECK-LABEL: func @others(
// CHECK-NOT: linear_recurrence transition
// CHECK-COUNT-3: ssm.nonlinear_recurrence
func.func @others(%u: tensor<?x8xf32>, %x0: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<?x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<?x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    %m = arith.mulf %s, %s : tensor<8xf32>
    %z = arith.addf %m, %ut : tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  %y, %l2, %n2, %r2 = ssm.nonlinear_recurrence signals(%u : tensor<?x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<?x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    %z = math.tanh %s : tensor<8xf32>
    %w = arith.addf %z, %ut : tensor<8xf32>
    ssm.yield %w : tensor<8xf32>
  }
  %v, %l3, %n3, %r3 = ssm.nonlinear_recurrence signals(%u : tensor<?x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<?x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %ut : tensor<8xf32>
  }
  return %x, %y, %v : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
