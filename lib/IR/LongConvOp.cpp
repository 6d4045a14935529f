//===- LongConvOp.cpp - ssm.long_conv -------------------------------------===//
#include "Indexing.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> LongConvOp::getIndexedOperands() {
  return {getSignal(), getKernel()};
}

LogicalResult LongConvOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  ConstraintChecker check(loc, "long_conv");
  unsigned time = adaptor.getTime();
  if (failed(check.checkMaps(adaptor.getIndexingMaps(), 3, adaptor.getTime())))
    return failure();
  auto maps = llvm::to_vector(
      adaptor.getIndexingMaps().getAsValueRange<AffineMapAttr>());
  SmallVector<IndexedValue, 2> values = {
      {"signal", cast<RankedTensorType>(adaptor.getSignal().getType()),
       maps[0]},
      {"kernel", cast<RankedTensorType>(adaptor.getKernel().getType()),
       maps[1]}};
  if (failed(check.checkRanks(values)))
    return failure();
  StringRef names[] = {"signal", "kernel", "result"};
  for (auto [name, map] : llvm::zip(names, maps))
    if (!uses(map, time))
      return check.fail(2) << "the map of the " << name
                           << " must use the time dimension d" << time
                           << ", found " << printMap(map);
  if (failed(check.checkSizes(values, time, "kernel")) ||
      failed(check.checkPrecision(values)))
    return failure();
  if (maps[2].getNumResults() != maps[2].getNumDims())
    return check.fail(5) << "the result's map must cover all "
                         << maps[2].getNumDims() << " loop dimensions, found "
                         << printMap(maps[2]);
  if (failed(check.checkCovered(5, values)))
    return failure();

  Type signal = values[0].type.getElementType();
  Type kernel = values[1].type.getElementType();
  SmallVector<int64_t> sizes =
      collectSizes(values, maps[2].getNumDims(), "kernel", time);
  types.push_back(
      makeType(maps[2], sizes, isa<ComplexType>(signal) ? signal : kernel));
  return success();
}

/// c7: what products of matrices can compute.
static LogicalResult checkMatrix(LongConvOp op, const ConstraintChecker &check,
                                 StrategyAttr strategy) {
  Type real = getRealType(op.getType().getElementType());
  if (real.getIntOrFloatBitWidth() > 32)
    return check.fail(7) << "products of " << strategy.getMatrix()
                         << " matrices have two or three digits of the 15 of "
                         << real << "; leave matrix out, or take f32";
  int64_t length = op.getSignal().getType().getDimSize(
      *positionOf(op.getIndexingMapsArray()[0], op.getTime()));
  if (ShapedType::isDynamic(length) && strategy.getPoints() == 0)
    return check.fail(7) << "products of matrices need a signal of known "
                            "length; give points, or leave matrix out";
  return success();
}

/// Inference checks the operands; what is left is the rank of the result.
LogicalResult LongConvOp::verify() {
  SmallVector<Type> inferred;
  if (failed(inferReturnTypes(getContext(), getLoc(), *this, inferred)))
    return failure();
  ConstraintChecker check(getLoc(), "long_conv");
  if (failed(check.checkRanks({{"result", getType(), getResultMap(0)}})))
    return failure();
  StrategyAttr strategy = getStrategyAttr();
  if (strategy && strategy.getMatrix() &&
      failed(checkMatrix(*this, check, strategy)))
    return failure();
  if (!strategy || strategy.getPoints() == 0)
    return success();
  int64_t taps = getKernel().getType().getDimSize(
      *positionOf(getIndexingMapsArray()[1], getTime()));
  if (ShapedType::isDynamic(taps) && getDirection() != Direction::TwoSided)
    taps = strategy.getTaps() > 0 ? strategy.getTaps() : taps;
  if (ShapedType::isDynamic(taps))
    return check.fail(6) << "blocks of " << strategy.getPoints()
                         << " points need a kernel of known length; give taps, "
                            "or leave points out";
  if (taps > strategy.getPoints())
    return check.fail(6) << "blocks of " << strategy.getPoints()
                         << " points need a kernel that is not longer, found "
                         << taps << " taps";
  return success();
}

bool LongConvOp::isCompatibleReturnTypes(TypeRange lhs, TypeRange rhs) {
  return getElementTypeOrSelf(lhs[0]) == getElementTypeOrSelf(rhs[0]) &&
         succeeded(verifyCompatibleShape(lhs[0], rhs[0]));
}

LogicalResult
LongConvOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(applyMap(getResultMap(0), getLoopSizes(builder, *this)));
  return success();
}
