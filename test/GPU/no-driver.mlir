// Without a CUDA driver, that is what is said.
// REQUIRES: !cuda-gpu
// RUN: %python %S/../Tools/Inputs/npy.py make %t-a.npy 4x8
// RUN: not ssm-run %s --target=nvidia:sm_90 --input %t-a.npy --input %t-a.npy 2>&1 | FileCheck %s
// CHECK: ssm-run: error: there is no CUDA driver: libcuda.so.1: cannot open shared object file{{.*}}; install the driver of the GPU, or run the kernel on the CPU by ssm-emulate
#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>
func.func @f(%a: tensor<?x?xf32>, %u: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x?xf32>) signal(%u : tensor<?x?xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<?x?xf32>, tensor<?xf32>
  return %y : tensor<?x?xf32>
}
