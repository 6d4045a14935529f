//===- CPU.cpp - From tensors to the LLVM dialect -------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/Analysis/TargetInfo.h"
#include "ssm/Lowering/Passes.h"
#include "ssm/Pipelines/Passes.h"
#include "ssm/Pipelines/Pipelines.h"
#include "ssm/Strategy/Passes.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
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
  pm.addNestedPass<func::FuncOp>(createHoistAssertions());
  pm.addPass(createDestinationPassing());
  // Before the lowerings, whose own arithmetic says where it must be exact.
  pm.addPass(createAllowContract());
  addCleanup(pm);
}

/// Bytes of the largest result that threads write through the caches, each its
/// own lines. Where the streams of cores to memory do not add up, stores past
/// the caches are what several threads wait for, and what all operands and
/// results leave of the last cache is better used.
static int64_t cachedBytes(const TargetInfo &target, unsigned threads) {
  return threads > target.streamingCores ? target.l3Bytes / 4 : 0;
}

/// The language to loops of linalg ops.
static void addLowering(OpPassManager &pm, const CPUOptions &options) {
  pm.addPass(createInferTimeInvariance());
  pm.addPass(createSimplifyStructure());
  // The lowerings compute the linalg ops around them in their tiles.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addPass(createAbsorbContractions());
  pm.addPass(createHoistContractions());
  pm.addPass(createScaleExponents());
  SelectStrategyOptions select;
  select.target = options.target;
  select.cores = options.threads;
  select.force = options.strategy;
  select.rates = options.rates;
  pm.addPass(createSelectStrategy(select));
  pm.addPass(createFuseBidirectional());
  pm.addNestedPass<func::FuncOp>(createRecordStrategies());
  LowerToLinalgOptions lowering;
  lowering.cores = options.threads;
  lowering.vectors = true;
  TargetInfo target = TargetInfo::forName(options.target);
  // Blocks of twice as many would be 32 registers of half that size, each 16.
  lowering.lineLanes = target.vectorBytes < 64 ? 8 : 16;
  lowering.ahead = target.aheadBytes;
  lowering.complexAhead = target.complexAheadBytes;
  lowering.cachedAhead = target.cachedAheadBytes;
  lowering.partlyCachedAhead = target.partlyCachedAheadBytes;
  lowering.lastCache = target.l3Bytes;
  lowering.sharedRowsAhead = target.sharedRowsAhead;
  // AVX-512 scales by a power of two of any size in one instruction.
  lowering.normalPowers = target.vectorBytes < 64;
  lowering.whole = !options.prepare;
  lowering.cached = cachedBytes(target, options.threads);
  pm.addPass(createLowerToLinalg(lowering));
  addCleanup(pm);
  if (options.prepare) {
    pm.addPass(createSplitParameters());
    addCleanup(pm);
  }
}

/// Clean-up on tensors, while a value is still one SSA value. General loop
/// invariant code motion waits: a fill that leaves its loop needs a copy back.
static void addTensorOptimization(OpPassManager &pm,
                                  const std::string &target) {
  pm.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
  // Before what scales a factor becomes part of the product.
  DenseProductsOptions products;
  products.target = target;
  pm.addNestedPass<func::FuncOp>(createDenseProducts(products));
  pm.addNestedPass<func::FuncOp>(createFuseElementwise());
  pm.addNestedPass<func::FuncOp>(createSplitConcatenations());
  pm.addNestedPass<func::FuncOp>(createFuseElementwise());
  pm.addNestedPass<func::FuncOp>(createLaneReductions());
  pm.addNestedPass<func::FuncOp>(createVectorize());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createHoistSubsets());
  addCleanup(pm);
}

/// Tensors to memrefs, in place in the outputs wherever the reads allow it.
static void addBufferization(OpPassManager &pm) {
  pm.addPass(createReuseIterArgs());
  pm.addNestedPass<func::FuncOp>(createUnshareFills());
  pm.addNestedPass<func::FuncOp>(createFullRankWrites());
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

/// Static buffers to the workspace or the stack; the rest is freed. Which
/// loops are parallel decides where a buffer may be.
static void addBufferPlacement(OpPassManager &pm, const CPUOptions &options) {
  unsigned threads = options.threads;
  LoopKindsOptions kinds;
  kinds.threads = threads > 1;
  kinds.target = options.target;
  kinds.rates = options.rates;
  pm.addNestedPass<func::FuncOp>(createLoopKinds(kinds));
  WorkspaceOptions workspace;
  workspace.threads = threads;
  pm.addPass(createWorkspace(workspace));
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createConvertBufferizationToMemRefPass());
}

