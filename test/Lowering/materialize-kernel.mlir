// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#hn = affine_map<(h, n, l) -> (h, n)>
#hl = affine_map<(h, n, l) -> (h, l)>
#lh = affine_map<(h, n, l) -> (l, h)>

// Lags side by side are the lanes, and tiles single channels. The table of low
// powers doubles until it has 16 in f64; products of those, rounded, with three
// more powers make it 64. A group is 4 blocks of 64 lags, and their sums
// over the states are in registers. Then a block, and a rest of 8 lags.
// CHECK-LABEL: func.func @lags(
// CHECK: scf.forall {{.*}} in (8)
// CHECK: tensor.insert_slice {{.*}}[0, 0] [4, 1] [1, 1] : tensor<4xf64> into tensor<4x16xf64>
// CHECK: tensor.extract_slice {{.*}}[0, 0] [4, 8] [1, 1] : tensor<4x16xf64> to tensor<4x8xf64>
// CHECK: tensor.insert_slice {{.*}}[0, 8] [4, 8] [1, 1] : tensor<4x8xf64> into tensor<4x16xf64>
// CHECK: %[[ROUNDED:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4x16xf32>)
// CHECK: arith.truncf
// CHECK: %[[POWER:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<4xf32>)
// CHECK: arith.truncf
// CHECK: linalg.generic {{.*}} ins(%[[ROUNDED]], %[[POWER]] : tensor<4x16xf32>, tensor<4xf32>)
// CHECK: arith.mulf {{.*}} : f32
// CHECK: tensor.insert_slice {{.*}}[0, 16] [4, 16] [1, 1]
// CHECK: tensor.insert_slice {{.*}}[0, 32] [4, 16] [1, 1]
// CHECK: %[[LOW:.*]] = tensor.insert_slice {{.*}}[0, 48] [4, 16] [1, 1]
// CHECK: %[[SUMS:.*]]:4 = scf.for %[[N:.*]] = %c0 to %c4 step %c1 {{.*}} -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
// CHECK-COUNT-4: tensor.extract %{{.*}}[%[[N]]] : tensor<4xf32>
// CHECK: tensor.extract_slice %[[LOW]][%[[N]], 0] [1, 64]
// What the sums started from is taken off.
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]]#0 : tensor<64xf32>)
// CHECK: arith.subf %{{.*}}, %[[BIAS:.*]] fastmath<contract> : f32
// CHECK: tensor.insert_slice {{.*}}[0, 256] [1, 64]
// CHECK: tensor.insert_slice {{.*}}[0, 320] [1, 8]
func.func @lags(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>, %c: tensor<8x4xf32>) -> tensor<8x328xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<8x4xf32>) input(%b : tensor<8x4xf32>) output(%c : tensor<8x4xf32>)
      {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64} -> tensor<8x328xf32>
  return %k : tensor<8x328xf32>
}

// Channels side by side are the lanes. K_{32 i + j} = sum over n of (C B A^{32 i})_n (A^j)_n: 2 groups of 4 blocks of
// 32 lags, 2 blocks and a rest of 8. Powers are in double precision, rounded
// when they are used.
// CHECK-LABEL: func.func @channels(
// The low powers A^0 ... A^31.
// CHECK: %[[LOW:.*]]:3 = scf.for %[[J:.*]] = %c0 to %c32 step %c1 {{.*}} -> (tensor<4x8xf64>, tensor<4x8xf64>, tensor<32x4x8xf32>)
// CHECK: arith.truncf
// CHECK: tensor.insert_slice {{.*}}[%[[J]], 0, 0] [1, 4, 8]
// CHECK: %[[GROUP:.*]]:3 = scf.for %{{.*}} = %c0 to %c2 step %c1 {{.*}} -> (tensor<4x8xf64>, tensor<4x8xf64>, tensor<328x8xf32>)
// To the next block by A^32.
// CHECK: linalg.generic {{.*}} ins(%[[LOW]]#0, %[[LOW]]#1 : tensor<4x8xf64>, tensor<4x8xf64>)
// Four lags of each block at a time: 16 sums over the states, in registers.
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32>)
// CHECK: %{{.*}}:16 = scf.for %[[N:.*]] = %c0 to %c4 step %c1
// CHECK: tensor.extract_slice %{{.*}}[%[[N]], 0] [1, 8]
// CHECK: tensor.extract_slice %[[LOW]]#2[%{{.*}}, %[[N]], 0] [1, 1, 8]
// CHECK: %[[BLOCKS:.*]]:3 = scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args({{.*}} = %[[GROUP]]#0,
// CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK: tensor.insert_slice {{.*}} [32, 8]
// The rest: a block of which 8 lags are stored.
// CHECK: %[[REST:.*]] = scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<32x8xf32>)
// CHECK: tensor.extract_slice %[[REST]][0, 0] [8, 8]
// CHECK: tensor.insert_slice %{{.*}} into %[[BLOCKS]]#2[320, 0] [8, 8]
// CHECK-NOT: scf.for
func.func @channels(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>, %c: tensor<8x4xf32>) -> tensor<328x8xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<8x4xf32>) input(%b : tensor<8x4xf32>) output(%c : tensor<8x4xf32>)
      {indexing_maps = [#hn, #hn, #hn, #lh], time = 2 : i64} -> tensor<328x8xf32>
  return %k : tensor<328x8xf32>
}

// Tiles of 16 channels, then the channels left over; in each the low powers,
// the blocks and the rest. Of a complex product only the real part is computed.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[LENGTH:[a-z0-9]+]]: index)
// CHECK: %[[FULL:.*]] = scf.forall
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1 {{.*}} tensor<32x?x16xf32>, tensor<32x?x16xf32>)
// CHECK: arith.divsi %{{.*}}, %c128
// CHECK: scf.for %{{.*}} {{.*}} tensor<?x16xf32>)
// CHECK: %{{.*}}:16 = scf.for
// CHECK: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: arith.negf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK: arith.divsi %{{.*}}, %c32
// CHECK: scf.for %{{.*}} {{.*}} tensor<?x16xf32>)
// CHECK: arith.remsi %[[LENGTH]], %c32
// CHECK: tensor.parallel_insert_slice {{.*}}[0, %{{.*}}] [%[[LENGTH]], 16]
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[FULL]])
// CHECK-NOT: scf.forall (
func.func @dynamic(%a: tensor<?x?xcomplex<f32>>, %length: index) -> tensor<?x?xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<?x?xcomplex<f32>>) input(%a : tensor<?x?xcomplex<f32>>)
      output(%a : tensor<?x?xcomplex<f32>>) length(%length)
      {indexing_maps = [#hn, #hn, #hn, #lh], time = 2 : i64,
       projection = #ssm.projection<twice_real>} -> tensor<?x?xf32>
  return %k : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @no_lags(
// CHECK-NEXT: %[[EMPTY:.*]] = tensor.empty() : tensor<8x0xf32>
// CHECK-NEXT: return %[[EMPTY]]
func.func @no_lags(%a: tensor<8x4xf32>) -> tensor<8x0xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<8x4xf32>) input(%a : tensor<8x4xf32>) output(%a : tensor<8x4xf32>)
      {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64} -> tensor<8x0xf32>
  return %k : tensor<8x0xf32>
}
