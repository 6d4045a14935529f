//===- LoopRanges.cpp - Sizes of a linalg op's loops ----------------------===//
#include "ssm/Utils/LoopRanges.h"

using namespace mlir;

SmallVector<OpFoldResult> ssm::getLoopSizes(OpBuilder &b,
                                            linalg::GenericOp op) {
  auto loops = cast<linalg::LinalgOp>(op.getOperation());
  return llvm::map_to_vector(loops.createLoopRanges(b, op.getLoc()),
                             [](Range range) { return range.size; });
}
