// What is folded is written nowhere, and inlined from there: debug information has
// where it is called from.
// RUN: ssm-compile %s --target=nvidia:sm_90 --emit=llvm -o %t.ll
// RUN: FileCheck %s < %t.ll

// CHECK: define ptx_kernel void @f(
// CHECK: fmul {{.*}}8.000000e+00, !dbg
#b = affine_map<(b, t) -> (b, t)>
#s = affine_map<(b, t) -> (b)>
func.func @f(%a: tensor<4x64xf32>, %u: tensor<4x64xf32>) -> tensor<4x64xf32> {
  %e = tensor.empty() : tensor<4x64xf32>
  %v = linalg.generic {indexing_maps = [#b, #b], iterator_types = ["parallel", "parallel"]}
      ins(%u : tensor<4x64xf32>) outs(%e : tensor<4x64xf32>) {
  ^bb0(%x: f32, %0: f32):
    %eight = arith.constant 8.0 : f32 loc(callsite(unknown at "model.mlir":3:4))
    %y = arith.mulf %x, %eight : f32 loc(callsite(callsite(unknown at "model.mlir":3:4) at "model.mlir":5:6))
    linalg.yield %y : f32
  } -> tensor<4x64xf32>
  %r, %x = ssm.linear_recurrence transition(%a : tensor<4x64xf32>) signal(%v : tensor<4x64xf32>)
      {indexing_maps = [#b, #b, #b, #s], time = 1 : i64} -> tensor<4x64xf32>, tensor<4xf32>
  return %r : tensor<4x64xf32>
}
