// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#btd = affine_map<(b, t, d) -> (b, t, d)>
#td = affine_map<(b, t, d) -> (t, d)>

// Nine taps reach 8 steps back: 64 points make 56 outputs of a block. The
// length is known at run time only, the size of the transforms is not.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME: %[[U:.*]]: tensor<2x?x16xf32>, %[[K:.*]]: tensor<9x16xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c1
// No weights: the spectrum is that of the taps over 64.
// CHECK-NOT: scf.for {{.*}} -> (tensor<64xf32>, tensor<64xf32>)
// CHECK: scf.for {{.*}} -> (tensor<64x2x16xf32>)
// CHECK: arith.mulf %{{.*}}, %[[SCALE:.*]] fastmath<contract> : f32
// Pairs of blocks, each for itself.
// CHECK: scf.forall (%[[B:.*]], %[[PAIR:.*]]) in (2, %{{.*}}) {{.*}} -> (tensor<2x?x16xf32>)
// CHECK: %[[BEGIN:.*]] = arith.muli %[[PAIR]], %c112
// CHECK: arith.subi %[[L]], %[[BEGIN]]
// CHECK: arith.addi %[[BEGIN]], %c56
// The first block in the real part: zeros, zeros, steps of the signal.
// CHECK: %[[FIRST:.*]] = arith.subi %[[BEGIN]], %c8
// CHECK: %[[LOW:.*]] = arith.maxsi %{{.*}}, %c0
// CHECK: %[[LEFT:.*]] = arith.subi %[[L]], %[[FIRST]]
// CHECK: %[[INSIDE:.*]] = arith.minsi %[[LEFT]], %c64
// CHECK: %[[HIGH:.*]] = arith.maxsi %[[LOW]], %[[INSIDE]]
// CHECK: scf.for %{{.*}} = %c0 to %[[LOW]] step %c1 {{.*}} -> (tensor<64x2x16xf32>)
// CHECK: scf.for %{{.*}} = %[[HIGH]] to %c64 step %c1 {{.*}} -> (tensor<64x2x16xf32>)
// CHECK: tensor.extract_slice %[[U]][%[[B]], %{{.*}}, 0] [1, 1, 16]
// The second in the imaginary part, 56 steps later.
// CHECK: arith.addi %[[BEGIN]], %c48
// CHECK: tensor.extract_slice %[[U]][%[[B]], %{{.*}}, 0] [1, 1, 16]
// One transform, and the rows behind the first 8 of either part.
// CHECK: scf.for {{.*}} -> (tensor<64x2x16xf32>)
// CHECK: scf.for %[[T:.*]] = %c0 to %{{.*}} step %c1 {{.*}} -> (tensor<1x?x16xf32>)
// CHECK-NEXT: %[[ROW:.*]] = arith.addi %[[T]], %c8
// CHECK-NEXT: tensor.extract_slice %{{.*}}[%[[ROW]], 0, 0] [1, 1, 16]
// CHECK: scf.for {{.*}} -> (tensor<1x?x16xf32>)
// CHECK: tensor.parallel_insert_slice
func.func @blocks(%u: tensor<2x?x16xf32>, %k: tensor<9x16xf32>) -> tensor<2x?x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #td, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16, points = 64>}
      : tensor<2x?x16xf32>, tensor<9x16xf32> -> tensor<2x?x16xf32>
  return %y : tensor<2x?x16xf32>
}
