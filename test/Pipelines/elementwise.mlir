// Arithmetic on whole tensors around an op is computed in the op's loop: of
// tensors whose size is unknown, which would be allocated, none is made.
// RUN: ssm-opt %s --ssm-cpu-pipeline | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// CHECK: llvm.func internal @gated
// CHECK-NOT: malloc
// CHECK: llvm.func @gated_workspace_bytes() -> i64
func.func @gated(%g: tensor<?x128xf32>, %u: tensor<?x128xf32>, %v: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %a = math.exp %g : tensor<?x128xf32>
  %s = arith.mulf %u, %v : tensor<?x128xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<?x128xf32>) signal(%s : tensor<?x128xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<?x128xf32>, tensor<128xf32>
  return %x : tensor<?x128xf32>
}
