//===- DimDropperLinalg.cpp - Dropping a dimension of linalg ops ----------===//

#include "DimDropper.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace ssm;

Value DimDropper::ofFill(linalg::FillOp op, Value value, unsigned dim) {
  if (!builds(value))
    return value;
  Value empty = tensor::EmptyOp::create(
      *b, op.getLoc(), otherSizes(op.getOutputs()[0], dim),
      cast<RankedTensorType>(value.getType()).getElementType());
  return linalg::FillOp::create(*b, op.getLoc(), op.getInputs()[0], empty)
      .getResult(0);
}

/// Index of the dimension that the map's only use of loop dimension `loopDim`
/// is; nothing if there is no use, failure if it is no plain use.
static FailureOr<std::optional<unsigned>> plainUse(AffineMap map,
                                                   unsigned loopDim) {
  if (!map.isFunctionOfDim(loopDim))
    return std::optional<unsigned>();
  std::optional<unsigned> found;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loopDim))
      continue;
    if (found || !isa<AffineDimExpr>(expr))
      return failure();
    found = i;
  }
  return found;
}

Value DimDropper::ofLinalg(linalg::LinalgOp op, Value value, unsigned dim) {
  if (op->getNumResults() != 1)
    return blocked(value);
  OpOperand *init = op.getDpsInitOperand(0);
  auto at =
      dyn_cast<AffineDimExpr>(op.getMatchingIndexingMap(init).getResult(dim));
  if (!at)
    return blocked(value);
  unsigned loopDim = at.getPosition();
  bool readsIndex = false;
  op->getRegion(0).walk(
      [&](linalg::IndexOp index) { readsIndex |= index.getDim() == loopDim; });
  if (readsIndex)
    return blocked(value);
  SmallVector<Value> inputs;
  auto dropOperand = [&](OpOperand &operand) -> Value {
    auto use = plainUse(op.getMatchingIndexingMap(&operand), loopDim);
    if (failed(use))
      return blocked(value);
    return *use ? drop(operand.get(), **use) : operand.get();
  };
  for (OpOperand *operand : op.getDpsInputOperands()) {
    Value input = dropOperand(*operand);
    if (!input)
      return {};
    inputs.push_back(input);
  }
  Value dest = init->get();
  bool readsInit = op.payloadUsesValueFromOperand(init);
  if (readsInit && !(dest = dropOperand(*init)))
    return {};
  if (!builds(value))
    return value;
  if (!readsInit)
    dest = tensor::EmptyOp::create(
        *b, op.getLoc(), otherSizes(dest, dim),
        cast<RankedTensorType>(value.getType()).getElementType());
  return rebuildLinalg(op, loopDim, inputs, dest);
}

AffineMap ssm::dropLoop(AffineMap map, unsigned gone) {
  SmallVector<AffineExpr> dims;
  for (unsigned d = 0; d < map.getNumDims(); ++d)
    dims.push_back(getAffineDimExpr(d > gone ? d - 1 : d, map.getContext()));
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults())
    if (!expr.isFunctionOfDim(gone))
      results.push_back(expr.replaceDims(dims));
  return AffineMap::get(map.getNumDims() - 1, 0, results, map.getContext());
}

/// The same op over one loop dimension less.
Value DimDropper::rebuildLinalg(linalg::LinalgOp op, unsigned loopDim,
                                ValueRange inputs, Value init) {
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getIndexingMapsArray())
    maps.push_back(dropLoop(map, loopDim));
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.erase(iterators.begin() + loopDim);
  Block *body = op.getBlock();
  // A broadcast along nothing but the dimension is the operand.
  if (inputs.size() == 1 && maps[0] == maps[1] && maps[0].isIdentity() &&
      body->getTerminator()->getOperand(0) == body->getArgument(0))
    return inputs[0];
  auto generic = linalg::GenericOp::create(
      *b, op.getLoc(), init.getType(), inputs, init, maps, iterators,
      [&](OpBuilder &nested, Location, ValueRange args) {
        IRMapping mapping;
        mapping.map(body->getArguments(), args);
        for (Operation &inner : *body)
          nested.clone(inner, mapping);
      });
  generic.getRegion().walk([&](linalg::IndexOp index) {
    if (index.getDim() > loopDim)
      index.setDim(index.getDim() - 1);
  });
  return generic.getResult(0);
}
