//===- LowerToGPU.cpp - A GPU kernel for each recurrence ------------------===//
#include "Kernel.h"
#include "ssm/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace ssm {
#define GEN_PASS_DEF_LOWERTOGPU
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// The recurrence that is all that a function does, or null after an error.
static LinearRecurrenceOp findRecurrence(func::FuncOp function) {
  auto refuse = [&](Location loc, const Twine &found) -> LinearRecurrenceOp {
    emitError(loc) << "a function for a GPU must be one ssm.linear_recurrence "
                      "of its arguments, but '"
                   << function.getName() << "' " << found
                   << "; put the recurrence into a function of its own";
    return nullptr;
  };
  if (function.isExternal())
    return refuse(function.getLoc(), "has no body");
  Block &body = function.getBody().front();
  auto op = dyn_cast<LinearRecurrenceOp>(body.front());
  if (!op)
    return refuse(body.front().getLoc(),
                  "starts with " + body.front().getName().getStringRef());
  if (!llvm::hasNItems(body, 2))
    return refuse(op->getNextNode()->getLoc(),
                  "has more ops, such as " +
                      op->getNextNode()->getName().getStringRef());
  ValueRange results = body.getTerminator()->getOperands();
  SmallPtrSet<Value, 2> distinct(results.begin(), results.end());
  bool own =
      llvm::all_of(results, [&](Value v) { return v.getDefiningOp() == op; });
  if (!own || distinct.size() != results.size() || results.empty())
    return refuse(body.getTerminator()->getLoc(),
                  "returns something else than its results, each once");
  if (const char *reason = refusesChannelScan(op)) {
    op.emitError("the recurrence has no GPU kernel: ") << reason;
    return nullptr;
  }
  return op;
}

static DictionaryAttr describe(Builder &b, StringRef name,
                               const GPUScanPlan &plan, const Launch &launch) {
  auto number = [&](StringRef field, int64_t value) {
    return b.getNamedAttr(field, b.getI64IntegerAttr(value));
  };
  auto text = [&](StringRef field, StringRef value) {
    return b.getNamedAttr(field, b.getStringAttr(value));
  };
  SmallVector<Attribute> grid;
  for (const GridFactor &factor : launch.grid)
    grid.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("elements", b.getDenseI64ArrayAttr(factor.elements)),
         number("per_block", factor.perBlock), number("least", factor.least)}));
  return b.getDictionaryAttr(
      {text("entry", name), text("kernel", stringify(plan.kernel)),
       text("reason", plan.reason), number("block", launch.threads),
       b.getNamedAttr("grid", b.getArrayAttr(grid)),
       number("workspace_bytes", launch.workspaceBytes),
       number("workspace_bytes_per_block", launch.workspaceBytesPerBlock)});
}

namespace {
struct LowerToGPU : ::ssm::impl::LowerToGPUBase<LowerToGPU> {
  using LowerToGPUBase::LowerToGPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    OpBuilder b(module.getBodyRegion());
    b.setInsertionPointToEnd(module.getBody());
    auto kernels = gpu::GPUModuleOp::create(b, module.getLoc(), "kernels");
    SmallVector<Attribute> launches;
    for (func::FuncOp function : functions) {
      LinearRecurrenceOp op = findRecurrence(function);
      if (!op)
        return signalPassFailure();
      GPUScanPlan plan = selectKernel(op, chip);
      Launch launch = emitKernel(b, kernels, function, op, plan);
      launches.push_back(describe(b, function.getName(), plan, launch));
      function.erase();
    }
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                    b.getUnitAttr());
    module->setAttr(kLaunchesAttr, b.getArrayAttr(launches));
  }
};
} // namespace
