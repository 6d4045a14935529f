// Channels of one tile and times of unknown number: the loop writes into the
// result, and not into a tensor that is copied there.
// RUN: ssm-opt %s --ssm-cpu-pipeline | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// CHECK: llvm.func internal @f
// CHECK-NOT: malloc
// CHECK-NOT: memcpy
// CHECK: llvm.func @f_workspace_bytes() -> i64
func.func @f(%a: tensor<?x16xf32>, %u: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<?x16xf32>) signal(%u : tensor<?x16xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<?x16xf32>, tensor<16xf32>
  return %x : tensor<?x16xf32>
}
