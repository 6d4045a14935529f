// RUN: ssm-opt %s --pass-pipeline="builtin.module(func.func(ssm-fuse-products{target=x86-64-v3}))" | FileCheck %s
// RUN: ssm-opt %s --pass-pipeline="builtin.module(func.func(ssm-fuse-products{target=x86-64-v2}))" | FileCheck %s --check-prefix=NONE

// Without the instruction nothing changes.
// NONE-NOT: math.fma

// CHECK-LABEL: func.func @both_sums(
// CHECK-SAME: %[[A:.*]]: vector<16xf32>, %[[B:.*]]: vector<16xf32>, %[[X:.*]]: vector<16xf32>)
// CHECK-NEXT: %[[SUM:.*]] = math.fma %[[A]], %[[B]], %[[X]]
// CHECK-NEXT: %[[LESS:.*]] = arith.negf %[[A]]
// CHECK-NEXT: %[[DIFFERENCE:.*]] = math.fma %[[LESS]], %[[B]], %[[X]]
// CHECK-NEXT: %[[NEGATIVE:.*]] = arith.negf %[[X]]
// CHECK-NEXT: %[[OPPOSITE:.*]] = math.fma %[[A]], %[[B]], %[[NEGATIVE]]
// CHECK-NEXT: return %[[SUM]], %[[DIFFERENCE]], %[[OPPOSITE]]
func.func @both_sums(%a: vector<16xf32>, %b: vector<16xf32>, %x: vector<16xf32>)
    -> (vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %p = arith.mulf %a, %b fastmath<contract> : vector<16xf32>
  %0 = arith.addf %x, %p fastmath<contract> : vector<16xf32>
  %1 = arith.subf %x, %p fastmath<contract> : vector<16xf32>
  %2 = arith.subf %p, %x fastmath<contract> : vector<16xf32>
  return %0, %1, %2 : vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// LLVM contracts a single use. The other product of a sum may be the one that is
// contracted; a product may be used otherwise; without the flag it is rounded;
// half precision has no such instruction.
// CHECK-LABEL: func.func @left(
// CHECK-NOT: math.fma
func.func @left(%a: f32, %b: f32, %c: f32, %h: f16) -> (f32, f32, f32, f32, f32, f32, f16, f16) {
  %single = arith.mulf %a, %b fastmath<contract> : f32
  %0 = arith.addf %single, %c fastmath<contract> : f32
  %p = arith.mulf %a, %a fastmath<contract> : f32
  %other = arith.mulf %b, %b fastmath<contract> : f32
  %1 = arith.addf %p, %other fastmath<contract> : f32
  %2 = arith.addf %p, %c fastmath<contract> : f32
  %used = arith.mulf %a, %c fastmath<contract> : f32
  %3 = arith.addf %used, %c fastmath<contract> : f32
  %4 = arith.addf %used, %used fastmath<contract> : f32
  %exact = arith.mulf %c, %c : f32
  %5 = arith.addf %exact, %a : f32
  %6 = arith.addf %exact, %b : f32
  %7 = arith.addf %5, %6 : f32
  %half = arith.mulf %h, %h fastmath<contract> : f16
  %8 = arith.addf %half, %h fastmath<contract> : f16
  %9 = arith.subf %half, %h fastmath<contract> : f16
  return %0, %1, %2, %3, %4, %7, %8, %9 : f32, f32, f32, f32, f32, f32, f16, f16
}
