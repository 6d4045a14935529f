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
  LinearRecurrenceOp::Dims dims = op.getDims();
  auto isLineOrConstant = [&](AffineMap map) {
    return !uses(map, op.getTime()) || isLine(op, map);
  };
  return op.isDiagonal() && dims.state.empty() && dims.input.empty() &&
         dims.output.empty() && op.getNumerics() == Numerics::Norm &&
         isLine(op, op.getSignalMap()) &&
         isLine(op, op.getResultIndexingMap()) &&
         isLineOrConstant(op.getTransitionMap()) &&
         (!op.getInput() || isLineOrConstant(op.getInputIndexingMap())) &&
         (!op.getOutput() || isLineOrConstant(op.getOutputIndexingMap()));
}
