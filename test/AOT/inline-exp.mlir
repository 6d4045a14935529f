// RUN: ssm-opt %s --ssm-inline-exp | FileCheck %s
// RUN: ssm-opt %s --ssm-inline-exp=target=sapphirerapids | FileCheck %s --check-prefix=AVX512
// RUN: ssm-opt %s --ssm-inline-exp=target=x86-64-v3 | FileCheck %s --check-prefix=AVX2

// 2^n exp(r): a polynomial in r, and two factors 2^(n/2) that cannot overflow.
// CHECK-LABEL: func.func @vector(
// CHECK-NOT: math.exp
// CHECK: %[[SHIFTED:.*]] = math.fma %[[X:.*]], %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: %[[N:.*]] = arith.subf %[[SHIFTED]],
// CHECK: %[[R0:.*]] = math.fma %[[N]], %{{.*}}, %[[X]]
// CHECK: %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[R0]]
// CHECK-COUNT-5: math.fma
// CHECK: %[[BOTH:.*]] = arith.bitcast %[[SHIFTED]] : vector<16xf32> to vector<16xi32>
// CHECK: %[[HALF:.*]] = arith.shrui %[[BOTH]],
// CHECK: %[[REST:.*]] = arith.subi %[[BOTH]], %[[HALF]]
// CHECK: arith.shli %[[HALF]],
// CHECK: arith.mulf
// CHECK: arith.shli %[[REST]],
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
// Eight lanes of AVX2 look 2^(i/4) up, and scale twice by the same power.
// AVX2-LABEL: func.func @power(
// AVX2: %[[X:.*]] = arith.select
// AVX2: %[[SHIFTED:.*]] = arith.addf %{{.*}}, %{{.*}} : vector<8xf32>
// AVX2: %[[QUARTERS:.*]] = arith.subf %[[SHIFTED]],
// AVX2: %[[R:.*]] = arith.subf %{{.*}}, %[[QUARTERS]]
// AVX2: arith.shrui
// AVX2: %[[S:.*]] = arith.bitcast %[[BITS:.*]] : vector<8xi32> to vector<8xf32>
// AVX2: %[[T:.*]] = llvm.call_intrinsic "llvm.x86.avx2.permps"(%{{.*}}, %{{.*}})
// AVX2: %[[ABOVE:.*]] = arith.bitcast %[[T]]
// AVX2: %[[SUM:.*]] = arith.addi %[[ABOVE]], %{{.*}} : vector<8xi32>
// AVX2: %[[TS:.*]] = arith.bitcast %[[SUM]]
// AVX2-COUNT-3: math.fma %{{.*}}, %[[R]],
// AVX2: %[[TSR:.*]] = arith.mulf %[[TS]], %[[R]]
// AVX2: %[[P:.*]] = math.fma %[[TSR]], %{{.*}}, %[[TS]]
// AVX2: arith.mulf %[[P]], %[[S]]
func.func @power(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp2 %x : vector<8xf32>
  return %y : vector<8xf32>
}

// One row after the other; a row that fills no register has no instruction.
// CHECK-LABEL: func.func @rows(
// CHECK-COUNT-2: arith.shrui {{.*}} : vector<48xi32>
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
// AVX512: arith.shrui {{.*}} : vector<3xi32>
func.func @rows(%x: vector<2x48xf32>, %z: vector<3xf32>) -> (vector<2x48xf32>, vector<3xf32>) {
  %y = math.exp2 %x : vector<2x48xf32>
  %w = math.exp %z : vector<3xf32>
  return %y, %w : vector<2x48xf32>, vector<3xf32>
}

// A power that is a normal number: nothing limits x, and n is added to the
// exponent of what it multiplies.
// CHECK-LABEL: func.func @normal(
// CHECK-SAME: %[[X:.*]]: vector<8xf32>
// CHECK-NOT: arith.select
// CHECK: %[[SHIFTED:.*]] = arith.addf %[[X]], %{{.*}} : vector<8xf32>
// CHECK-COUNT-6: math.fma
// CHECK-NOT: arith.mulf
// CHECK: %[[BITS:.*]] = arith.bitcast %[[SHIFTED]]
// CHECK: %[[N:.*]] = arith.shli %[[BITS]],
// CHECK: arith.addi %{{.*}}, %[[N]]
// Eight lanes of AVX2 look 2^(i/8) up.
// AVX2-LABEL: func.func @normal(
// AVX2-SAME: %[[X:.*]]: vector<8xf32>
// AVX2-NOT: arith.select
// AVX2: %[[SHIFTED:.*]] = arith.addf %[[X]], %{{.*}} : vector<8xf32>
// AVX2: %[[EIGHTHS:.*]] = arith.subf %[[SHIFTED]],
// AVX2: %[[R:.*]] = arith.subf %[[X]], %[[EIGHTHS]]
// AVX2: %[[T:.*]] = llvm.call_intrinsic "llvm.x86.avx2.permps"(%{{.*}}, %{{.*}})
// AVX2: %[[K:.*]] = arith.shli
// AVX2: %[[TABLE:.*]] = arith.bitcast %[[T]]
// AVX2: %[[SUM:.*]] = arith.addi %[[TABLE]], %[[K]]
// AVX2: %[[TK:.*]] = arith.bitcast %[[SUM]]
// AVX2-COUNT-2: math.fma %{{.*}}, %[[R]],
// AVX2: %[[TKR:.*]] = arith.mulf %[[TK]], %[[R]]
// AVX2: %[[P:.*]] = math.fma %[[TKR]], %{{.*}}, %[[TK]]
// AVX2-NOT: arith.mulf
// AVX2: return
func.func @normal(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp2 %x {ssm.normal} : vector<8xf32>
  return %y : vector<8xf32>
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
