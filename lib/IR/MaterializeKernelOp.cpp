//===- MaterializeKernelOp.cpp - ssm.materialize_kernel -------------------===//
#include "Indexing.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> MaterializeKernelOp::getIndexedOperands() {
  return {getTransition(), getInput(), getOutput()};
}

LogicalResult MaterializeKernelOp::verify() {
  ConstraintChecker check(getLoc(), "materialize_kernel");
  if (failed(check.checkMaps(getIndexingMaps(), 4, getTime())))
    return failure();
  unsigned lag = getTimeDim();
  auto maps = getIndexingMapsArray();
  SmallVector<IndexedValue, 4> values = {
      {"transition", getTransition().getType(), maps[0]},
      {"input", getInput().getType(), maps[1]},
      {"output", getOutput().getType(), maps[2]},
      {"result", getType(), maps[3]}};
  ArrayRef<IndexedValue> operands = ArrayRef(values).drop_back();
  if (failed(check.checkRanks(values)))
    return failure();
  if (!uses(maps[3], lag))
    return check.fail(2) << "the result's map must use the lag dimension d"
                         << lag << ", found " << printMap(maps[3]);
  for (const IndexedValue &value : operands)
    if (uses(value.map, lag))
      return check.fail(2) << "a kernel exists only if transition, input and "
                              "output are time-invariant: the map of "
                           << value.name << " uses the lag dimension d" << lag;
  if (failed(check.checkSizes(values, lag)) ||
      failed(check.checkPrecision(values)))
    return failure();
  if (failed(check.checkCovered(5, operands, lag)))
    return failure();

  bool anyComplex = llvm::any_of(operands, [](const IndexedValue &value) {
    return isa<ComplexType>(value.type.getElementType());
  });
  bool projected = getProjection() != Projection::None;
  if (projected && !anyComplex)
    return check.fail(6) << "projection "
                         << stringifyProjection(getProjection())
                         << " takes the real part of a complex kernel, but all "
                            "operands are real; use projection<none>";
  if (isa<ComplexType>(getType().getElementType()) !=
      (anyComplex && !projected))
    return check.fail(4) << "the result must be "
                         << (anyComplex && !projected ? "complex" : "real")
                         << ", found " << getType();
  bool dynamicLag = getType().isDynamicDim(*positionOf(maps[3], lag));
  if (dynamicLag != bool(getLength()))
    return check.fail(7)
           << "length is given if and only if the lag is dynamic: "
           << (dynamicLag ? "it is missing for " : "it is superfluous for ")
           << getType();
  return success();
}

LogicalResult
MaterializeKernelOp::reifyResultShapes(OpBuilder &builder,
                                       ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes = getLoopSizes(builder, *this);
  if (getLength())
    sizes[getTime()] = getLength();
  shapes.push_back(applyMap(getResultMap(0), sizes));
  return success();
}
