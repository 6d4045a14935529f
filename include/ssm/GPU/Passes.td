//===- Passes.td - From the language to GPU kernels --------*- tablegen -*-===//

#ifndef SSM_GPU_PASSES_TD
#define SSM_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToGPU : Pass<"ssm-lower-to-gpu", "::mlir::ModuleOp"> {
  let summary = "make a GPU kernel of each function that is one recurrence or scan";
  let description = [{
    Replaces every function whose body is one `ssm.linear_recurrence`, with
    elementwise linalg ops and `ssm.discretize` around it, by a kernel in a
    `gpu.module`; or one whose body is one `ssm.associative_scan` or diagonal
    `ssm.materialize_kernel` of its arguments. A function that has several
    recurrences, or products of matrices, reductions of rows, loops over time,
    slices, other shapes of tensors and `tensor.insert_slice` beside them, becomes a sequence of kernels,
    each of one of these and the elementwise ops around it; slices of what a linalg
    op computes become ops on slices. The kernel has the function's name
    and takes a pointer for each argument, a pointer for each result, an i64
    for each loop dimension of the recurrence that is not static, in their
    order, and a pointer to the workspace if there is one. Tensors are
    contiguous and row-major, and do not overlap.

    The module's attribute `ssm.launches` says how to launch each kernel: its
    tensors, as `ssm.abi` does for CPUs; threads in a block; `shared_bytes` of
    shared memory that the launch gives it, where it has more than 48 KiB; the grid, the product of its factors, each
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
                           "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LowerGPUMath : Pass<"ssm-lower-gpu-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "compute math ops in kernels without a library";
  let description = [{
    exp and exp2 of f32 become one instruction of the special function unit on
    x log2(e): the relative error is 2^-22 + |x| 2^-24, and results below 2^-126
    are zero. Of a product with what the loop around it leaves alone, that is
    multiplied by log2(e), once. log1p of f32 is arithmetic within two units in
    the last place, and so is log1p(exp(-|x|)) with the error of exp. NVIDIA's
    division of f32 is within two units, and by 1 + exp(z) a product with a
    reciprocal, which is zero above 2^126. Other functions of f32 become
    upstream's polynomials. exp, expm1,
    log, log1p, sin, cos and tanh of f64 become arithmetic with errors below two
    units in the last place, or four. The rest has instructions, or is an error.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
  let options = [
    Option<"instructions", "instructions", "std::string", /*default=*/"\"nvidia\"",
           "Whose instructions there are: nvidia, amd, or spirv for those of OpenCL">,
  ];
}

def AnnotateLoops : Pass<"ssm-annotate-loops", "::mlir::gpu::GPUModuleOp"> {
  let summary = "hand annotations of loops to LLVM";
  let description = [{
    `llvm.loop_annotation` of an scf loop is on the branch back, where upstream's
    conversions leave it. It becomes the branch's own, which is translated.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def SerializeSPIRV : Pass<"ssm-serialize-spirv", "::mlir::ModuleOp"> {
  let summary = "make SPIR-V of kernels in the LLVM dialect";
  let description = [{
    Each `gpu.module` becomes a `gpu.binary` of an OpenCL kernel's SPIR-V, by
    LLVM's backend.
  }];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"spirv\"",
           "What was asked for, which must be spirv">,
  ];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::spirv::SPIRVDialect"];
}

#endif // SSM_GPU_PASSES_TD
