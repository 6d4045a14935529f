//===- Compile.h - From a program to GPU code -------------------*- C++ -*-===//
#ifndef SSM_GPU_COMPILE_H
#define SSM_GPU_COMPILE_H

#include "ssm/GPU/Launch.h"

#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace ssm {

/// Assembly is PTX for NVIDIA's chips.
enum class GPUOutputKind { LLVM, Assembly, Cubin, SPIRV };

/// Kernels for one chip, and how to launch them.
struct GPUCode {
  std::string code;
  std::vector<Launch> kernels;

  std::string formatLaunches() const; ///< As JSON.
};

/// Runs the GPU pipeline for a chip such as sm_90 or gfx942, or for spirv64.
/// Diagnostics say what went wrong.
std::optional<GPUCode> compileToGPU(mlir::ModuleOp module, llvm::StringRef chip,
                                    GPUOutputKind kind);

} // namespace ssm

#endif // SSM_GPU_COMPILE_H
