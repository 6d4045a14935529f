//===- UnshareFills.cpp - One initial value for each destination ----------===//
//
// Before: %zero = linalg.fill ins(%c0) outs(%empty)
//         %x = linalg.matmul ins(...) outs(%zero)
//         %y = linalg.matmul ins(...) outs(%zero)
// After:  %zero0 = linalg.fill ..., %zero1 = linalg.fill ...
//
// Common subexpression elimination makes the first form. It costs a copy, and
// upstream's empty tensor elimination breaks it: it lets %x start in the memory
// that x is stored to, without seeing that %y then starts there as well.
//
//===----------------------------------------------------------------------===//
#include "ssm/Pipelines/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace ssm {
#define GEN_PASS_DEF_UNSHAREFILLS
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Whether the op computes one tensor from scalars and vectors only.
static bool isFill(DestinationStyleOpInterface op) {
  if (op->getNumResults() != 1 ||
      !isa<RankedTensorType>(op->getResult(0).getType()))
    return false;
  return llvm::all_of(op->getOpOperands(), [](OpOperand &operand) {
    return !isa<RankedTensorType>(operand.get().getType()) ||
           operand.get().getDefiningOp<tensor::EmptyOp>();
  });
}

/// Whether the user may compute in the operand's memory.
static bool mayOverwrite(OpOperand &use) {
  auto user = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
  return !user || user.isDpsInit(&use);
}

namespace {
struct UnshareFills : ::ssm::impl::UnshareFillsBase<UnshareFills> {
  void runOnOperation() override {
    SmallVector<DestinationStyleOpInterface> fills;
    getOperation()->walk([&](DestinationStyleOpInterface op) {
      if (isFill(op) && !op->getResult(0).hasOneUse())
        fills.push_back(op);
    });
    for (DestinationStyleOpInterface op : fills) {
      OpBuilder builder(op);
      SmallVector<OpOperand *> uses;
      for (OpOperand &use : op->getResult(0).getUses())
        if (mayOverwrite(use))
          uses.push_back(&use);
      for (OpOperand *use : ArrayRef(uses).drop_front(!uses.empty()))
        use->set(builder.clone(*op)->getResult(0));
    }
  }
};
} // namespace
