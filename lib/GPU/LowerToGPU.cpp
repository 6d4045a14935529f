//===- LowerToGPU.cpp - A GPU kernel for each function --------------------===//
#include "FFTConv.h"
#include "Pointwise.h"
#include "Powers.h"
#include "Row.h"
#include "ssm/GPU/Passes.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_LOWERTOGPU
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// The recurrence of a function and what is computed around it; nothing after
/// an error.
static std::optional<FusedRecurrence> findRecurrence(func::FuncOp function,
                                                     StringRef chip) {
  auto refuse = [&](Location loc,
                    const Twine &found) -> std::optional<FusedRecurrence> {
    emitError(loc) << "a function for a GPU must be one ssm.linear_recurrence "
                      "with elementwise ops around it, but '"
                   << function.getName() << "' " << found
                   << "; put the recurrence into a function of its own";
    return std::nullopt;
  };
  if (function.isExternal())
    return refuse(function.getLoc(), "has no body");
  Block &body = function.getBody().front();
  for (BlockArgument arg : body.getArguments())
    if (!isa<RankedTensorType>(arg.getType()) || arg.use_empty())
      return refuse(arg.getLoc(), "has an argument that is no tensor, or that "
                                  "nothing reads");
  auto ops = llvm::to_vector(body.getOps<LinearRecurrenceOp>());
  if (ops.size() != 1)
    return refuse(function.getLoc(),
                  ops.empty() ? "has none" : "has more than one");
  FusedRecurrence fused{ops.front(), {}};
  LinearRecurrenceOp op = fused.op;
  SmallPtrSet<Value, 4> distinct;
  for (Value value : body.getTerminator()->getOperands()) {
    if (!distinct.insert(value).second)
      return refuse(body.getTerminator()->getLoc(), "returns a value twice");
    if (value == op.getFinal())
      continue;
    auto map = findResultMap(value, op);
    if (!map)
      return refuse(body.getTerminator()->getLoc(),
                    "returns something that is not computed elementwise from "
                    "the recurrence's result");
    fused.results.push_back({value, *map});
  }
  if (distinct.empty())
    return refuse(body.getTerminator()->getLoc(), "returns nothing");
  for (const Mapped &source : fused.sources()) {
    Value last;
    if (const char *reason =
            walkProducers(source, [&](Mapped value) { last = value.tensor; }))
      return refuse(last.getLoc(),
                    Twine("has ") + reason + ", '" +
                        last.getDefiningOp()->getName().getStringRef() + "'");
  }
  if (const char *reason = refusesKernels(fused, chip)) {
    op.emitError("the recurrence has no GPU kernel: ") << reason;
    return std::nullopt;
  }
  return fused;
}

using Maps = llvm::SmallMapVector<Value, AffineMap, 8>;

/// What the function takes and returns, by the loop dimensions of its tensors.
/// Symbols are numbered as the dynamic ones are.
static Signature describeTensors(func::FuncOp function, const Maps &maps,
                                 ArrayRef<int64_t> sizes) {
  SmallVector<DimSpec> dims;
  for (int64_t size : sizes) {
    int symbol = llvm::count_if(dims, [](DimSpec d) { return !d.isStatic(); });
    dims.push_back(ShapedType::isDynamic(size) ? DimSpec{0, symbol}
                                               : DimSpec{size, -1});
  }
  auto describe = [&](Value value, const Twine &name) {
    TensorSpec spec{name.str(), getElementTypeOrSelf(value.getType()), {}};
    for (unsigned dim : dimsOf(maps.lookup(value)))
      spec.shape.push_back(dims[dim]);
    return spec;
  };
  Signature signature;
  for (BlockArgument arg : function.getArguments())
    signature.inputs.push_back(describe(arg, "a" + Twine(arg.getArgNumber())));
  Operation *back = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(back->getOperands()))
    signature.outputs.push_back(describe(value, "r" + Twine(i)));
  return signature;
}

static std::optional<Launch> lowerRecurrence(OpBuilder &b,
                                             gpu::GPUModuleOp parent,
                                             func::FuncOp function,
                                             StringRef chip) {
  auto fused = findRecurrence(function, chip);
  if (!fused)
    return std::nullopt;
  LinearRecurrenceOp op = fused->op;
  Maps maps;
  for (const Mapped &source : fused->sources())
    walkProducers(
        source, [&](Mapped value) { maps.insert({value.tensor, value.map}); });
  maps.insert({op.getFinal(), op.getFinalIndexingMap()});
  GPUScanPlan plan = selectKernel(*fused, chip);
  Signature signature = describeTensors(function, maps, getStaticLoopSizes(op));
  Launch launch = emitKernel(b, parent, function, *fused, plan);
  launch.kernel = stringify(plan.kernel);
  launch.reason = plan.reason;
  launch.signature = std::move(signature);
  return launch;
}

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
  Maps maps;
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  for (Value input : op.getInputs())
    maps.insert({input, map});
  for (Value result : op->getResults())
    maps.insert({result, map});
  GPUScanPlan plan = selectKernel(op, chip);
  Signature signature = describeTensors(function, maps, type.getShape());
  Launch launch = emitKernel(b, parent, function, op, plan);
  launch.kernel = stringify(plan.kernel);
  launch.reason = plan.reason;
  launch.signature = std::move(signature);
  return launch;
}

