// RUN: ssm-opt %s --ssm-inline-exp | FileCheck %s
// RUN: ssm-opt %s --ssm-inline-exp=target=sapphirerapids | FileCheck %s --check-prefix=AVX512

// 2^n exp(r): a polynomial in r, and two factors 2^(n/2) that cannot overflow.
// CHECK-LABEL: func.func @vector(
// CHECK-NOT: math.exp
// CHECK: %[[SHIFTED:.*]] = math.fma %[[X:.*]], %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: %[[N:.*]] = arith.subf %[[SHIFTED]],
// CHECK: %[[R0:.*]] = math.fma %[[N]], %{{.*}}, %[[X]]
// CHECK: %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[R0]]
// CHECK-COUNT-5: math.fma
// CHECK: arith.bitcast %[[SHIFTED]] : vector<16xf32> to vector<16xi32>
// CHECK: arith.shli
// CHECK: arith.mulf
// CHECK: arith.shli
// CHECK: arith.mulf
func.func @vector(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// AVX-512 scales by 2^n itself.
// AVX512-LABEL: func.func @vector(
// AVX512: %[[N:.*]] = arith.subf {{.*}} : vector<16xf32>
// AVX512: %[[P:.*]] = arith.addf
// AVX512-NOT: arith.shli
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%[[P]], %[[N]],

// No logarithm: x - n is exact.
// CHECK-LABEL: func.func @power(
// CHECK: %[[SHIFTED:.*]] = arith.addf %[[X:.*]], %{{.*}} : vector<8xf32>
// CHECK: %[[N:.*]] = arith.subf %[[SHIFTED]],
// CHECK: arith.subf %[[X]], %[[N]]
// CHECK-COUNT-6: math.fma
// CHECK: arith.bitcast %[[SHIFTED]]
// AVX512-LABEL: func.func @power(
// AVX512-SAME: %[[X:.*]]: vector<8xf32>
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.256"(%[[X]],
// AVX512-COUNT-6: math.fma
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.256"(%{{.*}}, %[[X]],
func.func @power(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp2 %x : vector<8xf32>
  return %y : vector<8xf32>
}

// One row after the other; a row that fills no register has no instruction.
// CHECK-LABEL: func.func @rows(
// CHECK-COUNT-2: arith.shrsi {{.*}} : vector<48xi32>
// Sixteen lanes look 2^(i/32) up.
// AVX512-LABEL: func.func @rows(
// AVX512: %[[X:.*]] = vector.extract %{{.*}}[0] : vector<16xf32> from vector<6x16xf32>
// AVX512: %[[SHIFTED:.*]] = llvm.call_intrinsic "llvm.x86.avx512.add.ps.512"(%[[X]],
// AVX512: %[[I:.*]] = arith.bitcast %[[SHIFTED]]
// AVX512: %[[T:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.ps.512"(%{{.*}}, %[[I]],
// AVX512: %[[S:.*]] = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%[[X]],
// AVX512: math.fma %{{.*}}, %[[S]],
// AVX512: %[[TS:.*]] = arith.mulf %[[T]], %[[S]]
// AVX512: %[[P:.*]] = math.fma %[[TS]], %{{.*}}, %[[T]]
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%[[P]], %[[X]],
// AVX512-COUNT-5: scalef.ps.512
// AVX512: arith.shrsi {{.*}} : vector<3xi32>
func.func @rows(%x: vector<2x48xf32>, %z: vector<3xf32>) -> (vector<2x48xf32>, vector<3xf32>) {
  %y = math.exp2 %x : vector<2x48xf32>
  %w = math.exp %z : vector<3xf32>
  return %y, %w : vector<2x48xf32>, vector<3xf32>
}

// Scalars and f64 call libm's functions.
// CHECK-LABEL: func.func @others(
// CHECK: math.exp %{{.*}} : f32
// CHECK: math.exp %{{.*}} : vector<8xf64>
func.func @others(%x: f32, %z: vector<8xf64>) -> (f32, vector<8xf64>) {
  %y = math.exp %x : f32
  %w = math.exp %z : vector<8xf64>
  return %y, %w : f32, vector<8xf64>
}
