// RUN: ssm-compile %s -o - --emit=asm --target=x86-64-v4 | FileCheck %s

// Decays of four steps, each the same in 32 lanes: one register each, with signals
// and sums of two vectors in all others, so that the loop over states reads its
// operands' numbers and the state, and nothing from the stack.
// CHECK: vbroadcastss {{.*}}, %[[DECAY:zmm[0-9]+]]
// CHECK: .p2align
// CHECK: vfmadd231ps 64(%{{.*}}), %[[DECAY]], %{{.*}}
// CHECK-NOT: (%rsp)
// CHECK: jne
#t = affine_map<(t, k, v) -> (t)>
#tk = affine_map<(t, k, v) -> (t, k)>
#tv = affine_map<(t, k, v) -> (t, v)>
#kv = affine_map<(t, k, v) -> (k, v)>
func.func @f(%a: tensor<64xf32>, %k: tensor<64x64xf32>, %q: tensor<64x64xf32>, %u: tensor<64x32xf32>) -> tensor<64x32xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<64xf32>) signal(%u : tensor<64x32xf32>)
      input(%k : tensor<64x64xf32>) output(%q : tensor<64x64xf32>)
      {indexing_maps = [#t, #tv, #tk, #tk, #tv, #kv], time = 0 : i64} -> tensor<64x32xf32>, tensor<64x32xf32>
  return %y : tensor<64x32xf32>
}
