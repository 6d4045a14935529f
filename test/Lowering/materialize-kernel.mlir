// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#hn = affine_map<(h, n, l) -> (h, n)>
#hl = affine_map<(h, n, l) -> (h, l)>

// K_{32 i + j} = sum over n of (C B A^{32 i})_n (A^j)_n: 6 blocks of 32 lags and
// a rest of 8. Powers are in double precision, rounded when they are used.
// CHECK-LABEL: func.func @static(
// The low powers A^0 ... A^31.
// CHECK: %[[LOW:.*]]:3 = scf.for %[[J:.*]] = %c0 to %c32 step %c1 {{.*}} -> (tensor<4x8xf64>, tensor<4x8xf64>, tensor<32x4x8xf32>)
// CHECK: arith.truncf
// CHECK: tensor.insert_slice {{.*}}[%[[J]], 0, 0] [1, 4, 8]
// CHECK: %[[BLOCKS:.*]]:3 = scf.for %[[I:.*]] = %c0 to %c6 step %c1 {{.*}} -> (tensor<4x8xf64>, tensor<4x8xf64>, tensor<8x200xf32>)
// CHECK: %[[BEGIN:.*]] = arith.muli %[[I]], %c32
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction", "parallel"]} ins(%{{.*}}, %[[LOW]]#2 :
// CHECK: tensor.insert_slice {{.*}}[0, %[[BEGIN]]] [8, 32]
// To the next block by A^32.
// CHECK: linalg.generic {{.*}} ins(%[[LOW]]#0, %[[LOW]]#1 : tensor<4x8xf64>, tensor<4x8xf64>)
// CHECK: %[[FEW:.*]] = tensor.extract_slice %[[LOW]]#2[0, 0, 0] [8, 4, 8]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction", "parallel"]} ins(%{{.*}}, %[[FEW]] :
// CHECK: tensor.insert_slice %{{.*}} into %[[BLOCKS]]#2[0, 192] [8, 8]
// CHECK-NOT: scf.for
func.func @static(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>, %c: tensor<8x4xf32>) -> tensor<8x200xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<8x4xf32>) input(%b : tensor<8x4xf32>) output(%c : tensor<8x4xf32>)
      {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64} -> tensor<8x200xf32>
  return %k : tensor<8x200xf32>
}

// Tiles of 16 channels, then the channels left over; in each the low powers,
// the blocks and the rest. Of a complex product only the real part is computed.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[LENGTH:[a-z0-9]+]]: index)
// CHECK: %[[FULL:.*]] = scf.forall
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1 {{.*}} tensor<32x?x16xf32>, tensor<32x?x16xf32>)
// CHECK: arith.divsi %{{.*}}, %c32
// CHECK: %[[BLOCKS:.*]] = arith.select
// CHECK: scf.for %{{.*}} = %c0 to %[[BLOCKS]] step %c1 {{.*}} tensor<16x?xf32>)
// CHECK: "reduction"
// CHECK: arith.mulf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.subf
// CHECK-NEXT: arith.addf
// CHECK-NEXT: linalg.yield %{{[0-9]+}} : f32
// CHECK: arith.remsi %[[LENGTH]], %c32
// CHECK: "reduction"
// CHECK: tensor.parallel_insert_slice {{.*}}[%{{.*}}, 0] [16, %[[LENGTH]]]
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[FULL]])
// CHECK-NOT: scf.forall (
func.func @dynamic(%a: tensor<?x?xcomplex<f32>>, %length: index) -> tensor<?x?xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<?x?xcomplex<f32>>) input(%a : tensor<?x?xcomplex<f32>>)
      output(%a : tensor<?x?xcomplex<f32>>) length(%length)
      {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64,
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
