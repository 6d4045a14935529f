//===- AssociativeScanOp.cpp - ssm.associative_scan -----------------------===//
#include "Indexing.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

LogicalResult AssociativeScanOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getInputs().getTypes());
  return success();
}

LogicalResult AssociativeScanOp::verify() {
  ConstraintChecker check(getLoc(), "associative_scan");
  if (getInputs().empty())
    return check.fail(1) << "scans a tuple of at least one tensor, found none";
  auto first = cast<RankedTensorType>(getInputs()[0].getType());
  for (Value input : getInputs().drop_front())
    if (cast<RankedTensorType>(input.getType()).getShape() != first.getShape())
      return check.fail(1) << "all inputs must have the same shape, found "
                           << first << " and " << input.getType();
  if (getDimension() >= static_cast<uint64_t>(first.getRank()))
    return check.fail(2) << "dimension must be one of the " << first.getRank()
                         << " dimensions of the inputs, found "
                         << static_cast<int64_t>(getDimension());
  if (getExclusive() && getIdentity().empty())
    return check.fail(3) << "an exclusive scan starts with the identity; give "
                            "identity(...)";
  if (!getIdentity().empty() && getIdentity().size() != getInputs().size())
    return check.fail(3) << "identity needs one scalar per input: expected "
                         << getInputs().size() << ", found "
                         << getIdentity().size();
  for (auto [input, scalar] : llvm::zip(getInputs(), getIdentity()))
    if (cast<RankedTensorType>(input.getType()).getElementType() !=
        scalar.getType())
      return check.fail(3) << "identity has the inputs' element types, found "
                           << scalar.getType() << " for " << input.getType();
  return success();
}

LogicalResult AssociativeScanOp::verifyRegions() {
  ConstraintChecker check(getLoc(), "associative_scan");
  SmallVector<Type> tuple;
  for (Value input : getInputs())
    tuple.push_back(cast<RankedTensorType>(input.getType()).getElementType());
  SmallVector<Type> pair(tuple);
  pair.append(tuple);
  Block &body = getCombiner().front();
  if (TypeRange(body.getArgumentTypes()) != TypeRange(pair))
    return check.fail(4) << "the combiner takes the left and then the right "
                            "tuple: expected arguments of types ("
                         << pair << "), found (" << body.getArgumentTypes()
                         << ')';
  Operation &last = body.back();
  if (!isa<YieldOp>(last) || last.getOperandTypes() != TypeRange(tuple))
    return check.fail(4)
           << "the combiner must end with ssm.yield of the tuple (" << tuple
           << "), found " << last.getName() << " of (" << last.getOperandTypes()
           << ')';
  return success();
}

/// An inclusive scan over one position is its input.
LogicalResult AssociativeScanOp::fold(FoldAdaptor,
                                      SmallVectorImpl<OpFoldResult> &results) {
  auto type = cast<RankedTensorType>(getInputs()[0].getType());
  if (getExclusive() || type.getDimSize(getDimension()) != 1)
    return failure();
  llvm::append_range(results, getInputs());
  return success();
}

LogicalResult
AssociativeScanOp::reifyResultShapes(OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes) {
  for (Value input : getInputs())
    shapes.push_back(tensor::getMixedSizes(builder, getLoc(), input));
  return success();
}
