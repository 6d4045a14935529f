// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#btdn = affine_map<(b, t, d, n) -> (b, t, d, n)>
#btd = affine_map<(b, t, d, n) -> (b, t, d)>
#btn = affine_map<(b, t, d, n) -> (b, t, n)>
#dn = affine_map<(b, t, d, n) -> (d, n)>
#bdn = affine_map<(b, t, d, n) -> (b, d, n)>

// Mamba-1: exp(dt A) over all of batch, time, channels and states never exists;
// each step computes its own.
// CHECK-LABEL: func.func @selective(
// CHECK-NOT: tensor<2x64x32x16xf32>
// CHECK: scf.for
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK-NOT: tensor<2x64x32x16xf32>
// CHECK: return
func.func @selective(%dt: tensor<2x64x32xf32>, %A: tensor<32x16xf32>, %B: tensor<2x64x16xf32>, %C: tensor<2x64x16xf32>,
                     %u: tensor<2x64x32xf32>) -> tensor<2x64x32xf32> {
  %empty = tensor.empty() : tensor<2x64x32x16xf32>
  %decay = linalg.generic {indexing_maps = [#btd, #dn, #btdn], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<2x64x32xf32>, tensor<32x16xf32>) outs(%empty : tensor<2x64x32x16xf32>) {
  ^bb0(%x: f32, %a: f32, %out: f32):
    %0 = arith.mulf %x, %a : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x64x32x16xf32>
  %y, %h = ssm.linear_recurrence transition(%decay : tensor<2x64x32x16xf32>) signal(%u : tensor<2x64x32xf32>)
      input(%B : tensor<2x64x16xf32>) output(%C : tensor<2x64x16xf32>)
      {indexing_maps = [#btdn, #btd, #btn, #btn, #btd, #bdn], time = 1 : i64,
       strategy = #ssm.strategy<sequential, lanes = 16>} -> tensor<2x64x32xf32>, tensor<2x32x16xf32>
  return %y : tensor<2x64x32xf32>
}

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// A value that is used elsewhere too stays in memory.
// CHECK-LABEL: func.func @shared(
// CHECK: %[[A:.*]] = linalg.generic
// CHECK: math.exp
// CHECK: tensor.extract_slice %[[A]]
func.func @shared(%v: tensor<64x32xf32>, %u: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %a = linalg.generic {indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<64x32xf32>) outs(%u : tensor<64x32xf32>) {
  ^bb0(%x: f32, %out: f32):
    %0 = math.exp %x : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %y, %h = ssm.linear_recurrence transition(%a : tensor<64x32xf32>) signal(%u : tensor<64x32xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<64x32xf32>, tensor<32xf32>
  return %y, %a : tensor<64x32xf32>, tensor<64x32xf32>
}

#h = affine_map<(t, d, n) -> (t, d)>
#hn = affine_map<(t, d, n) -> (d, n)>

// The signal and the gate exist for one step and one tile at a time: the signal
// once for all states, and the gate's result in place of the recurrence's.
// CHECK-LABEL: func.func @gated(
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<32xf32>)
// CHECK: arith.mulf {{.*}} : f32
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<4x32xf32>)
// CHECK: linalg.generic {{.*}} ins({{.*}} : tensor<32xf32>, tensor<32xf32>) outs(%{{.*}} : tensor<32xf32>)
// CHECK: math.tanh
// CHECK: scf.yield
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @gated(%a: tensor<32x4xf32>, %dt: tensor<64x32xf32>, %u: tensor<64x32xf32>, %c: tensor<32x4xf32>, %z: tensor<64x32xf32>)
    -> tensor<64x32xf32> {
  %e = tensor.empty() : tensor<64x32xf32>
  %v = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%dt, %u : tensor<64x32xf32>, tensor<64x32xf32>) outs(%e : tensor<64x32xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  %s, %h = ssm.linear_recurrence transition(%a : tensor<32x4xf32>) signal(%v : tensor<64x32xf32>) output(%c : tensor<32x4xf32>)
      {indexing_maps = [#hn, #h, #hn, #h, #hn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 32>}
      -> tensor<64x32xf32>, tensor<32x4xf32>
  %g = linalg.generic {indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%z : tensor<64x32xf32>) outs(%s : tensor<64x32xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = math.tanh %x : f32
    %1 = arith.mulf %0, %y : f32
    linalg.yield %1 : f32
  } -> tensor<64x32xf32>
  return %g : tensor<64x32xf32>
}

// The final state is read before: the result stays in memory.
// CHECK-LABEL: func.func @early(
// CHECK: scf.for
// CHECK: arith.addf
// CHECK: scf.yield
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK: return
func.func @early(%a: tensor<32xf32>, %u: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %y, %h = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<64x32xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 32>}
      -> tensor<64x32xf32>, tensor<32xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>], iterator_types = ["parallel"]} outs(%h : tensor<32xf32>) {
  ^bb0(%x: f32):
    %0 = math.tanh %x : f32
    linalg.yield %0 : f32
  } -> tensor<32xf32>
  %r = linalg.generic {indexing_maps = [#d, #td], iterator_types = ["parallel", "parallel"]}
      ins(%g : tensor<32xf32>) outs(%y : tensor<64x32xf32>) {
  ^bb0(%x: f32, %s: f32):
    %0 = arith.subf %s, %x : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  return %r : tensor<64x32xf32>
}

// The same of an arith op, of which upstream makes a linalg op that overwrites
// one of its operands.
// CHECK-LABEL: func.func @scaled(
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<32xf32>)
// CHECK: arith.mulf
// CHECK: scf.yield
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @scaled(%a: tensor<32xf32>, %u: tensor<64x32xf32>, %z: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %s, %h = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<64x32xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 32>}
      -> tensor<64x32xf32>, tensor<32xf32>
  %g = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%z, %s : tensor<64x32xf32>, tensor<64x32xf32>) outs(%s : tensor<64x32xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  return %g : tensor<64x32xf32>
}

// An op that reads the states twice reads them from memory.
// CHECK-LABEL: func.func @twice(
// CHECK: %[[S:[0-9]+]]:2 = scf.for
// CHECK: linalg.generic {{.*}} ins(%[[S]]#1, %[[S]]#1 :
func.func @twice(%a: tensor<32xf32>, %u: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %s, %h = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<64x32xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 32>}
      -> tensor<64x32xf32>, tensor<32xf32>
  %g = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%s, %s : tensor<64x32xf32>, tensor<64x32xf32>) outs(%s : tensor<64x32xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    linalg.yield %0 : f32
  } -> tensor<64x32xf32>
  return %g : tensor<64x32xf32>
}