/// linalg, vectors and complex numbers to loops over scalars and 1-d vectors.
static void addLoops(OpPassManager &pm, const std::string &target) {
  pm.addNestedPass<func::FuncOp>(createExpandCopies());
  DotProductsOptions products;
  products.target = target;
  pm.addNestedPass<func::FuncOp>(createDotProducts(products));
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  VectorTransferToSCFOptions rows;
  rows.enableFullUnroll();
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass(rows));
  pm.addNestedPass<func::FuncOp>(createHoistStackBuffers());
  ConvertComplexToStandardPassOptions complex;
  complex.complexRange = complex::ComplexRangeFlags::basic;
  pm.addNestedPass<func::FuncOp>(createConvertComplexToStandardPass(complex));
  addCleanup(pm);
  FuseProductsOptions fuse;
  fuse.target = target;
  pm.addNestedPass<func::FuncOp>(createFuseProducts(fuse));
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addNestedPass<func::FuncOp>(createKeepOrder());
  pm.addNestedPass<func::FuncOp>(createStreamStores());
  PairVectorsOptions pairs;
  pairs.target = target;
  pm.addNestedPass<func::FuncOp>(createPairVectors(pairs));
}

/// Everything that is left to the LLVM dialect.
static void addLLVM(OpPassManager &pm, const CPUOptions &options) {
  unsigned threads = options.threads;
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  if (threads > 1) {
    pm.addPass(createConvertSCFToOpenMPPass());
    ThreadBuffersOptions buffers;
    buffers.threads = threads;
    pm.addPass(createThreadBuffers(buffers));
  }
  pm.addPass(createSCFToControlFlowPass());
  pm.addNestedPass<func::FuncOp>(createReturnStatus());
  // Libraries have functions of f32 and f64.
  pm.addPass(math::createMathExtendToSupportedTypes());
  VectorCallsOptions calls;
  calls.target = options.target;
  pm.addPass(createVectorCalls(calls));
  pm.addPass(createPreciseMath());
  InlineExpOptions exp;
  exp.target = options.target;
  pm.addPass(createInlineExp(exp));
  // bfloat16 is computed in f32: few CPUs have it, and older C runtimes lack
  // the conversion functions that LLVM would call.
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  emulate.targetTypeStr = "f32";
  pm.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = true;
  vectors.amx = true;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertComplexToLLVMPass());
  pm.addPass(createConvertIndexToLLVMPass());
  // Before arith: a constant dimension number folds the access to it.
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  if (threads > 1)
    pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void buildCPUPipeline(OpPassManager &pm, const CPUOptions &options) {
  addBoundary(pm);                           // 1. the caller brings the memory
  addLowering(pm, options);                  // 2. choose; loops of linalg ops
  addTensorOptimization(pm, options.target); // 3. vectors, still on tensors
  addBufferization(pm);                      // 4. compute in place
  addBufferPlacement(pm, options);           // 5. workspace, stack, heap
  addLoops(pm, options.target);              // 6. scalar and vector code
  addLLVM(pm, options);                      // 7. the LLVM dialect
  EmitCABIOptions abi;
  abi.target = options.target;
  abi.threads = options.threads;
  pm.addPass(createEmitCABI(abi)); // 8. what callers see
}

void registerPipelines() {
  PassPipelineRegistration<CPUOptions>(
      "ssm-cpu-pipeline",
      "Compile functions over tensors to the LLVM dialect with a C ABI",
      buildCPUPipeline);
  PassPipelineRegistration<GPUOptions>(
      "ssm-gpu-pipeline",
      "Compile recurrences over tensors to kernels for NVIDIA GPUs",
      buildGPUPipeline);
}

} // namespace ssm
