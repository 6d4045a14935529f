//===- FFTOp.cpp - ssm.fft and the generated op definitions ---------------===//
#include "Indexing.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace ssm;

LogicalResult FFTOp::verify() {
  ConstraintChecker check(getLoc(), "fft");
  if (getDimension() >= static_cast<uint64_t>(getType().getRank()))
    return check.fail(1) << "dimension must be one of the "
                         << getType().getRank() << " dimensions of "
                         << getType() << ", found "
                         << static_cast<int64_t>(getDimension());
  int64_t size = getType().getDimSize(getDimension());
  if (ShapedType::isDynamic(size) || !llvm::isPowerOf2_64(size))
    return check.fail(2)
           << "the transformed dimension must have a static size that is a "
              "power of two, found "
           << getType() << " along dimension " << getDimension();
  return success();
}

/// A transform of one point is the point.
OpFoldResult FFTOp::fold(FoldAdaptor) {
  if (getType().getDimSize(getDimension()) == 1)
    return getOperand();
  return {};
}

#define GET_OP_CLASSES
#include "ssm/IR/SSMOps.cpp.inc"
