// RUN: not ssm-compile %s --target=nvidia:sm_999 -o %t.ptx 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: no GPU is called 'sm_999'; take sm_80 (A100), sm_90 (H100, H200), sm_100
// RUN: not ssm-compile %s --emit=ptx -o %t.ptx 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: error: --emit=ptx and --emit=cubin need a GPU, such as --target=nvidia:sm_90
// RUN: not ssm-compile %s --target=nvidia:sm_90 --emit=obj -o %t.o 2>&1 | FileCheck %s --check-prefix=EMIT
// EMIT: error: --emit must be ptx, cubin or llvm for a GPU
// RUN: not ssm-compile %s --target=amd:gfx942 --emit=ptx -o %t.s 2>&1 | FileCheck %s --check-prefix=AMD
// AMD: error: --emit must be asm or llvm for a GPU of AMD
// RUN: not ssm-compile %s --target=amd:gfx0 -o %t.s 2>&1 | FileCheck %s --check-prefix=GFX
// GFX: error: no GPU is called 'gfx0'; take sm_80 {{.*}} or another that {{.*}}, or gfx942
// RUN: not ssm-compile %s --target=opencl:spirv64 --emit=ptx -o %t.spv 2>&1 | FileCheck %s --check-prefix=SPIRV
// RUN: not ssm-compile %s --target=nvidia:sm_90 --emit=spirv -o %t.spv 2>&1 | FileCheck %s --check-prefix=SPIRV
// SPIRV: error: --emit=spirv and --target=opencl:spirv64 need each other
// RUN: not ssm-compile %s --target=opencl:spirv32 -o %t.spv 2>&1 | FileCheck %s --check-prefix=SPIRV32
// SPIRV32: error: no GPU is called 'spirv32'; {{.*}}or spirv64
// RUN: env -u CUDA_ROOT -u CUDA_HOME -u CUDA_PATH PATH=%t not ssm-compile %s --target=nvidia:sm_90 --emit=cubin -o %t.cubin 2>&1 | FileCheck %s --check-prefix=PTXAS
// PTXAS: error: a cubin needs ptxas, which is neither on the PATH nor in CUDA_HOME; install the CUDA toolkit, or take PTX
// RUN: not ssm-compile %s --target=nvidia:sm_90 --header=%t.h -o %t.ptx 2>&1 | FileCheck %s --check-prefix=HEADER
// HEADER: error: --header is for CPUs
// RUN: not ssm-compile %s --target=nvidia:sm_90 -o %t.ptx 2>&1 | FileCheck %s --check-prefix=FORM
// FORM: compile-invalid.mlir:[[@LINE+1]]:1: error: 'f' has no recurrence, product of matrices, reduction of rows or loop over time that has a GPU kernel
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
