// RUN: ssm-compile %s -o - --emit=asm --target=x86-64-v4 | FileCheck %s

// 12 states of 16 channels fill the registers: the rows of A stay in memory, and
// B and C, which every step reads 12 numbers of, have pointers that walk along,
// so that no operand has an index. A row is finished before the next begins.
// CHECK: vmovups (%{{.*}},%{{.*}}), %[[DT:.*]]
// CHECK: vmulps (%[[A:.*]]), %[[DT]], %[[X0:.*]]
// CHECK-DAG: vmulps (%[[B:.*]]){1to16},
// CHECK-DAG: vscalefps %[[X0]],
// CHECK: vfmadd
// CHECK: vbroadcastss (%[[C:.*]]),
// CHECK: vmulps 64(%[[A]]), %[[DT]], %[[X1:.*]]
// CHECK: vscalefps %[[X1]],
// CHECK: vmulps 4(%[[B]]){1to16},
// CHECK: vfmadd
// CHECK: vfmadd{{.*}}4(%[[C]]){1to16}
// CHECK-NOT: (%rsp)
// CHECK: addq $48, %[[B]]
#btd = affine_map<(b, t, d, n) -> (b, t, d)>
#btn = affine_map<(b, t, d, n) -> (b, t, n)>
#dn = affine_map<(b, t, d, n) -> (d, n)>
#bdn = affine_map<(b, t, d, n) -> (b, d, n)>
#btdn = affine_map<(b, t, d, n) -> (b, t, d, n)>
func.func @selective(%dt: tensor<1x64x16xf32>, %A: tensor<16x12xf32>, %B: tensor<1x64x12xf32>, %C: tensor<1x64x12xf32>, %u: tensor<1x64x16xf32>) -> tensor<1x64x16xf32> {
  %empty = tensor.empty() : tensor<1x64x16x12xf32>
  %decay = linalg.generic {indexing_maps = [#btd, #dn, #btdn], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<1x64x16xf32>, tensor<16x12xf32>) outs(%empty : tensor<1x64x16x12xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<1x64x16x12xf32>
  %y, %h = ssm.linear_recurrence transition(%decay : tensor<1x64x16x12xf32>) signal(%u : tensor<1x64x16xf32>)
      input(%B : tensor<1x64x12xf32>) output(%C : tensor<1x64x12xf32>)
      {indexing_maps = [#btdn, #btd, #btn, #btn, #btd, #bdn], time = 1 : i64} -> tensor<1x64x16xf32>, tensor<1x16x12xf32>
  return %y : tensor<1x64x16xf32>
}
