//===- GradientOfScans.cpp - The rules of associative scans ---------------===//
//
// A scan by sums or of affine pairs is a linear recurrence; other combiners
// have no rule.
//
//===----------------------------------------------------------------------===//
#include "Gradient.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The combiners that are recurrences.
enum class Monoid { Sum, Product, Affine, Other };
} // namespace

/// Whether `value` is the given op, real or complex, of x and y in any order.
template <typename RealOp, typename ComplexOp>
static bool isOf(Value value, Value x, Value y) {
  Operation *op = value.getDefiningOp();
  return isa_and_present<RealOp, ComplexOp>(op) &&
         ((op->getOperand(0) == x && op->getOperand(1) == y) ||
          (op->getOperand(0) == y && op->getOperand(1) == x));
}

static Monoid getMonoid(AssociativeScanOp op) {
  Block &body = op.getCombiner().front();
  auto arg = [&](unsigned i) { return body.getArgument(i); };
  auto yielded = body.getTerminator()->getOperands();
  auto isProduct = isOf<arith::MulFOp, complex::MulOp>;
  auto isSum = isOf<arith::AddFOp, complex::AddOp>;
  if (op.getInputs().size() == 1)
    return isSum(yielded[0], arg(0), arg(1))       ? Monoid::Sum
           : isProduct(yielded[0], arg(0), arg(1)) ? Monoid::Product
                                                   : Monoid::Other;
  if (op.getInputs().size() != 2 || !isProduct(yielded[0], arg(0), arg(2)))
    return Monoid::Other;
  Operation *sum = yielded[1].getDefiningOp();
  if (!sum || sum->getNumOperands() != 2)
    return Monoid::Other;
  for (Value term : sum->getOperands())
    if (isProduct(term, arg(1), arg(2)) && isSum(yielded[1], term, arg(3)))
      return Monoid::Affine;
  return Monoid::Other;
}

/// The rule of x_t = a_t x_{t-1} + b_t, x_{-1} = init, for a scan's result x.
/// An absent a is one, an absent b is zero and then init is one.
static LogicalResult differentiateAsRecurrence(OpBuilder &b,
                                               AssociativeScanOp op, Value x,
                                               Value a, Value signal,
                                               Cotangents &cotangents) {
  Value grad = cotangents.get(x);
  if (!grad)
    return success();
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(x.getType());
  unsigned rank = type.getRank(), time = op.getDimension();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x);
  SmallVector<OpFoldResult> stateSizes = sizes;
  stateSizes.erase(stateSizes.begin() + time);
  auto stateType =
      RankedTensorType::get(llvm::to_vector(llvm::concat<const int64_t>(
                                type.getShape().take_front(time),
                                type.getShape().drop_front(time + 1))),
                            type.getElementType());
  AffineMap all = b.getMultiDimIdentityMap(rank);
  AffineMap state = all.dropResult(time);
  AffineMap none = AffineMap::get(rank, 0, {}, b.getContext());
  SmallVector<AffineMap> maps = {a ? all : none, all};
  Value init;
  if (!a)
    a = buildFilled(b, loc, {}, type.getElementType(), 1.0);
  if (!signal) {
    signal = buildFilled(b, loc, sizes, type.getElementType(), 0.0);
    init = buildFilled(b, loc, stateSizes, type.getElementType(), 1.0);
    maps.push_back(state);
  }
  maps.append({all, state});
  auto recurrence = LinearRecurrenceOp::create(
      b, loc, TypeRange{type, stateType}, a, signal, Value(), Value(), init,
      Value(), Value(), b.getAffineMapArrayAttr(maps), time, IntegerAttr(),
      IntegerAttr(), op.getDirection(), Projection::None, ReadPoint::After,
      Numerics::Norm, StrategyAttr());
  cotangents.set(recurrence.getResult(), grad);
  return differentiate(b, recurrence, cotangents);
}

LogicalResult ssm::differentiate(OpBuilder &b, AssociativeScanOp op,
                                 Cotangents &cotangents) {
  Monoid monoid = getMonoid(op);
  Type real = getRealType(getElementTypeOrSelf(op.getInputs()[0].getType()));
  if (op.getExclusive() || monoid == Monoid::Other ||
      getElementWidth(real) < 32)
    return op.emitError("a scan with a gradient must be inclusive, of 32 or 64 "
                        "bits, and combine by +, * or as the affine pairs "
                        "(a, b), but this one does not; write it as "
                        "ssm.linear_recurrence");
  Value x = op.getInputs()[0];
  if (monoid == Monoid::Sum)
    return differentiateAsRecurrence(b, op, op.getResult(0), Value(), x,
                                     cotangents);
  if (failed(differentiateAsRecurrence(b, op, op.getResult(0), x, Value(),
                                       cotangents)))
    return failure();
  if (monoid == Monoid::Product)
    return success();
  return differentiateAsRecurrence(b, op, op.getResult(1), x, op.getInputs()[1],
                                   cotangents);
}
