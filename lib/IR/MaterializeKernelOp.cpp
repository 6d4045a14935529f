//===- MaterializeKernelOp.cpp - ssm.materialize_kernel -------------------===//
#include "Indexing.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> MaterializeKernelOp::getIndexedOperands() {
  SmallVector<Value> operands = {getTransition(), getInput(), getOutput()};
  if (getLeft())
    operands.append({getLeft(), getRight()});
  return operands;
}

/// c8: as for a recurrence; the sum over the state leaves no row.
static LogicalResult checkMixing(MaterializeKernelOp op,
                                 const ConstraintChecker &check,
                                 ArrayRef<IndexedValue> operands,
                                 AffineMap resultMap) {
  // What transition, input and output use are dimensions of the state.
  SmallVector<AffineExpr> exprs;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    if (dim != op.getColumn() &&
        llvm::any_of(operands.take_front(3), [&](const IndexedValue &value) {
          return uses(value.map, dim);
        }))
      exprs.push_back(getAffineDimExpr(dim, op.getContext()));
  auto state = AffineMap::get(op.getNumLoops(), 0, exprs, op.getContext());
  if (failed(check.checkMixing({op.getRow(), op.getColumn(), 8, 8}, operands,
                               state, resultMap, op.getTimeDim())))
    return failure();
  if (op.getRow() && uses(resultMap, *op.getRow()))
    return check.fail(8) << "a kernel sums over the states that the transition "
                            "mixes: the result's map cannot use row d"
                         << *op.getRow() << ", found " << printMap(resultMap);
  return success();
}

LogicalResult MaterializeKernelOp::verify() {
  ConstraintChecker check(getLoc(), "materialize_kernel");
  if (failed(check.checkMaps(getIndexingMaps(), getLeft() ? 6 : 4, getTime())))
    return failure();
  unsigned lag = getTimeDim();
  auto maps = getIndexingMapsArray();
  AffineMap resultMap = maps.back();
  SmallVector<IndexedValue, 6> values = {
      {"transition", getTransition().getType(), maps[0]},
      {"input", getInput().getType(), maps[1]},
      {"output", getOutput().getType(), maps[2]}};
  if (getLeft()) {
    values.push_back({"p", getLeft().getType(), maps[3]});
    values.push_back({"q", getRight().getType(), maps[4]});
  }
  values.push_back({"result", getType(), resultMap});
  ArrayRef<IndexedValue> operands = ArrayRef(values).drop_back();
  if (failed(check.checkRanks(values)))
    return failure();
  if (!uses(resultMap, lag))
    return check.fail(2) << "the result's map must use the lag dimension d"
                         << lag << ", found " << printMap(resultMap);
  for (const IndexedValue &value : operands)
    if (uses(value.map, lag))
      return check.fail(2) << "a kernel exists only if transition, input and "
                              "output are time-invariant: the map of "
                           << value.name << " uses the lag dimension d" << lag;
  if (failed(check.checkSizes(values, lag)) ||
      failed(check.checkPrecision(
          "result", getRealType(getType().getElementType()), operands)))
    return failure();
  if (failed(check.checkCovered(5, operands, lag)))
    return failure();

  if (failed(checkMixing(*this, check, operands, resultMap)))
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
  bool dynamicLag = getType().isDynamicDim(*positionOf(resultMap, lag));
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
