// RUN: ssm-opt %s --ssm-pair-vectors --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-pair-vectors=target=x86-64-v3 --canonicalize --cse | FileCheck %s --check-prefix=AVX2

// CHECK-LABEL: func.func @apart
// CHECK-NOT: scf.for
// CHECK: %[[V:.*]] = llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<32xf32>
// CHECK: %[[RE:.*]] = vector.shuffle %[[V]], %[[V]] [0, 2, 4, {{.*}}, 28, 30]
// CHECK: vector.store %[[RE]], %arg1[%c0]
// CHECK: %[[IM:.*]] = vector.shuffle %[[V]], %[[V]] [1, 3, 5, {{.*}}, 29, 31]
// CHECK: vector.store %[[IM]], %arg2[%c0]
// CHECK: llvm.load
// CHECK-COUNT-2: vector.store %{{.*}}[%c16]
// CHECK: return
// AVX2-LABEL: func.func @apart
// AVX2: %[[RE:.*]] = vector.shuffle %{{.*}} [0, 2, 4, {{.*}}, 28, 30]
// AVX2: %[[FENCED:.*]] = llvm.call_intrinsic "llvm.arithmetic.fence"(%[[RE]])
// AVX2: vector.store %[[FENCED]], %arg1[%c0]
func.func @apart(%in: memref<32xcomplex<f32>>, %res: memref<32xf32>, %ims: memref<32xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  scf.for %i = %c0 to %c32 step %c1 {
    %z = memref.load %in[%i] : memref<32xcomplex<f32>>
    %re = complex.re %z : complex<f32>
    %im = complex.im %z : complex<f32>
    memref.store %re, %res[%i] : memref<32xf32>
    memref.store %im, %ims[%i] : memref<32xf32>
  }
  return
}

// CHECK-LABEL: func.func @together
// CHECK-NOT: scf.for
// CHECK: %[[RE:.*]] = vector.load %arg0[%c0] : memref<8xf64>, vector<8xf64>
// CHECK: %[[IM:.*]] = vector.load %arg1[%c0] : memref<8xf64>, vector<8xf64>
// CHECK: %[[PAIRS:.*]] = vector.interleave %[[RE]], %[[IM]] : vector<8xf64> -> vector<16xf64>
// CHECK: llvm.store %[[PAIRS]], %{{.*}} {alignment = 8 : i64} : vector<16xf64>
// CHECK: return
func.func @together(%res: memref<8xf64>, %ims: memref<8xf64>, %out: memref<8xcomplex<f64>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %re = memref.load %res[%i] : memref<8xf64>
    %im = memref.load %ims[%i] : memref<8xf64>
    %z = complex.create %re, %im : complex<f64>
    memref.store %z, %out[%i] : memref<8xcomplex<f64>>
  }
  return
}

// Not whole vectors, and too many to be written down.
// CHECK-LABEL: func.func @others
// CHECK: complex.create
// CHECK: complex.create
// CHECK: return
func.func @others(%res: memref<128xf32>, %ims: memref<128xf32>, %out: memref<128xcomplex<f32>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %c128 = arith.constant 128 : index
  scf.for %i = %c0 to %c12 step %c1 {
    %re = memref.load %res[%i] : memref<128xf32>
    %im = memref.load %ims[%i] : memref<128xf32>
    %z = complex.create %re, %im : complex<f32>
    memref.store %z, %out[%i] : memref<128xcomplex<f32>>
  }
  scf.for %i = %c0 to %c128 step %c1 {
    %re = memref.load %res[%i] : memref<128xf32>
    %im = memref.load %ims[%i] : memref<128xf32>
    %z = complex.create %re, %im : complex<f32>
    memref.store %z, %out[%i] : memref<128xcomplex<f32>>
  }
  return
}
