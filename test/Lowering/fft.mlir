// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

// 20 transforms of 64 points: a tile of 16, then one of 4 that fills its other
// lanes with zeros. Twiddles are constants.
// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[X:.*]]: tensor<64x20xcomplex<f32>>)
// CHECK: arith.constant dense<[1.000000e+00, {{.*}}, 0.995184719, {{.*}}> : tensor<56xf32>
// CHECK: %[[IN:.*]] = scf.for %[[J:.*]] = %c0 to %c64 step %c1 {{.*}} -> (tensor<64x2x16xf32>)
// CHECK: tensor.extract_slice %[[X]][%[[J]], 0] [1, 16]
// CHECK: %[[OUT:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[IN]])
// Stored in order of frequency.
// CHECK: scf.for %[[J:.*]] = %c0 to %c64 step %c1 {{.*}} -> (tensor<64x16xcomplex<f32>>)
// CHECK: tensor.extract_slice %[[OUT]][%{{.*}}, 0, 0] [1, 1, 16]
// CHECK: complex.create
// CHECK: tensor.insert_slice {{.*}}[%[[J]], 0] [1, 16]
// CHECK-NOT: math.fma
// CHECK: linalg.fill {{.*}} -> tensor<16xf32>
// CHECK: scf.for %[[J:.*]] = %c0 to %c64 step %c1
// CHECK: tensor.extract_slice %[[X]][%[[J]], 16] [1, 4]
// CHECK: -> (tensor<64x4xcomplex<f32>>)
func.func @static(%x: tensor<64x20xcomplex<f32>>) -> tensor<64x20xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 0 : i64} : tensor<64x20xcomplex<f32>>
  return %X : tensor<64x20xcomplex<f32>>
}

// The inverse conjugates what it loads and what it stores, and scales by 1/8.
// CHECK-LABEL: func.func @dynamic(
// CHECK-DAG: %[[SCALE:.*]] = arith.constant 1.250000e-01 : f32
// CHECK: %[[FULL:.*]] = scf.forall
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: %[[IM:.*]] = complex.im
// CHECK: arith.negf %[[IM]]
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<1x8x16xcomplex<f32>>)
// CHECK: arith.negf
// CHECK: arith.mulf {{.*}}%[[SCALE]]
// CHECK: complex.create
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[FULL]])
// CHECK: -> (tensor<1x8x?xcomplex<f32>>)
func.func @dynamic(%x: tensor<?x8x?xcomplex<f32>>) -> tensor<?x8x?xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 1 : i64, inverse} : tensor<?x8x?xcomplex<f32>>
  return %X : tensor<?x8x?xcomplex<f32>>
}

// CHECK-LABEL: func.func @no_transforms(
// CHECK-NEXT: %[[EMPTY:.*]] = tensor.empty() : tensor<0x8xcomplex<f32>>
// CHECK-NEXT: return %[[EMPTY]]
func.func @no_transforms(%x: tensor<0x8xcomplex<f32>>) -> tensor<0x8xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 1 : i64} : tensor<0x8xcomplex<f32>>
  return %X : tensor<0x8xcomplex<f32>>
}

// 67 has no factors: a circular convolution of at least 133 points with a chirp,
// in f64.
// CHECK-LABEL: func.func @prime(
// CHECK: %[[WORK:.*]] = tensor.empty() : tensor<144x2x3xf64>
// CHECK: %[[BACK:.*]] = scf.for {{.*}} -> (tensor<144x2x3xf64>)
// CHECK: scf.for %{{.*}} = %c0 to %c67 step %c1 {{.*}} -> (tensor<67x3xcomplex<f32>>)
// CHECK: arith.truncf {{.*}} : f64 to f32
// CHECK: complex.create
func.func @prime(%x: tensor<67x3xcomplex<f32>>) -> tensor<67x3xcomplex<f32>> {
  %X = ssm.fft %x {dimension = 0 : i64} : tensor<67x3xcomplex<f32>>
  return %X : tensor<67x3xcomplex<f32>>
}

// The other half of a symmetric sequence is loaded from the first, conjugated.
// CHECK-LABEL: func.func @half(
// CHECK-SAME: %[[X:.*]]: tensor<7xcomplex<f32>>)
// CHECK: scf.for %[[K:.*]] = %c0 to %c7 step %c1
// CHECK: tensor.extract_slice %[[X]][%[[K]]] [1]
// CHECK: arith.negf
// CHECK: scf.for %[[K:.*]] = %c1 to %c6 step %c1
// CHECK: tensor.extract_slice %[[X]][%[[K]]] [1]
// CHECK: scf.for {{.*}} -> (tensor<12xf32>)
// CHECK: arith.divf
func.func @half(%x: tensor<7xcomplex<f32>>) -> tensor<12xf32> {
  %X = ssm.fft %x {dimension = 0 : i64, inverse} : tensor<7xcomplex<f32>> -> tensor<12xf32>
  return %X : tensor<12xf32>
}
