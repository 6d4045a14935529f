//===- GPU.cpp - From tensors to kernels for GPUs -------------------------===//
#include "ssm/GPU/Passes.h"
#include "ssm/Pipelines/Pipelines.h"
#include "ssm/Plan/GPUScanPlan.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace ssm {

/// From kernels to an OpenCL module in SPIR-V.
static void addSPIRV(OpPassManager &pm, const GPUOptions &options) {
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createConvertGpuOpsToLLVMSPVOps({/*use64bitIndex=*/true}));
  kernels.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  OpPassManager &converted = pm.nest<gpu::GPUModuleOp>();
  converted.addPass(createReconcileUnrealizedCastsPass());
  converted.addPass(createCanonicalizerPass());
  converted.addPass(createCSEPass());
  pm.addPass(createSerializeSPIRV({options.format}));
}

void buildGPUPipeline(OpPassManager &pm, const GPUOptions &options) {
  // 1. Functions without calls; the language to one gpu.func for each.
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createAbsorbContractions());
  pm.addPass(createLowerToGPU({options.chip}));
  // Emitters compute each index anew, and what is equal is simplified once.
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // 2. Kernels to the NVVM or ROCDL dialect. LLVM IR keeps the places in the
  // source for the emulator; with them PTX would be code to be debugged.
  bool amd = isAMDChip(std::string_view(options.chip));
  bool isSPIRV = isSPIRVChip(std::string_view(options.chip));
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createConvertComplexToStandardPass());
  kernels.addPass(createLowerGPUMath({amd       ? "amd"
                                      : isSPIRV ? "spirv"
                                                : "nvidia"}));
  kernels.addPass(createLoopInvariantCodeMotionPass());
  kernels.addPass(createSCFToControlFlowPass());
  if (isSPIRV)
    return addSPIRV(pm, options);
  if (amd) {
    ConvertGpuOpsToROCDLOpsOptions rocdl;
    rocdl.chipset = options.chip;
    kernels.addPass(createConvertGpuOpsToROCDLOps(rocdl));
  } else {
    kernels.addPass(createConvertGpuOpsToNVVMOps());
  }
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createAnnotateLoops());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  if (options.format == "llvm")
    pm.addPass(LLVM::createDIScopeForLLVMFuncOpPass());
  // 3. To LLVM IR, PTX or assembly, or a cubin. Without features the PTX
  // version is the oldest that knows the chip.
  if (amd) {
    GpuROCDLAttachTargetOptions target;
    target.chip = options.chip;
    target.optLevel = 3;
    pm.addPass(createGpuROCDLAttachTarget(target));
  } else {
    GpuNVVMAttachTargetOptions target;
    target.chip = options.chip;
    target.optLevel = 3;
    pm.addPass(createGpuNVVMAttachTarget(target));
  }
  GpuModuleToBinaryPassOptions binary;
  binary.compilationTarget = options.format;
  pm.addPass(createGpuModuleToBinaryPass(binary));
}

} // namespace ssm
