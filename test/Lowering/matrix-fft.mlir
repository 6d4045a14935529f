// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>

// 128 points are a round of radix 16 and one of radix 8, each a product of two
// bf16 matrices, whose sums are in f32.
// CHECK-LABEL: func.func @two_rounds(
// The matrices of the transforms and of their inverses: row 2 q or 2 q + 1 has
// the parts of the roots that the parts of all 16 numbers are multiplied by.
// CHECK: %[[A16:.*]]:4 = scf.for {{.*}} -> (tensor<16x32xbf16>, tensor<16x32xbf16>, tensor<16x32xbf16>, tensor<16x32xbf16>)
// CHECK: arith.remui %{{.*}}, %c16
// CHECK: %[[A8:.*]]:4 = scf.for {{.*}} -> (tensor<8x16xbf16>, tensor<8x16xbf16>, tensor<8x16xbf16>, tensor<8x16xbf16>)
// CHECK: %[[W:.*]]:2 = scf.for {{.*}} -> (tensor<128xf32>, tensor<128xf32>)
// 1. The spectrum. Of column k, rows k, k + 8, ... are rounded to a panel and
// multiplied where they are.
// CHECK: scf.for %[[K:.*]] = %c0 to %c8 step %c1 iter_args(%[[WORK:.*]] = %{{.*}}) -> (tensor<128x2x16xf32>)
// CHECK: %[[PANEL:.*]] = scf.for %[[J:.*]] = %c0 to %c16 step %c1 {{.*}} -> (tensor<32x16xbf16>)
// CHECK-NEXT: %[[STEP:.*]] = arith.muli %[[J]], %c8
// CHECK-NEXT: %[[ROW:.*]] = arith.addi %[[K]], %[[STEP]]
// CHECK-NEXT: tensor.extract_slice %[[WORK]][%[[ROW]], 0, 0] [1, 1, 16]
// CHECK-NEXT: tensor.extract_slice %[[WORK]][%[[ROW]], 1, 0] [1, 1, 16]
// CHECK-NOT: arith.mulf
// CHECK-COUNT-2: arith.truncf %{{.*}} : f32 to bf16
// CHECK: tensor.extract_slice %[[WORK]][%[[K]], 0, 0] [16, 1, 16] [8, 1, 1]
// CHECK: linalg.fill
// CHECK-NEXT: linalg.matmul ins(%[[A16]]#0, %[[PANEL]] : tensor<16x32xbf16>, tensor<32x16xbf16>) outs(%{{.*}} : tensor<16x16xf32>)
// CHECK: linalg.matmul ins(%[[A16]]#1, %[[PANEL]]
// Of block q, rows 8 q, ... are multiplied by its twiddle factors first.
// CHECK: scf.for %[[Q:.*]] = %c0 to %c16 step %c1 {{.*}} -> (tensor<128x2x16xf32>)
// CHECK-NEXT: %[[BASE:.*]] = arith.muli %[[Q]], %c8
// CHECK: %[[PANEL:.*]] = scf.for %[[J:.*]] = %c0 to %c8 step %c1 {{.*}} -> (tensor<16x16xbf16>)
// CHECK: %[[ROW:.*]] = arith.addi %[[BASE]], %[[J]]
// CHECK: tensor.extract %[[W]]#0[%[[ROW]]]
// CHECK: arith.mulf
// CHECK: linalg.matmul ins(%[[A8]]#0, %[[PANEL]]
// CHECK: linalg.matmul ins(%[[A8]]#1, %[[PANEL]]
// 2. The signal goes the same way.
// CHECK: linalg.matmul ins(%[[A16]]#0,
// CHECK: linalg.matmul ins(%[[A16]]#1,
// CHECK: scf.for %[[Q:.*]] = %c0 to %c16 step %c1 {{.*}} -> (tensor<128x2x16xf32>)
// CHECK: linalg.matmul ins(%[[A8]]#0,
// CHECK: linalg.matmul ins(%[[A8]]#1,
// CHECK: %[[TILE:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 1, 0] [8, 1, 16]
// In a block, the product with the spectrum is in f32; then it goes back.
// CHECK: %[[PANEL:.*]] = scf.for %[[J:.*]] = %c0 to %c8 step %c1 {{.*}} -> (tensor<16x16xbf16>)
// CHECK: tensor.extract_slice %[[TILE]][%[[J]], 0, 0] [1, 1, 16]
// CHECK: tensor.extract_slice %[[TILE]][%[[J]], 1, 0] [1, 1, 16]
// CHECK: arith.mulf %{{.*}} : f32
// CHECK-COUNT-2: arith.truncf
// CHECK: linalg.matmul ins(%[[A8]]#2, %[[PANEL]]
// CHECK: linalg.matmul ins(%[[A8]]#3, %[[PANEL]]
// The twiddle factors of the way back are the conjugates.
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<128x2x16xf32>)
// CHECK: %[[SINE:.*]] = tensor.extract %[[W]]#1
// CHECK-NEXT: arith.negf %[[SINE]]
// CHECK: linalg.matmul ins(%[[A16]]#2,
// CHECK: linalg.matmul ins(%[[A16]]#3,
// CHECK-NOT: linalg.matmul
func.func @two_rounds(%u: tensor<128x16xf32>, %k: tensor<100x16xf32>) -> tensor<128x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16, matrix = bf16>}
      : tensor<128x16xf32>, tensor<100x16xf32> -> tensor<128x16xf32>
  return %y : tensor<128x16xf32>
}

// Blocks of time are transformed likewise, whatever the signal's length is; 16
// points are one round and have no twiddle factors.
// CHECK-LABEL: func.func @blocks(
// CHECK: scf.forall
// CHECK: linalg.matmul ins(%{{.*}} : tensor<16x32xbf16>, tensor<32x16xbf16>)
// CHECK-COUNT-3: linalg.matmul
// CHECK-NOT: linalg.matmul
func.func @blocks(%u: tensor<?x16xf32>, %k: tensor<9x16xf32>) -> tensor<?x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16, points = 16, matrix = bf16>}
      : tensor<?x16xf32>, tensor<9x16xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
