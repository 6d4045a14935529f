//===- RowReduction.cpp - Reductions of contiguous rows -------------------===//
#include "ssm/Analysis/RowReduction.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

Operation *findCombiner(linalg::GenericOp op) {
  SmallVector<Operation *> combiners;
  if (op.getNumDpsInits() != 1 || op.hasIndexSemantics() ||
      !matchReduction(op.getRegionOutputArgs(), 0, combiners) ||
      combiners.size() != 1 || !arith::getNeutralElement(combiners[0]))
    return nullptr;
  bool rounds = isa<arith::AddFOp, arith::MulFOp>(combiners[0]);
  auto flags = dyn_cast<arith::ArithFastMathInterface>(combiners[0]);
  bool mayReorder = !rounds || arith::bitEnumContainsAll(
                                   flags.getFastMathFlagsAttr().getValue(),
                                   arith::FastMathFlags::reassoc);
  return mayReorder ? combiners[0] : nullptr;
}

bool reducesRows(linalg::GenericOp op) {
  unsigned last = op.getNumLoops() - 1;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (!op.hasPureTensorSemantics() || op.getNumResults() != 1 ||
      reductions != SmallVector<unsigned>{last} || !findCombiner(op))
    return false;
  bool isRead = false;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    if (!isa<RankedTensorType>(input->get().getType()) ||
        !map.isProjectedPermutation())
      return false;
    if (!map.isFunctionOfDim(last))
      continue;
    isRead = true;
    if (cast<AffineDimExpr>(map.getResults().back()).getPosition() != last)
      return false;
  }
  return isRead && op.getMatchingIndexingMap(op.getDpsInitOperand(0))
                       .isProjectedPermutation();
}

Value combine(OpBuilder &b, Operation *combiner, Value x, Value y) {
  OperationState state(combiner->getLoc(), combiner->getName(),
                       ValueRange{x, y}, x.getType(), combiner->getAttrs());
  state.propertiesAttr = combiner->getPropertiesAsAttribute();
  return b.create(state)->getResult(0);
}

} // namespace ssm
