//===- LowerToGPU.cpp - A GPU kernel for each function --------------------===//
#include "LowerToGPU.h"
#include "FFTConv.h"
#include "Powers.h"
#include "Row.h"
#include "SliceProducers.h"
#include "StageCut.h"
#include "ssm/GPU/Passes.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Transforms/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_LOWERTOGPU
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Why the function is more than this op on its arguments; null: it is not.
static const char *refusesOthers(func::FuncOp function, Operation *op) {
  for (Value value : op->getOperands())
    if (isa<RankedTensorType>(value.getType()) && !isa<BlockArgument>(value))
      return "its inputs must be arguments of the function";
  for (BlockArgument arg : function.getArguments())
    if (!llvm::is_contained(op->getOperands(), arg))
      return "it does not read every argument of the function";
  SmallPtrSet<Value, 4> distinct;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    if (value.getDefiningOp() != op || !distinct.insert(value).second)
      return "the function must return its results, each once";
  return nullptr;
}

static std::optional<Launch> lowerScan(OpBuilder &b, gpu::GPUModuleOp parent,
                                       func::FuncOp function,
                                       AssociativeScanOp op, StringRef chip) {
  for (const char *reason : {refusesCombiner(op), refusesOthers(function, op)})
    if (reason) {
      op.emitError("the scan has no GPU kernel: ") << reason;
      return std::nullopt;
    }
  auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
  TensorMaps maps;
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  for (Value input : op.getInputs())
    maps.insert({input, map});
  for (Value result : op->getResults())
    maps.insert({result, map});
  GPUScanPlan plan = selectKernel(op, chip);
  Signature signature = describeTensors(function, maps, type.getShape());
  Launch launch = emitKernel(b, {parent, function}, op, plan, chip);
  launch.signature = std::move(signature);
  return launch;
}

static std::optional<Launch> lowerPowers(OpBuilder &b, gpu::GPUModuleOp parent,
                                         func::FuncOp function,
                                         MaterializeKernelOp op,
                                         StringRef chip) {
  for (const char *reason : {refusesPowers(op), refusesOthers(function, op)})
    if (reason) {
      op.emitError("the materialised kernel has no GPU kernel: ") << reason;
      return std::nullopt;
    }
  SmallVector<AffineMap> indexing = op.getIndexingMapsArray();
  TensorMaps maps;
  for (auto [value, map] :
       llvm::zip(SmallVector<Value>{op.getTransition(), op.getInput(),
                                    op.getOutput()},
                 indexing))
    maps.insert({value, map});
  maps.insert({op.getResult(), indexing.back()});
  Signature signature = describeTensors(function, maps, getStaticLoopSizes(op));
  Launch launch = emitPowers(b, parent, function, op, chip);
  launch.kernel = "powers";
  launch.reason = "it is the only one";
  launch.signature = std::move(signature);
  return launch;
}

static std::optional<Launch> lowerConvolution(OpBuilder &b,
                                              gpu::GPUModuleOp parent,
                                              func::FuncOp function,
                                              LongConvOp op, StringRef chip) {
  for (const char *reason :
       {refusesFFTConv(op, chip), refusesOthers(function, op)})
    if (reason) {
      op.emitError("the convolution has no GPU kernel: ") << reason;
      return std::nullopt;
    }
  ConvShape shape(op);
  TensorMaps maps;
  maps.insert({op.getSignal(), shape.signalMap});
  maps.insert({op.getKernel(), shape.kernelMap});
  maps.insert({op.getResult(), shape.resultMap});
  Signature signature = describeTensors(function, maps, shape.sizes);
  auto launch = emitConvolution(b, parent, function, shape, chip);
  if (!launch)
    return std::nullopt;
  launch->kernel = shape.hasMatrices ? "matrix_fft_conv" : "fft_conv";
  launch->reason = shape.hasMatrices ? "its strategy asks for matrices"
                                     : "it is the only one without matrices";
  launch->signature = std::move(signature);
  return launch;
}

