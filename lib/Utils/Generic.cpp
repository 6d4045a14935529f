//===- Generic.cpp - Building linalg.generic and sizes --------------------===//
#include "ssm/Utils/Generic.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> ssm::buildGeneric(OpBuilder &b, Location loc,
                                     unsigned numDims, ArrayRef<Indexed> ins,
                                     ArrayRef<Indexed> outs, ScalarBody body) {
  SmallVector<Value> inputs, inits;
  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> iterators(numDims,
                                             utils::IteratorType::reduction);
  SmallVector<Type> types;
  for (const Indexed &in : ins) {
    inputs.push_back(in.value);
    maps.push_back(in.map);
  }
  for (const Indexed &out : outs) {
    inits.push_back(out.value);
    maps.push_back(out.map);
    types.push_back(out.value.getType());
    for (unsigned dim : dimsOf(out.map))
      iterators[dim] = utils::IteratorType::parallel;
  }
  auto op = linalg::GenericOp::create(
      b, loc, types, inputs, inits, maps, iterators,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        linalg::YieldOp::create(nested, bodyLoc, body(nested, bodyLoc, args));
      });
  return op.getResults();
}

Value ssm::buildFilled(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
                       Type element, double value) {
  NumBuilder num(b, loc, getRealType(element));
  Value scalar = num.store(num.constant(value), element);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
}

OpFoldResult ssm::affine(OpBuilder &b, Location loc, AffineExpr expr,
                         ArrayRef<OpFoldResult> symbols) {
  return affine::makeComposedFoldedAffineApply(
      b, loc, AffineMap::get(0, symbols.size(), expr), symbols);
}

Value ssm::asValue(OpBuilder &b, Location loc, OpFoldResult value) {
  return getValueOrCreateConstantIndexOp(b, loc, value);
}
