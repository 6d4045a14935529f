// ssm-run gives a kernel to the CUDA driver, here one that lives in the host's
// memory, with its arguments in their order and a clean workspace each time.
// RUN: mkdir -p %t
// RUN: %clang -shared -fPIC %S/Inputs/libcuda.c -o %t/libcuda.so.1
// RUN: %python %S/../Tools/Inputs/npy.py make %t/a.npy 9000
// RUN: env LD_LIBRARY_PATH=%t COPY=1 ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy --output %t/y.npy --time=2 > %t/out 2> %t/err
// RUN: FileCheck %s < %t/err
// RUN: FileCheck %s --check-prefix=TIME < %t/out
// RUN: %python %S/../Tools/Inputs/npy.py show %t/y.npy | FileCheck %s --check-prefix=Y
// CHECK: .target sm_90
// CHECK:      grid 3x1x1 block 256x1x1
// CHECK-NEXT: length 9000 workspace 104 zero
// CHECK-NEXT: grid
// CHECK-NEXT: length 9000 workspace 104 zero
// CHECK-NEXT: grid
// CHECK-NEXT: length 9000 workspace 104 zero
// CHECK: 0 buffers are left
// TIME: {"min_s": 0.0025{{0*}}, "median_s": 0.0025{{0*}}, "repeats": 2}
// Y: float32 (9000,) [0.0, 1.0, 2.0,

// RUN: %python %S/../Tools/Inputs/npy.py make %t/n.npy 13000
// Several kernels of a function run one after the other, in a workspace that
// need not be clean.
// RUN: env LD_LIBRARY_PATH=%t ssm-run %s --entry=passes --target=nvidia:sm_90 --input %t/n.npy --input %t/n.npy --output %t/y.npy 2>&1 | FileCheck %s --check-prefix=PASSES
// PASSES:      grid 4x1x1 block 256x1x1
// PASSES-NEXT: grid 4x1x1 block 256x1x1
// PASSES-NEXT: grid 8x1x1 block 128x1x1
// PASSES-NEXT: grid 4x1x1 block 256x1x1
// PASSES-NEXT: 0 buffers are left

// A kernel of more than 48 KiB of shared memory asks for it.
// RUN: %python %S/../Tools/Inputs/npy.py make %t/k.npy 7000
// RUN: env LD_LIBRARY_PATH=%t ssm-run %s --entry=window --target=nvidia:sm_90 --input %t/a.npy --input %t/k.npy 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuFuncSetAttribute CODE=1 not ssm-run %s --entry=window --target=nvidia:sm_90 --input %t/a.npy --input %t/k.npy 2>&1 | FileCheck %s --check-prefix=REFUSED
// SHARED: bytes 131072
// SHARED-NEXT: grid 1x1x1 block 256x1x1 shared 131072
// REFUSED: ssm-run: error: cuFuncSetAttribute failed: {{.*}} (1)

// Every failure is an error, and leaves nothing behind.
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuMemAlloc_v2 not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy --output %t/z.npy 2>&1 | FileCheck %s --check-prefix=MEMORY
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuLaunchKernel not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy --output %t/z.npy 2>&1 | FileCheck %s --check-prefix=LAUNCH
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuEventElapsedTime not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy --output %t/z.npy 2>&1 | FileCheck %s --check-prefix=EVENT
// RUN: not ls %t/z.npy
// MEMORY: ssm-run: error: cuMemAlloc_v2 failed: out of memory (2); take smaller tensors, or end what else uses the GPU
// LAUNCH: 0 buffers are left
// LAUNCH: ssm-run: error: cuLaunchKernel failed: out of memory (2);
// EVENT: ssm-run: error: cuEventElapsedTime failed: out of memory (2);

// RUN: env LD_LIBRARY_PATH=%t FAIL=cuInit CODE=100 not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=DEVICE
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuModuleLoadData CODE=209 not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuModuleLoadData CODE=222 not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: env LD_LIBRARY_PATH=%t FAIL=cuLaunchKernel CODE=700 not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=OTHER
// DEVICE: ssm-run: error: cuInit failed: {{.*}} (100); run it on the CPU, without a target, or the kernel by ssm-emulate
// CHIP: ssm-run: error: cuModuleLoadData failed: {{.*}} (209); take the chip of the device for --target
// OLD: ssm-run: error: cuModuleLoadData failed: {{.*}} (222); install a newer driver, or take an older chip for --target
// OTHER: ssm-run: error: cuLaunchKernel failed: {{.*}} (700){{$}}

// RUN: %clang -shared -fPIC -DcuInit=cuOther %S/Inputs/libcuda.c -o %t/libcuda.so.1
// RUN: env LD_LIBRARY_PATH=%t not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=LACKS
// LACKS: ssm-run: error: libcuda.so.1 lacks cuInit; it must be of CUDA 11 or later
// RUN: not ssm-run %s --entry=f --target=nvidia:sm_90 --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: ssm-run: error: the kernel takes 2 inputs, but 1 were given
// RUN: not ssm-run %s --entry=f --target=znver4 --input %t/a.npy 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: ssm-run: error: --target must be host or a GPU such as nvidia:sm_90, but it is 'znver4'

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>
func.func @f(%a: tensor<?xf32>, %u: tensor<?xf32>) -> tensor<?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<?xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<?xf32>, tensor<f32>
  return %y : tensor<?xf32>
}

func.func @other(%a: tensor<2xf32>) -> tensor<2xf32> {
  return %a : tensor<2xf32>
}

func.func @passes(%u: tensor<13000xf32>, %k: tensor<13000xf32>) -> tensor<13000xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64} : tensor<13000xf32>, tensor<13000xf32> -> tensor<13000xf32>
  return %y : tensor<13000xf32>
}

func.func @window(%u: tensor<9000xf32>, %k: tensor<7000xf32>) -> tensor<9000xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64} : tensor<9000xf32>, tensor<7000xf32> -> tensor<9000xf32>
  return %y : tensor<9000xf32>
}
