// RUN: ssm-opt %s --pass-pipeline='builtin.module(gpu.module(ssm-lower-gpu-math))' --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: gpu.func @instructions
// CHECK-SAME:    %[[X:.*]]: f32, %[[Y:.*]]: f64
gpu.module @kernels {
  gpu.func @instructions(%x: f32, %y: f64) -> (f32, f32, f64, f32, f32, f32, f32, f64) {
    // CHECK: %[[T:.*]] = arith.mulf %[[X]], %cst
    // CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[T]])
    %0 = math.exp %x : f32
    // CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[X]])
    %1 = math.exp2 %x : f32
    // CHECK: llvm.call_intrinsic "llvm.fma.f64"(%[[Y]], %[[Y]], %[[Y]])
    %2 = math.fma %y, %y, %y : f64
    // CHECK: llvm.call_intrinsic "llvm.nvvm.sqrt.approx.f"(%[[X]])
    %3 = math.sqrt %x : f32
    // CHECK: %[[ROOT:.*]] = llvm.call_intrinsic "llvm.sqrt.f32"(%[[X]])
    // CHECK: llvm.fdiv %{{.*}}, %[[ROOT]] : f32
    %6 = math.rsqrt %x : f32
    // exp of f64 is a polynomial times two powers of two.
    // CHECK-COUNT-15: llvm.call_intrinsic "llvm.fma.f64"
    // CHECK-COUNT-2: arith.bitcast %{{.*}} : i64 to f64
    %7 = math.exp %y : f64
    // CHECK-NOT: math.
    %4 = math.log1p %x : f32
    %5 = math.tanh %x : f32
    gpu.return %0, %1, %2, %3, %4, %5, %6, %7 : f32, f32, f64, f32, f32, f32, f32, f64
  }
}

// -----

// CHECK-LABEL: gpu.func @softplus
gpu.module @kernels {
  gpu.func @softplus(%x: f32, %y: f32) -> (f32, f32) {
    // Neither the exponential nor the logarithm is one of the special function unit.
    // CHECK-NOT: ex2
    // CHECK: %[[N:.*]] = arith.subf
    // CHECK: %[[MINUS:.*]] = arith.negf %[[N]]
    // CHECK: %[[F:.*]] = llvm.call_intrinsic "llvm.fma.f32"(%{{.*}}, %{{.*}}, %[[MINUS]])
    // CHECK: %[[BITS:.*]] = arith.shli
    // CHECK: arith.bitcast %[[BITS]] : i32 to f32
    // CHECK-NOT: ex2
    %size = math.absf %x : f32
    %minus = arith.negf %size : f32
    %exp = math.exp %minus : f32
    %log = math.log1p %exp : f32
    // CHECK: llvm.call_intrinsic "llvm.nvvm.div.full"(%{{.*}}, %{{.*}}) : (f32, f32) -> f32
    %quotient = arith.divf %x, %y : f32
    gpu.return %log, %quotient : f32, f32
  }
}

// -----

// A gate's divisor is not below 1, and has a reciprocal.
// CHECK-LABEL: gpu.func @gate
// CHECK-SAME:    %[[X:.*]]: f32, %{{.*}}: f32)
gpu.module @kernels {
  gpu.func @gate(%x: f32, %z: f32) -> f32 {
    // CHECK: %[[R:.*]] = llvm.call_intrinsic "llvm.nvvm.rcp.approx.ftz.f"
    // CHECK: arith.mulf %[[X]], %[[R]]
    %one = arith.constant 1.0 : f32
    %e = math.exp %z : f32
    %d = arith.addf %one, %e : f32
    %q = arith.divf %x, %d : f32
    gpu.return %q : f32
  }
}

// -----

// What a loop leaves alone gets the factor log2(e), so that it is multiplied
// once.
// CHECK-LABEL: gpu.func @exponents
// CHECK-SAME:    %[[A:.*]]: f32, %{{.*}}: f32)
gpu.module @kernels {
  gpu.func @exponents(%a: f32, %x: f32) -> f32 {
    %from = arith.constant 0 : i64
    %to = arith.constant 9 : i64
    %step = arith.constant 1 : i64
    // CHECK: scf.for {{.*}} iter_args(%[[S:.*]] = %{{.*}})
    // CHECK: %[[SCALED:.*]] = arith.mulf %[[A]], %cst
    // CHECK: %[[T:.*]] = arith.mulf %[[SCALED]], %[[S]]
    // CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"(%[[T]])
    %y = scf.for %i = %from to %to step %step iter_args(%s = %x) -> f32 : i64 {
      %p = arith.mulf %s, %a : f32
      %e = math.exp %p : f32
      scf.yield %e : f32
    }
    gpu.return %y : f32
  }
}

// -----

gpu.module @kernels {
  gpu.func @none(%x: f64) -> f64 {
    // expected-error@+1 {{'math.cbrt' op of 'f64' has no code for GPUs; compute it in f32, or outside}}
    %0 = math.cbrt %x : f64
    gpu.return %0 : f64
  }
}

// -----

// The second of two neighbours in bf16 is an f32 once the first is cleared; the
// first is shifted.
// CHECK-LABEL: gpu.func @halves
// CHECK-SAME:    %[[ALL:.*]]: vector<4xbf16>
gpu.module @kernels {
  gpu.func @halves(%all: vector<4xbf16>, %i: i32) -> (f32, f32, f32) {
    %two = llvm.mlir.constant(2 : i32) : i32
    %three = llvm.mlir.constant(3 : i32) : i32
    // CHECK: %[[LOW:.*]] = llvm.extractelement %[[ALL]]
    %low = llvm.extractelement %all[%two : i32] : vector<4xbf16>
    %high = llvm.extractelement %all[%three : i32] : vector<4xbf16>
    // CHECK: %[[ANY:.*]] = llvm.extractelement %[[ALL]]
    %any = llvm.extractelement %all[%i : i32] : vector<4xbf16>
    // CHECK: arith.extf %[[LOW]] : bf16 to f32
    %0 = arith.extf %low : bf16 to f32
    // CHECK: %[[WORDS:.*]] = llvm.bitcast %[[ALL]] : vector<4xbf16> to vector<2xi32>
    // CHECK: %[[WORD:.*]] = llvm.extractelement %[[WORDS]][%{{.*}} : i32] : vector<2xi32>
    // CHECK: %[[BITS:.*]] = llvm.and %[[WORD]], %{{.*}} : i32
    // CHECK: llvm.bitcast %[[BITS]] : i32 to f32
    %1 = arith.extf %high : bf16 to f32
    // CHECK: arith.extf %[[ANY]] : bf16 to f32
    %2 = arith.extf %any : bf16 to f32
    gpu.return %0, %1, %2 : f32, f32, f32
  }
}
