//===- GradientOfScans.cpp - The rules of convolutions and scans ----------===//
//
// Convolution, y_t = sum_l k_l u_{t-l}:
//
//   du_t = sum_l conj(k_l) dy_{t+l},    dk_l = sum_t dy_{t+l} conj(u_t):
//
// convolutions against time. A scan by sums or of affine pairs is a linear
// recurrence; other combiners have no rule.
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

static Value makeFilled(OpBuilder &b, Location loc,
                        ArrayRef<OpFoldResult> sizes, Type element,
                        double value) {
  NumBuilder num(b, loc, getRealType(element));
  Value scalar = num.store(num.constant(value), element);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
}

/// `tensor` along `dim` cut to `size`, or continued by zeros.
static Value resize(OpBuilder &b, Location loc, Value tensor, unsigned dim,
                    OpFoldResult size) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  if (isEqualConstantIntOrValue(sizes[dim], size))
    return tensor;
  SmallVector<OpFoldResult> zeros(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> whole = sizes;
  whole[dim] = size;
  AffineMap both =
      AffineMap::get(0, 2, {b.getAffineSymbolExpr(0), b.getAffineSymbolExpr(1)},
                     b.getContext());
  sizes[dim] =
      affine::makeComposedFoldedAffineMin(b, loc, both, {sizes[dim], size});
  Value part =
      tensor::ExtractSliceOp::create(b, loc, tensor, zeros, sizes, ones);
  Value out =
      makeFilled(b, loc, whole, getElementTypeOrSelf(tensor.getType()), 0.0);
  return tensor::InsertSliceOp::create(b, loc, part, out, zeros, sizes, ones);
}

/// The convolution of the op's loop dimensions with other operands, of the
/// size of `like`, the op's result.
static Value convolve(OpBuilder &b, LongConvOp op, Indexed signal,
                      Indexed kernel, Direction direction) {
  RankedTensorType like = op.getResult().getType();
  bool isComplex =
      isa<ComplexType>(getElementTypeOrSelf(signal.value.getType())) ||
      isa<ComplexType>(getElementTypeOrSelf(kernel.value.getType()));
  Type real = getRealType(like.getElementType());
  auto type = RankedTensorType::get(
      like.getShape(), isComplex ? Type(ComplexType::get(real)) : real);
  return LongConvOp::create(
      b, op.getLoc(), type, signal.value, kernel.value,
      b.getAffineMapArrayAttr(
          {signal.map, kernel.map, op.getIndexingMapsArray()[2]}),
      op.getTime(), direction, op.getNumerics(), StrategyAttr());
}

LogicalResult ssm::differentiate(OpBuilder &b, LongConvOp op,
                                 Cotangents &cotangents) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Indexed signal = {op.getSignal(), maps[0]};
  Indexed kernel = {op.getKernel(), maps[1]};
  Indexed dy = {cotangents.get(op.getResult()), maps[2]};
  Location loc = op.getLoc();
  bool isBackward = op.getDirection() == Direction::Backward;
  if (cotangents.isVaried(signal.value)) {
    Value du =
        convolve(b, op, dy, {conjugate(b, loc, kernel.value), kernel.map},
                 isBackward ? Direction::Forward : Direction::Backward);
    cotangents.add(
        b, signal.value,
        sumOfProducts(b, loc, SumTarget::of(b, signal), {du, dy.map}));
  }
  if (cotangents.isVaried(kernel.value)) {
    Indexed past = {conjugate(b, loc, signal.value), signal.map};
    Value lags = isBackward ? convolve(b, op, past, dy, Direction::Backward)
                            : convolve(b, op, dy, past, Direction::Backward);
    SumTarget target = SumTarget::of(b, kernel);
    unsigned lag = *positionOf(kernel.map, op.getTime());
    OpFoldResult taps = target.sizes[lag];
    target.sizes[lag] = tensor::getMixedSize(
        b, loc, op.getSignal(), *positionOf(signal.map, op.getTime()));
    Value dk = sumOfProducts(b, loc, target, {lags, dy.map});
    cotangents.add(b, kernel.value, resize(b, loc, dk, lag, taps));
  }
  return success();
}

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
    a = makeFilled(b, loc, {}, type.getElementType(), 1.0);
  if (!signal) {
    signal = makeFilled(b, loc, sizes, type.getElementType(), 0.0);
    init = makeFilled(b, loc, stateSizes, type.getElementType(), 1.0);
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
