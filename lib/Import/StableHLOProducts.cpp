//===- StableHLOProducts.cpp - Sums of products of StableHLO --------------===//
#include "StableHLO.h"

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace ssm;

Value ssm::zeroTensor(OpBuilder &b, Location loc, RankedTensorType type) {
  if (isa<IntegerType>(type.getElementType()))
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return buildFilled(b, loc,
                     getAsIndexOpFoldResult(b.getContext(), type.getShape()),
                     type.getElementType(), 0);
}

Value ssm::sumProducts(OpBuilder &b, Location loc, ArrayRef<Indexed> sides,
                       Indexed init, bool isZero) {
  Type element = typeOf(init.value).getElementType();
  unsigned numDims = init.map.getNumDims();
  // An outer product is no sum.
  bool isAlone = isZero && init.map.getNumResults() == numDims;
  bool isKnown = true;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    Value x[2];
    for (unsigned i = 0; i < 2; ++i)
      x[i] = emitScalar(inner, loc, "convert", "", scalars[i], element);
    isKnown = x[0] && x[1];
    if (!isKnown)
      return SmallVector<Value>{scalars[2]};
    Value product =
        emitScalar(inner, loc, "multiply", "", {x[0], x[1]}, element);
    if (isAlone)
      return SmallVector<Value>{product};
    return SmallVector<Value>{
        emitScalar(inner, loc, "add", "", {scalars[2], product}, element)};
  };
  Value sum = buildGeneric(b, loc, numDims, sides, {init}, body)[0];
  return isKnown ? sum : Value();
}

/// The loop's dimensions are those of the result and then those that are
/// summed.
LogicalResult StableHLOImporter::importDot(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  StringRef numbers = getKeyword(op, "dot_dimension_numbers", "dot");
  Value sides[] = {get(op->getOperand(0)), get(op->getOperand(1))};
  SmallVector<int64_t> batch[2], summed[2];
  SmallVector<AffineExpr> exprs[2];
  unsigned next = 0, rank = type.getRank();
  for (unsigned i = 0; i < 2; ++i) {
    std::string side = i ? "rhs" : "lhs";
    batch[i] = readDims(numbers, side + "_batching_dimensions");
    summed[i] = readDims(numbers, side + "_contracting_dimensions");
    exprs[i].resize(typeOf(sides[i]).getRank());
    for (int64_t dim : llvm::concat<int64_t>(batch[i], summed[i]))
      if (dim < 0 || dim >= int64_t(exprs[i].size()))
        return refuse(op, "it names a dimension that its operand lacks");
    for (auto [j, dim] : llvm::enumerate(batch[i]))
      exprs[i][dim] = b.getAffineDimExpr(j);
    for (auto [j, dim] : llvm::enumerate(summed[i]))
      exprs[i][dim] = b.getAffineDimExpr(rank + j);
    next = i ? next : batch[0].size();
    for (AffineExpr &expr : exprs[i])
      if (!expr)
        expr = b.getAffineDimExpr(next++);
  }
  if (next != rank || batch[0].size() != batch[1].size() ||
      summed[0].size() != summed[1].size())
    return refuse(op, "its dimensions do not fit its types");
  unsigned numDims = rank + summed[0].size();
  auto mapOf = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(numDims, 0, results, b.getContext());
  };
  SmallVector<AffineExpr> outer = llvm::map_to_vector(
      llvm::seq(rank), [&](unsigned i) { return b.getAffineDimExpr(i); });
  Location loc = op->getLoc();
  Value sum = sumProducts(
      b, loc, {{sides[0], mapOf(exprs[0])}, {sides[1], mapOf(exprs[1])}},
      {zeroTensor(b, loc, type), mapOf(outer)}, /*isZero=*/true);
  if (!sum)
    return refuse(op, "its types are not imported");
  set(op, sum);
  return success();
}
