//===- FFTOp.cpp - ssm.fft and the generated op definitions ---------------===//
#include "Indexing.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

static bool hasComplex(Value value) {
  return isa<ComplexType>(getElementTypeOrSelf(value));
}

int64_t FFTOp::getPoints() {
  Value longer = hasComplex(getOperand()) ? getResult() : getOperand();
  return cast<RankedTensorType>(longer.getType()).getDimSize(getDimension());
}

/// fft_c4: all sizes but that along the dimension, whose is `half` where the
/// other tensor is real.
static LogicalResult checkShapes(FFTOp op, const ConstraintChecker &check) {
  auto operand = cast<RankedTensorType>(op.getOperand().getType());
  RankedTensorType result = op.getType();
  if (operand.getRank() != result.getRank())
    return check.fail(4) << "operand and result must have the same rank, found "
                         << operand << " and " << result;
  int64_t dimension = op.getDimension(), points = op.getPoints();
  for (int64_t dim = 0; dim < operand.getRank(); ++dim)
    if (dim != dimension && operand.getDimSize(dim) != result.getDimSize(dim))
      return check.fail(4)
             << "operand and result must have the same size along dimension "
             << dim << ", found " << operand << " and " << result;
  bool isHalf = hasComplex(op.getOperand()) != hasComplex(op.getResult());
  int64_t expected = isHalf ? points / 2 + 1 : points;
  RankedTensorType other = hasComplex(op.getOperand()) ? operand : result;
  if (other.getDimSize(dimension) != expected)
    return check.fail(4) << "the complex numbers along dimension " << dimension
                         << " of a transform of " << points
                         << " points must be " << expected
                         << (isHalf ? " (n/2 + 1)" : "") << ", found " << other;
  return success();
}

LogicalResult FFTOp::verify() {
  ConstraintChecker check(getLoc(), "fft");
  auto operand = cast<RankedTensorType>(getOperand().getType());
  if (getDimension() >= static_cast<uint64_t>(operand.getRank()))
    return check.fail(1) << "dimension must be one of the " << operand.getRank()
                         << " dimensions of " << operand << ", found "
                         << static_cast<int64_t>(getDimension());
  Type from = operand.getElementType(), to = getType().getElementType();
  if (getRealType(from) != getRealType(to) ||
      (!hasComplex(getOperand()) && !hasComplex(getResult())))
    return check.fail(3) << "operand and result must be of one precision and "
                            "one of them complex, found "
                         << operand << " and " << getType();
  if (getType().getRank() == operand.getRank()) {
    constexpr int64_t kMaxPoints = int64_t(1) << 31;
    int64_t points = getPoints();
    if (ShapedType::isDynamic(points) || points < 1 || points > kMaxPoints)
      return check.fail(2)
             << "the transformed dimension must have a static size of 1 to "
             << kMaxPoints << " points, found "
             << (hasComplex(getOperand()) ? getType() : operand)
             << " along dimension " << getDimension()
             << (ShapedType::isDynamic(points)
                     ? "; tensor.cast to the size, one transform for each"
                     : "");
  }
  return checkShapes(*this, check);
}

LogicalResult FFTOp::reifyResultShapes(OpBuilder &builder,
                                       ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(builder, getLoc(), getOperand()));
  shapes[0][getDimension()] =
      builder.getIndexAttr(getType().getDimSize(getDimension()));
  return success();
}

/// A transform of one point is the point.
OpFoldResult FFTOp::fold(FoldAdaptor) {
  if (getPoints() == 1 && getOperand().getType() == getType())
    return getOperand();
  return {};
}

/// "T" for a transform between tensors of one type, else "T -> U".
static ParseResult parseFFTTypes(OpAsmParser &parser, Type &operand,
                                 Type &result) {
  if (parser.parseType(operand))
    return failure();
  result = operand;
  if (failed(parser.parseOptionalArrow()))
    return success();
  return parser.parseType(result);
}

static void printFFTTypes(OpAsmPrinter &printer, Operation *, Type operand,
                          Type result) {
  printer << operand;
  if (operand != result)
    printer << " -> " << result;
}

#define GET_OP_CLASSES
#include "ssm/IR/SSMOps.cpp.inc"
