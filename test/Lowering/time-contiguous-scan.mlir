// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

// Rows of contiguous time: blocks of 64 steps of 16 rows are transposed, what the
// block before ended in is combined with the first step's, and the results are
// transposed back.
// CHECK-LABEL: func.func @inclusive(
// CHECK-SAME: %[[X:.*]]: tensor<32x128xf32>)
// CHECK: scf.forall (%{{.*}}) in (2) shared_outs(%[[OUT:.*]] = %{{.*}})
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[BEFORE:.*]] = %{{.*}}) -> (tensor<16x128xf32>, tensor<1x16xf32>)
// CHECK: tensor.extract_slice %[[X]]
// CHECK: %[[ROWS:.*]] = scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<64x16xf32>)
// CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[ROWS]][0, 0] [1, 16] [1, 1]
// CHECK: %[[JOINED:.*]] = linalg.generic {{.*}} ins(%[[FIRST]] : tensor<1x16xf32>) outs(%[[BEFORE]] : tensor<1x16xf32>)
// CHECK: arith.addf
// CHECK: arith.select
// CHECK: %[[SCANNED:.*]] = tensor.insert_slice %[[JOINED]] into %[[ROWS]][0, 0] [1, 16] [1, 1]
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1
// CHECK: tensor.extract_slice %[[SCANNED]]
// CHECK: arith.addf
// CHECK: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<16x64xf32>)
func.func @inclusive(%x: tensor<32x128xf32>) -> tensor<32x128xf32> {
  %y = ssm.associative_scan(%x) {dimension = 1 : i64} : (tensor<32x128xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y : tensor<32x128xf32>
}

// Backward and exclusive: what the block behind ended in, which begins as the
// identity, is put behind the others, and the first step's is left out and
// combined with the prefix in its place.
// CHECK-LABEL: func.func @exclusive(
// CHECK-SAME: %[[ZERO:[a-z0-9]+]]: f32)
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK: linalg.fill ins(%[[ZERO]] : f32)
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[BEFORE:.*]] = %{{.*}}) -> (tensor<16x128xf32>, tensor<1x16xf32>)
// CHECK: %[[ROWS:.*]] = scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<64x16xf32>)
// CHECK: %[[OTHERS:.*]] = tensor.extract_slice %[[ROWS]][1, 0] [63, 16] [1, 1]
// CHECK: %[[MOVED:.*]] = tensor.insert_slice %[[OTHERS]] into %{{.*}}[0, 0] [63, 16] [1, 1]
// CHECK: %[[SCANNED:.*]] = tensor.insert_slice %[[BEFORE]] into %[[MOVED]][63, 0] [1, 16] [1, 1]
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1
// CHECK: tensor.extract_slice %[[SCANNED]]
// CHECK-NOT: arith.select
// CHECK: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<16x64xf32>)
// CHECK: %[[END:.*]] = tensor.extract_slice %{{.*}}[0, 0] [1, 16] [1, 1]
// CHECK: %[[LAST:.*]] = tensor.extract_slice %[[ROWS]][0, 0] [1, 16] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[LAST]] : tensor<1x16xf32>) outs(%[[END]] : tensor<1x16xf32>)
// CHECK: arith.addf
func.func @exclusive(%x: tensor<32x128xf32>, %zero: f32) -> tensor<32x128xf32> {
  %y = ssm.associative_scan(%x) identity(%zero : f32) {dimension = 1 : i64, exclusive,
      direction = #ssm.direction<backward>} : (tensor<32x128xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y : tensor<32x128xf32>
}