static std::optional<Launch> lowerPowers(OpBuilder &b, gpu::GPUModuleOp parent,
                                         func::FuncOp function,
                                         MaterializeKernelOp op) {
  for (const char *reason : {refusesPowers(op), refusesOthers(function, op)})
    if (reason) {
      op.emitError("the materialised kernel has no GPU kernel: ") << reason;
      return std::nullopt;
    }
  SmallVector<AffineMap> indexing = op.getIndexingMapsArray();
  Maps maps;
  for (auto [value, map] :
       llvm::zip(SmallVector<Value>{op.getTransition(), op.getInput(),
                                    op.getOutput()},
                 indexing))
    maps.insert({value, map});
  maps.insert({op.getResult(), indexing.back()});
  Signature signature = describeTensors(function, maps, getStaticLoopSizes(op));
  Launch launch = emitPowers(b, parent, function, op);
  launch.kernel = "powers";
  launch.reason = "it is the only one";
  launch.signature = std::move(signature);
  return launch;
}

static std::optional<Launch> lowerConvolution(OpBuilder &b,
                                              gpu::GPUModuleOp parent,
                                              func::FuncOp function,
                                              LongConvOp op, StringRef chip) {
  for (const char *reason : {refusesFFTConv(op), refusesOthers(function, op)})
    if (reason) {
      op.emitError("the convolution has no GPU kernel: ") << reason;
      return std::nullopt;
    }
  ConvShape shape(op);
  Maps maps;
  maps.insert({op.getSignal(), shape.signalMap});
  maps.insert({op.getKernel(), shape.kernelMap});
  maps.insert({op.getResult(), shape.resultMap});
  Signature signature = describeTensors(function, maps, shape.sizes);
  auto launch = emitConvolution(b, parent, function, shape, chip);
  if (!launch)
    return std::nullopt;
  launch->kernel = "fft_conv";
  launch->reason = "it is the only one";
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

static bool isNVIDIA(StringRef chip) {
  std::string_view name(chip);
  return !isAMDChip(name) && !isSPIRVChip(name);
}

/// OpenCL's subgroups have any size, and ours are warps.
static void fixSubgroups(gpu::GPUModuleOp kernels) {
  OpBuilder b(kernels.getContext());
  for (auto kernel : kernels.getOps<gpu::GPUFuncOp>())
    kernel->setAttr("intel_reqd_sub_group_size", b.getI32IntegerAttr(kWarp));
}

/// A scan is fast with 16 warps on a multiprocessor, as its loads are far ahead
/// of their use: 128 registers a thread. One of columns has more under way in
/// each thread, and is fast with 8. Left alone, ptxas would rather spill on
/// some chips, for more warps.
static void allowRegisters(gpu::GPUModuleOp kernels, const Launch &launch) {
  bool hasColumns = launch.kernel == stringify(GPUScanPlan::Kernel::ColumnScan);
  int64_t threads = (hasColumns ? 8 : 16) * kWarp;
  auto kernel = kernels.lookupSymbol<gpu::GPUFuncOp>(launch.entry);
  kernel->setAttr(
      NVVM::NVVMDialect::getMinctasmAttrName(),
      OpBuilder(kernel).getI32IntegerAttr(threads / launch.threads));
}

static bool isScan(const Launch &launch) {
  using Kind = GPUScanPlan::Kernel;
  for (Kind kind :
       {Kind::ChannelScan, Kind::RowScan, Kind::ColumnScan, Kind::LookBack})
    if (launch.kernel == stringify(kind))
      return true;
  return false;
}

/// The first op of its kind among a function's, or null.
template <typename OpTy>
static OpTy findOp(func::FuncOp function) {
  if (function.isExternal())
    return nullptr;
  auto ops = function.getBody().front().getOps<OpTy>();
  return ops.empty() ? nullptr : *ops.begin();
}

namespace {
struct LowerToGPU : ::ssm::impl::LowerToGPUBase<LowerToGPU> {
  using LowerToGPUBase::LowerToGPUBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateDiscretizeLowering(set, /*compensates=*/false);
    discretizations = std::move(set);
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(applyPatternsGreedily(module, discretizations)))
      return signalPassFailure();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    OpBuilder b(module.getBodyRegion());
    b.setInsertionPointToEnd(module.getBody());
    auto kernels = gpu::GPUModuleOp::create(b, module.getLoc(), "kernels");
    SmallVector<Attribute> launches;
    for (func::FuncOp function : functions) {
      std::optional<Launch> launch;
      if (auto scan = findOp<AssociativeScanOp>(function))
        launch = lowerScan(b, kernels, function, scan, chip);
      else if (auto powers = findOp<MaterializeKernelOp>(function))
        launch = lowerPowers(b, kernels, function, powers);
      else if (auto conv = findOp<LongConvOp>(function))
        launch = lowerConvolution(b, kernels, function, conv, chip);
      else
        launch = lowerRecurrence(b, kernels, function, chip);
      if (!launch)
        return signalPassFailure();
      launch->entry = function.getName().str();
      if (isScan(*launch) && isNVIDIA(chip))
        allowRegisters(kernels, *launch);
      launches.push_back(launch->toAttr(&getContext()));
      function.erase();
    }
    if (isAMDChip(std::string_view(chip)))
      renameScopes(kernels);
    if (isSPIRVChip(std::string_view(chip)))
      fixSubgroups(kernels);
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                    b.getUnitAttr());
    module->setAttr(kLaunchesAttr, b.getArrayAttr(launches));
  }

  FrozenRewritePatternSet discretizations;
};
} // namespace
