//===- HoistAssertions.cpp - Check assertions before anything else --------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace ssm {
#define GEN_PASS_DEF_HOISTASSERTIONS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Moves `op` to the end of what has been hoisted, which ends before `rest`.
static void hoist(Operation *op, Operation *&rest) {
  if (op == rest)
    rest = op->getNextNode();
  else if (rest->isBeforeInBlock(op))
    op->moveBefore(rest);
}

/// Hoists the assertion after everything that its condition is computed from.
static LogicalResult hoistWithCondition(cf::AssertOp assertion,
                                        Operation *&rest) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.omitUsesFromAbove = false;
  options.inclusive = true;
  if (failed(getBackwardSlice(assertion.getArg(), &slice, options)))
    return assertion.emitError("the condition of an assertion must be computed "
                               "in the function that asserts it");
  for (Operation *op : slice) {
    if (!isMemoryEffectFree(op))
      return assertion.emitError(
                 "the condition of an assertion must be computed without side "
                 "effects, but '")
             << op->getName() << "' has some";
    hoist(op, rest);
  }
  hoist(assertion, rest);
  return success();
}

namespace {
struct HoistAssertions : ::ssm::impl::HoistAssertionsBase<HoistAssertions> {
  void runOnOperation() override {
    SmallVector<cf::AssertOp> assertions;
    getOperation().walk([&](cf::AssertOp op) { assertions.push_back(op); });
    if (assertions.empty())
      return;
    Block &entry = getOperation().front();
    Operation *rest = &entry.front();
    for (cf::AssertOp assertion : assertions) {
      if (assertion->getBlock() != &entry) {
        assertion.emitError("an assertion must stand in the body of its "
                            "function, where it is checked before anything is "
                            "written, but this one is inside '")
            << assertion->getParentOp()->getName()
            << "'; reduce the conditions to one and assert that";
        return signalPassFailure();
      }
      if (failed(hoistWithCondition(assertion, rest)))
        return signalPassFailure();
    }
  }
};
} // namespace
