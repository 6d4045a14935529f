// Gated linear attention as a frontend's loop has it: the states are no result
// of a kernel, so one kernel computes it.
// RUN: ssm-compile %s --target=nvidia:sm_90 --emit=ptx -o %t.ptx
// RUN: FileCheck %s < %t.ptx

#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bthkv = affine_map<(b, t, h, k, v) -> (b, t, h, k, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

// CHECK: .entry f
// CHECK-NOT: .entry
func.func @f(%a: tensor<2x?x4x64xf32>, %k: tensor<2x?x4x64xf32>, %v: tensor<2x?x4x64xf32>, %q: tensor<2x?x4x64xf32>)
    -> tensor<2x?x4x64xf32> {
  %c1 = arith.constant 1 : index
  %time = tensor.dim %v, %c1 : tensor<2x?x4x64xf32>
  %wide = tensor.empty(%time) : tensor<2x?x4x64x64xf32>
  %e = tensor.empty(%time) : tensor<2x?x4x64xf32>
  %products = linalg.generic {indexing_maps = [#bthk, #bthv, #bthkv], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]}
      ins(%k, %v : tensor<2x?x4x64xf32>, tensor<2x?x4x64xf32>) outs(%wide : tensor<2x?x4x64x64xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %r = arith.mulf %x, %y : f32
    linalg.yield %r : f32
  } -> tensor<2x?x4x64x64xf32>
  %S, %last = ssm.linear_recurrence transition(%a : tensor<2x?x4x64xf32>) signal(%products : tensor<2x?x4x64x64xf32>)
      {indexing_maps = [#bthk, #bthkv, #bthkv, #bhkv], time = 1 : i64} -> tensor<2x?x4x64x64xf32>, tensor<2x4x64x64xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x?x4x64xf32>) -> tensor<2x?x4x64xf32>
  %o = linalg.generic {indexing_maps = [#bthk, #bthkv, #bthv], iterator_types = ["parallel", "parallel", "parallel", "reduction", "parallel"]}
      ins(%q, %S : tensor<2x?x4x64xf32>, tensor<2x?x4x64x64xf32>) outs(%zeros : tensor<2x?x4x64xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %p = arith.mulf %x, %y : f32
    %r = arith.addf %sum, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x?x4x64xf32>
  return %o : tensor<2x?x4x64xf32>
}
