// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize | FileCheck %s

// Blocks of 64 steps of 16 channels, transposed by squares of 16; the state
// goes from block to block, and the rest of 8 steps is a block of its own.
// CHECK-LABEL: func.func @channel_first
// CHECK: scf.forall (%[[B:.*]], %[[D:.*]]) in (2, 3)
// CHECK:   scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}}, %[[STATE:.*]] =
// CHECK:     %[[A:.*]] = scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<1x64x16xf32>)
// CHECK:       linalg.generic {{.*}} ins(%{{.*}} : tensor<16x16xf32>) outs(%{{.*}} : tensor<16x16xf32>)
// CHECK:     %[[U:.*]] = scf.forall
// CHECK:     scf.for %{{.*}} = %c0 to %c64
// CHECK:       arith.mulf
// CHECK:       arith.addf
// CHECK:     scf.forall (%{{.*}}) in (4) shared_outs(%{{.*}}) -> (tensor<1x16x64xf32>)
// CHECK:   scf.for %{{.*}} = %c0 to %c8
func.func @channel_first(%a: tensor<2x48x136xf32>, %u: tensor<2x48x136xf32>) -> tensor<2x48x136xf32> {
  %y, %x = ssm.linear_recurrence
    transition(%a : tensor<2x48x136xf32>) signal(%u : tensor<2x48x136xf32>)
    {indexing_maps = [affine_map<(b, d, t) -> (b, d, t)>, affine_map<(b, d, t) -> (b, d, t)>,
                      affine_map<(b, d, t) -> (b, d, t)>, affine_map<(b, d, t) -> (b, d)>],
     time = 2, strategy = #ssm.strategy<sequential, lanes = 16>}
    -> tensor<2x48x136xf32>, tensor<2x48xf32>
  return %y : tensor<2x48x136xf32>
}

// The producer of the transition is computed step by step, from transposed
// blocks of its own operand: no block of its results is in memory.
// CHECK-LABEL: func.func @producer
// CHECK: scf.for %{{.*}} = %c0 to %c64
// CHECK:   math.exp
// CHECK:   arith.mulf
// CHECK-NOT: math.exp
func.func @producer(%dt: tensor<16x64xf32>, %u: tensor<16x64xf32>) -> tensor<16x64xf32> {
  %empty = tensor.empty() : tensor<16x64xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(d, t) -> (d, t)>, affine_map<(d, t) -> (d, t)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%dt : tensor<16x64xf32>) outs(%empty : tensor<16x64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %e = math.exp %in : f32
    linalg.yield %e : f32
  } -> tensor<16x64xf32>
  %y, %x = ssm.linear_recurrence
    transition(%a : tensor<16x64xf32>) signal(%u : tensor<16x64xf32>)
    {indexing_maps = [affine_map<(d, t) -> (d, t)>, affine_map<(d, t) -> (d, t)>,
                      affine_map<(d, t) -> (d, t)>, affine_map<(d, t) -> (d)>],
     time = 1, strategy = #ssm.strategy<sequential, lanes = 16>}
    -> tensor<16x64xf32>, tensor<16xf32>
  return %y : tensor<16x64xf32>
}

// Where channels are contiguous, or there is one, nothing is transposed.
// CHECK-LABEL: func.func @channel_last
// CHECK-NOT: tensor<16x16xf32>
func.func @channel_last(%a: tensor<64x48xf32>, %u: tensor<64x48xf32>, %v: tensor<1x64xf32>)
    -> (tensor<64x48xf32>, tensor<1x64xf32>) {
  %y, %x = ssm.linear_recurrence
    transition(%a : tensor<64x48xf32>) signal(%u : tensor<64x48xf32>)
    {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>,
                      affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
     time = 0, strategy = #ssm.strategy<sequential, lanes = 16>}
    -> tensor<64x48xf32>, tensor<48xf32>
  %z, %w = ssm.linear_recurrence
    transition(%v : tensor<1x64xf32>) signal(%v : tensor<1x64xf32>)
    {indexing_maps = [affine_map<(d, t) -> (d, t)>, affine_map<(d, t) -> (d, t)>,
                      affine_map<(d, t) -> (d, t)>, affine_map<(d, t) -> (d)>],
     time = 1, strategy = #ssm.strategy<sequential, lanes = 16>}
    -> tensor<1x64xf32>, tensor<1xf32>
  return %y, %z : tensor<64x48xf32>, tensor<1x64xf32>
}
