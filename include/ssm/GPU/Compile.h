//===- Compile.h - From a program to GPU code -------------------*- C++ -*-===//
#ifndef SSM_GPU_COMPILE_H
#define SSM_GPU_COMPILE_H

#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace ssm {

enum class GPUOutputKind { LLVM, PTX, Cubin };

/// Kernels for one chip, and how to launch them.
struct GPUCode {
  std::string code;
  std::string launches; ///< JSON: entry, block, grid.
};

/// Runs the GPU pipeline for a chip such as sm_90. Diagnostics say what went
/// wrong.
std::optional<GPUCode> compileToGPU(mlir::ModuleOp module, llvm::StringRef chip,
                                    GPUOutputKind kind);

} // namespace ssm

#endif // SSM_GPU_COMPILE_H
