//===- Pipelines.h - From the language to machine code ----------*- C++ -*-===//
#ifndef SSM_PIPELINES_PIPELINES_H
#define SSM_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace ssm {

struct CPUOptions : public mlir::PassPipelineOptions<CPUOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("CPU to compile for: host, or a name LLVM knows"),
      llvm::cl::init("host")};
  Option<unsigned> threads{
      *this, "threads",
      llvm::cl::desc("Most OpenMP threads of a parallel loop; 1: no OpenMP"),
      llvm::cl::init(1)};
  Option<std::string> strategy{
      *this, "strategy",
      llvm::cl::desc("Strategy of every op; auto or nothing chooses"),
      llvm::cl::init("")};
  Option<std::string> rates{
      *this, "rates",
      llvm::cl::desc("File of rates that go before the target's"),
      llvm::cl::init("")};
  Option<bool> prepare{
      *this, "prepare",
      llvm::cl::desc("Make f_prepare of what depends on ssm.parameter alone"),
      llvm::cl::init(false)};
};

/// Appends the passes from ssm (or func/linalg/scf) on tensors to the LLVM
/// dialect with a C ABI. The numbered steps are in lib/Pipelines/CPU.cpp.
void buildCPUPipeline(mlir::OpPassManager &pm, const CPUOptions &options);

struct GPUOptions : public mlir::PassPipelineOptions<GPUOptions> {
  Option<std::string> chip{*this, "chip",
                           llvm::cl::desc("GPU to compile for, e.g. sm_90"),
                           llvm::cl::init("sm_80")};
  Option<std::string> format{
      *this, "format",
      llvm::cl::desc("llvm: LLVM IR, isa: PTX, bin: a cubin (needs ptxas), "
                     "spirv: an OpenCL module, for the chip spirv64"),
      llvm::cl::init("isa")};
};

/// Appends the passes from functions of one recurrence each to a gpu.binary.
/// The numbered steps are in lib/Pipelines/GPU.cpp.
void buildGPUPipeline(mlir::OpPassManager &pm, const GPUOptions &options);

/// Registers `--ssm-cpu-pipeline` and `--ssm-gpu-pipeline`.
void registerPipelines();

} // namespace ssm

#endif // SSM_PIPELINES_PIPELINES_H
