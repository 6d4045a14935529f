//===- Lines.cpp - Steps that lie side by side ----------------------------===//
#include "ssm/IR/Lines.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;
using namespace ssm;

bool ssm::isLine(LinearRecurrenceOp op, AffineMap map) {
  std::optional<unsigned> at = positionOf(map, op.getTime());
  if (!at)
    return false;
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  return llvm::all_of(ArrayRef(dimsOf(map)).drop_front(*at + 1),
                      [&](unsigned dim) { return sizes[dim] == 1; });
}

bool ssm::scansLines(LinearRecurrenceOp op) {
  AffineMap transition = op.getTransitionMap();
  return op.isDiagonal() && !op.getInput() && !op.getOutput() &&
         op.getDims().state.empty() && op.getNumerics() == Numerics::Norm &&
         isLine(op, op.getSignalMap()) &&
         isLine(op, op.getResultIndexingMap()) &&
         (!uses(transition, op.getTime()) || isLine(op, transition));
}
