//===- CPU.cpp - From tensors to the LLVM dialect -------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/Pipelines/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace ssm {

/// Canonical IR without duplicates.
static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// One function per entry; arguments and results in the caller's memory.
static void addBoundary(OpPassManager &pm) {
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
  pm.addPass(createDestinationPassing());
  addCleanup(pm);
}

/// Clean-up on tensors, while a value is still one SSA value. General loop
/// invariant code motion waits: a fill that leaves its loop needs a copy back.
static void addTensorOptimization(OpPassManager &pm) {
  pm.addPass(createAllowContract());
  pm.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createLinalgElementwiseOpFusionPass());
  pm.addPass(createLoopInvariantSubsetHoistingPass());
  addCleanup(pm);
}

/// Tensors to memrefs, in place in the outputs wherever the reads allow it.
static void addBufferization(OpPassManager &pm) {
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.allowReturnAllocsFromLoops = true;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  // A self-copy is left by scf.forall until these run in this order.
  addCleanup(pm);
  addCleanup(pm);
}

/// Serial code runs its parallel loops as loops, before buffers are placed.
static void addLoopKinds(OpPassManager &pm, bool openmp) {
  if (openmp) {
    pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
    return;
  }
  pm.addNestedPass<func::FuncOp>(createForallToForLoopPass());
  pm.addNestedPass<func::FuncOp>(createParallelForToNestedForsPass());
}

/// Static buffers to the workspace or the stack; the rest is freed.
static void addBufferPlacement(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createWorkspace());
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createConvertBufferizationToMemRefPass());
}

/// linalg, vectors and complex numbers to loops over scalars and 1-d vectors.
static void addLoops(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass());
  ConvertComplexToStandardPassOptions complex;
  complex.complexRange = complex::ComplexRangeFlags::basic;
  pm.addNestedPass<func::FuncOp>(createConvertComplexToStandardPass(complex));
  addCleanup(pm);
  pm.addPass(createLoopInvariantCodeMotionPass());
}

/// Everything that is left to the LLVM dialect.
static void addLLVM(OpPassManager &pm, bool openmp) {
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  if (openmp)
    pm.addPass(createConvertSCFToOpenMPPass());
  pm.addPass(createSCFToControlFlowPass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertComplexToLLVMPass());
  pm.addPass(createConvertIndexToLLVMPass());
  // Before arith: a constant dimension number folds the access to it.
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  if (openmp)
    pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void buildCPUPipeline(OpPassManager &pm, const CPUOptions &options) {
  addBoundary(pm);                  // 1. the caller brings the memory
  addTensorOptimization(pm);        // 4. hoist and clean on tensors
  addBufferization(pm);             // 5. compute in place
  addLoopKinds(pm, options.openmp); // 6. threads or loops
  addBufferPlacement(pm);           // 7. workspace, stack, heap
  addLoops(pm);                     // 8. scalar and vector code
  addLLVM(pm, options.openmp);      // 9. the LLVM dialect
  EmitCABIOptions abi;
  abi.target = options.target;
  pm.addPass(createEmitCABI(abi)); // 10. what callers see
}

void registerPipelines() {
  PassPipelineRegistration<CPUOptions>(
      "ssm-cpu-pipeline",
      "Compile functions over tensors to the LLVM dialect with a C ABI",
      buildCPUPipeline);
}

} // namespace ssm