/// Atomics of AMD's chips call the device an agent.
static void renameScopes(gpu::GPUModuleOp kernels) {
  kernels.walk([](Operation *op) {
    if (op->hasAttr("syncscope"))
      op->setAttr("syncscope", StringAttr::get(op->getContext(), "agent"));
  });
}

/// OpenCL's subgroups have any size, and ours are warps.
static void fixSubgroups(gpu::GPUModuleOp kernels) {
  OpBuilder b(kernels.getContext());
  for (auto kernel : kernels.getOps<gpu::GPUFuncOp>())
    kernel->setAttr("intel_reqd_sub_group_size", b.getI32IntegerAttr(kWarp));
}

/// The first op of its kind among a function's, or null.
template <typename OpTy>
static OpTy findOp(func::FuncOp function) {
  if (function.isExternal())
    return nullptr;
  auto ops = function.getBody().front().getOps<OpTy>();
  return ops.empty() ? nullptr : *ops.begin();
}

/// The first op that has no kernel in any function, or null.
static Operation *findWithoutKernel(func::FuncOp function) {
  Operation *found = findOp<NonlinearRecurrenceOp>(function);
  return found ? found : findOp<FFTOp>(function).getOperation();
}

/// Where an op is called from if it is written nowhere, as what is folded is:
/// debug information takes files for what is called.
static Location whereKnown(Location loc) {
  auto site = dyn_cast<CallSiteLoc>(loc);
  if (!site)
    return loc;
  Location callee = whereKnown(site.getCallee());
  Location caller = whereKnown(site.getCaller());
  return isa<UnknownLoc>(callee) ? caller
                                 : Location(CallSiteLoc::get(callee, caller));
}

namespace {
struct LowerToGPU : ::ssm::impl::LowerToGPUBase<LowerToGPU> {
  using LowerToGPUBase::LowerToGPUBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateDiscretizeLowering(set, /*compensates=*/false);
    populateHoistContractionsPatterns(set, /*timeLast=*/true);
    populateSliceProducersPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(applyPatternsGreedily(module, patterns)))
      return signalPassFailure();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    // Both directions of a layer have the product with B in common.
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(module);
    for (func::FuncOp function : functions)
      eliminateCommonSubExpressions(rewriter, dominance, function);
    OpBuilder b(module.getBodyRegion());
    b.setInsertionPointToEnd(module.getBody());
    auto kernels = gpu::GPUModuleOp::create(b, module.getLoc(), "kernels");
    SmallVector<Attribute> launches;
    for (func::FuncOp function : functions) {
      std::optional<Launch> launch;
      if (Operation *op = findWithoutKernel(function))
        op->emitOpError("has no GPU kernel; compile '")
            << function.getName() << "' for the CPU, without a target";
      else if (auto scan = findOp<AssociativeScanOp>(function))
        launch = lowerScan(b, kernels, function, scan, chip);
      else if (auto powers = findOp<MaterializeKernelOp>(function))
        launch = lowerPowers(b, kernels, function, powers, chip);
      else if (auto conv = findOp<LongConvOp>(function))
        launch = lowerConvolution(b, kernels, function, conv, chip);
      else if (hasStages(function))
        launch = lowerStages(b, kernels, function, chip);
      else
        launch = lowerRecurrence(b, {kernels, function}, chip);
      if (!launch)
        return signalPassFailure();
      launch->entry = function.getName().str();
      if (!isAMDChip(std::string_view(chip)))
        placeSharedMemory(kernels, *launch);
      launches.push_back(launch->toAttr(&getContext()));
      function.erase();
    }
    kernels.walk([](Operation *op) { op->setLoc(whereKnown(op->getLoc())); });
    if (isAMDChip(std::string_view(chip)))
      renameScopes(kernels);
    if (isSPIRVChip(std::string_view(chip)))
      fixSubgroups(kernels);
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                    b.getUnitAttr());
    module->setAttr(kLaunchesAttr, b.getArrayAttr(launches));
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
