//===- Sides.cpp - The taps of a convolution by side ----------------------===//
#include "ssm/Utils/Sides.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

Sides Sides::of(OpBuilder &b, LongConvOp op) {
  Location loc = op.getLoc();
  unsigned lag = *positionOf(op.getIndexingMapsArray()[1], op.getTimeDim());
  OpFoldResult taps = tensor::getMixedSize(b, loc, op.getKernel(), lag);
  if (op.getDirection() != Direction::TwoSided)
    return {taps, b.getIndexAttr(0)};
  AffineExpr count = b.getAffineSymbolExpr(0);
  return {affine(b, loc, count.ceilDiv(2), taps),
          affine(b, loc, count.floorDiv(2), taps)};
}
