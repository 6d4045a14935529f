// Functions of libm on vectors: a call for each register of the target.
// RUN: ssm-opt %s --ssm-vector-calls=target=x86-64-v4 | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: ssm-opt %s --ssm-vector-calls=target=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: ssm-opt %s --ssm-vector-calls=target=neoverse-v1 | FileCheck %s --check-prefix=ARM
// RUN: not ssm-opt %s --ssm-vector-calls=target=i4004 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: {{.*}}i4004

// AVX512-DAG: func.func private @_ZGVeN16v_tanhf(vector<16xf32>) -> vector<16xf32> attributes {llvm.readnone}
// AVX2-DAG: func.func private @_ZGVdN8v_tanhf(vector<8xf32>) -> vector<8xf32> attributes {llvm.readnone}

// CHECK-LABEL: func.func @registers
// AVX512-SAME: %[[X:.*]]: vector<32xf32>
// AVX512: %[[LOW:.*]] = vector.shuffle %[[X]], %[[X]] [0, 1, {{.*}}, 15]
// AVX512: %[[Y0:.*]] = call @_ZGVeN16v_tanhf(%[[LOW]])
// AVX512: vector.insert_strided_slice %[[Y0]], %{{.*}} {offsets = [0], strides = [1]}
// AVX512: %[[HIGH:.*]] = vector.shuffle %[[X]], %[[X]] [16, 17, {{.*}}, 31]
// AVX512: %[[Y1:.*]] = call @_ZGVeN16v_tanhf(%[[HIGH]])
// AVX512: vector.insert_strided_slice %[[Y1]], %{{.*}} {offsets = [16], strides = [1]}
// AVX2-COUNT-4: call @_ZGVdN8v_tanhf
// ARM-LABEL: func.func @registers
// ARM: math.tanh
func.func @registers(%x: vector<32xf32>) -> vector<32xf32> {
  %y = math.tanh %x : vector<32xf32>
  return %y : vector<32xf32>
}

// Three lanes are left of 19: the narrowest function has one too many.
// CHECK-LABEL: func.func @rest
// AVX512: call @_ZGVeN16v_erff
// AVX512: vector.shuffle {{.*}} [16, 17, 18, 16]
// AVX512: %[[REST:.*]] = call @_ZGVbN4v_erff
// AVX512: vector.extract_strided_slice %[[REST]] {offsets = [0], sizes = [3], strides = [1]}
func.func @rest(%x: vector<19xf32>) -> vector<19xf32> {
  %y = math.erf %x : vector<19xf32>
  return %y : vector<19xf32>
}

// CHECK-LABEL: func.func @rows
// CHECK: vector.shape_cast %{{.*}} : vector<2x8xf64> to vector<16xf64>
// AVX512-COUNT-2: call @_ZGVeN8vv_pow(
// AVX2-COUNT-4: call @_ZGVdN4vv_pow(
// CHECK: vector.shape_cast %{{.*}} : vector<16xf64> to vector<2x8xf64>
func.func @rows(%x: vector<2x8xf64>, %y: vector<2x8xf64>) -> vector<2x8xf64> {
  %z = math.powf %x, %y : vector<2x8xf64>
  return %z : vector<2x8xf64>
}

// What is computed in line, and what has instructions of its own.
// CHECK-LABEL: func.func @inline
// CHECK-NEXT: math.exp
// CHECK-NEXT: math.sqrt
// CHECK-NEXT: math.fma
// CHECK-NEXT: return
func.func @inline(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  %z = math.sqrt %y : vector<16xf32>
  %w = math.fma %x, %y, %z : vector<16xf32>
  return %w : vector<16xf32>
}
