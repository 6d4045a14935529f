//===- Producer.cpp - Elementwise producers of operands -------------------===//
#include "Producer.h"

#include "Labelled.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

static bool isElementwise(linalg::GenericOp op) {
  if (op.getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getIndexingMapsArray().back().isPermutation() ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return false;
  for (Operation &nested : op.getBlock()->without_terminator())
    if (isa<linalg::IndexOp>(nested) || nested.getNumRegions())
      return false;
  return llvm::none_of(op->getOperands(), hasComplexElements);
}

/// Asking for a size is no use: it folds to that of an operand.
static bool hasOneReader(Value value) {
  return llvm::count_if(value.getUsers(), [](Operation *user) {
           return !isa<tensor::DimOp>(user);
         }) == 1;
}

Producer ssm::findProducer(Value value, AffineMap map) {
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (!op || !hasOneReader(value) || !isElementwise(op))
    return {};
  AffineMap result = op.getIndexingMapsArray().back();
  SmallVector<AffineExpr> loops(result.getNumDims());
  for (auto [loop, expr] : llvm::zip_equal(dimsOf(result), map.getResults()))
    loops[loop] = expr;
  Producer producer{op, {}};
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap inputMap = op.getMatchingIndexingMap(input);
    if (!inputMap.isProjectedPermutation())
      return {};
    bool used = isa<RankedTensorType>(input->get().getType()) &&
                op.payloadUsesValueFromOperand(input);
    SmallVector<AffineExpr> exprs;
    for (unsigned loop : dimsOf(inputMap))
      exprs.push_back(loops[loop]);
    producer.maps.push_back(
        used ? AffineMap::get(map.getNumDims(), 0, exprs, map.getContext())
             : AffineMap());
  }
  return producer;
}
