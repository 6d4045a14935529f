//===- GradientOfConv.cpp - The rule of convolutions ----------------------===//
//
// For y_t = sum_l k_l u_{t-l},
//
//   du_t = sum_l conj(k_l) dy_{t+l},    dk_l = sum_t dy_{t+l} conj(u_t):
//
// convolutions against time. Of a two-sided kernel the first is one with the
// reversed kernel, the second one for each side.
//
//===----------------------------------------------------------------------===//
#include "Gradient.h"
#include "Lags.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Sides.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

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

/// The cotangent of the signal.
static Value makeSignalGrad(OpBuilder &b, LongConvOp op, Indexed dy,
                            Indexed kernel) {
  Location loc = op.getLoc();
  Value taps = conjugate(b, loc, kernel.value);
  if (op.getDirection() != Direction::TwoSided)
    return convolve(b, op, dy, {taps, kernel.map},
                    op.getDirection() == Direction::Forward
                        ? Direction::Backward
                        : Direction::Forward);
  // As many taps on either side, so that lag 0 stays where it is.
  unsigned lag = *positionOf(kernel.map, op.getTime());
  OpFoldResult odd =
      affine(b, loc, b.getAffineSymbolExpr(0) * 2 + 1, Sides::of(b, op).future);
  taps = reverse(b, loc, resize(b, loc, taps, lag, odd), lag);
  return convolve(b, op, dy, {taps, kernel.map}, Direction::TwoSided);
}

/// The cotangent of the kernel.
static Value makeKernelGrad(OpBuilder &b, LongConvOp op, Indexed dy,
                            Indexed signal, Indexed kernel) {
  Location loc = op.getLoc();
  Indexed u = {conjugate(b, loc, signal.value), signal.map};
  SumTarget target = SumTarget::of(b, kernel);
  unsigned lag = *positionOf(kernel.map, op.getTime());
  target.sizes[lag] = tensor::getMixedSize(
      b, loc, signal.value, *positionOf(signal.map, op.getTime()));
  // Lags 0, 1, ... by which x is later than y.
  auto correlate = [&](Indexed x, Indexed y, OpFoldResult taps) {
    Value lags = convolve(b, op, x, y, Direction::Backward);
    Value sum = sumOfProducts(b, loc, target, {lags, dy.map});
    return resize(b, loc, sum, lag, taps);
  };
  Sides sides = Sides::of(b, op);
  if (op.getDirection() == Direction::Backward)
    return correlate(u, dy, sides.past);
  Value past = correlate(dy, u, sides.past);
  if (!sides.hasFuture())
    return past;
  OpFoldResult one = b.getIndexAttr(1);
  Value future = correlate(
      u, dy, affine(b, loc, b.getAffineSymbolExpr(0) + 1, sides.future));
  future = reverse(b, loc, dropFront(b, loc, future, lag, one), lag);
  return joinSides(b, loc, future, past, lag);
}

LogicalResult ssm::differentiate(OpBuilder &b, LongConvOp op,
                                 Cotangents &cotangents) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Indexed signal = {op.getSignal(), maps[0]};
  Indexed kernel = {op.getKernel(), maps[1]};
  Indexed dy = {cotangents.get(op.getResult()), maps[2]};
  if (cotangents.isVaried(signal.value)) {
    Value du = makeSignalGrad(b, op, dy, kernel);
    cotangents.add(
        b, signal.value,
        sumOfProducts(b, op.getLoc(), SumTarget::of(b, signal), {du, dy.map}));
  }
  if (cotangents.isVaried(kernel.value))
    cotangents.add(b, kernel.value, makeKernelGrad(b, op, dy, signal, kernel));
  return success();
}
