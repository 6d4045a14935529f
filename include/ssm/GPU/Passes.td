//===- Passes.td - From the language to GPU kernels --------*- tablegen -*-===//

#ifndef SSM_GPU_PASSES_TD
#define SSM_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToGPU : Pass<"ssm-lower-to-gpu", "::mlir::ModuleOp"> {
  let summary = "make a GPU kernel of each function that is one recurrence";
  let description = [{
    Replaces every function whose body is one `ssm.linear_recurrence` of its
    arguments by a kernel in a `gpu.module`. The kernel has the function's name
    and takes a pointer for each argument, a pointer for each result, an i64
    for each loop dimension of the recurrence that is not static, in their
    order, and a pointer to the workspace if there is one. Tensors are
    contiguous and row-major.

    The module's attribute `ssm.launches` says how to launch each kernel:
    threads in a block; the grid, the product of its factors, each
    ceil(product of `elements` / `per_block`) and at least `least`, where a
    negative element -k-1 stands for the k-th dynamic size; and the bytes of the
    workspace, which must be zero before each launch: `workspace_bytes`, and
    `workspace_bytes_per_block` for each block of the grid.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "GPU whose size decides which kernel is best">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // SSM_GPU_PASSES_TD
