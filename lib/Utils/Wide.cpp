//===- Wide.cpp - Complex numbers in twice the working precision ----------===//
//
// No operation here may be contracted or reassociated: the low parts are the
// rounding errors of the high ones.
//
//===----------------------------------------------------------------------===//
#include "ssm/Utils/Wide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ssm;

WideBuilder::WideBuilder(OpBuilder &b, Location loc, Type real)
    : b(b), loc(loc), real(real), isDouble(real.isF64()) {}

Value WideBuilder::constant(double value) {
  return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
}

WideReal WideBuilder::constant(double high, double low) {
  return {constant(high), isDouble ? constant(low) : Value()};
}

Wide WideBuilder::fromParts(ValueRange parts) {
  if (!isDouble)
    return {{parts[0], Value()}, {parts[1], Value()}};
  return {{parts[0], parts[1]}, {parts[2], parts[3]}};
}

SmallVector<Value> WideBuilder::toParts(Wide x) {
  if (!isDouble)
    return {x.re.high, x.im.high};
  return {x.re.high, x.re.low, x.im.high, x.im.low};
}

Wide WideBuilder::fromNum(Num x) {
  auto widen = [&](Value part) -> WideReal {
    if (!part)
      part = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 0.0));
    if (isDouble)
      return {part, constant(0.0)};
    if (part.getType().isF64())
      return {part, Value()};
    return {arith::ExtFOp::create(b, loc, b.getF64Type(), part), Value()};
  };
  return {widen(x.re), widen(x.im)};
}

Num WideBuilder::toNum(Wide x) {
  if (isDouble)
    return {x.re.high, x.im.high};
  return {arith::TruncFOp::create(b, loc, real, x.re.high),
          arith::TruncFOp::create(b, loc, real, x.im.high)};
}

Wide WideBuilder::one() {
  return fromNum(
      {arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 1.0)), Value()});
}

WideReal WideBuilder::twoSum(Value x, Value y) {
  Value sum = arith::AddFOp::create(b, loc, x, y);
  Value y1 = arith::SubFOp::create(b, loc, sum, x);
  Value x1 = arith::SubFOp::create(b, loc, sum, y1);
  Value dy = arith::SubFOp::create(b, loc, y, y1);
  Value dx = arith::SubFOp::create(b, loc, x, x1);
  return {sum, arith::AddFOp::create(b, loc, dx, dy)};
}

WideReal WideBuilder::fastTwoSum(Value x, Value y) {
  Value sum = arith::AddFOp::create(b, loc, x, y);
  Value y1 = arith::SubFOp::create(b, loc, sum, x);
  return {sum, arith::SubFOp::create(b, loc, y, y1)};
}

WideReal WideBuilder::neg(WideReal x) {
  return {arith::NegFOp::create(b, loc, x.high),
          isDouble ? Value(arith::NegFOp::create(b, loc, x.low)) : Value()};
}

WideReal WideBuilder::add(WideReal x, WideReal y) {
  if (!isDouble)
    return {arith::AddFOp::create(b, loc, x.high, y.high), Value()};
  WideReal high = twoSum(x.high, y.high), low = twoSum(x.low, y.low);
  Value c = arith::AddFOp::create(b, loc, high.low, low.high);
  WideReal sum = fastTwoSum(high.high, c);
  return fastTwoSum(sum.high, arith::AddFOp::create(b, loc, sum.low, low.low));
}

WideReal WideBuilder::mul(WideReal x, WideReal y) {
  Value product = arith::MulFOp::create(b, loc, x.high, y.high);
  if (!isDouble)
    return {product, Value()};
  Value error = math::FmaOp::create(b, loc, x.high, y.high,
                                    arith::NegFOp::create(b, loc, product));
  error = math::FmaOp::create(b, loc, x.high, y.low, error);
  error = math::FmaOp::create(b, loc, x.low, y.high, error);
  return fastTwoSum(product, error);
}

Wide WideBuilder::mul(Wide x, Wide y) {
  return {add(mul(x.re, y.re), neg(mul(x.im, y.im))),
          add(mul(x.re, y.im), mul(x.im, y.re))};
}

WideReal WideBuilder::div(WideReal x, Value y) {
  Value quotient = arith::DivFOp::create(b, loc, x.high, y);
  if (!isDouble)
    return {quotient, Value()};
  Value rest = math::FmaOp::create(
      b, loc, arith::NegFOp::create(b, loc, quotient), y, x.high);
  rest = arith::AddFOp::create(b, loc, rest, x.low);
  return fastTwoSum(quotient, arith::DivFOp::create(b, loc, rest, y));
}

Value WideBuilder::sumOfProducts(WideReal a, WideReal b1, WideReal c,
                                 WideReal d) {
  // The error of each product, and what the low parts add to it.
  auto multiply = [&](WideReal x, WideReal y) -> WideReal {
    Value product = arith::MulFOp::create(b, loc, x.high, y.high);
    Value low = math::FmaOp::create(b, loc, x.high, y.high,
                                    arith::NegFOp::create(b, loc, product));
    low = math::FmaOp::create(b, loc, x.high, y.low, low);
    return {product, math::FmaOp::create(b, loc, x.low, y.high, low)};
  };
  WideReal p = multiply(a, b1), q = multiply(c, d);
  WideReal sum = twoSum(p.high, q.high);
  Value low = arith::AddFOp::create(b, loc, p.low, q.low);
  low = arith::AddFOp::create(b, loc, low, sum.low);
  return arith::AddFOp::create(b, loc, sum.high, low);
}

Num WideBuilder::mulRounded(Wide x, Wide y) {
  if (!isDouble)
    return toNum(mul(x, y));
  return {sumOfProducts(x.re, y.re, neg(x.im), y.im),
          sumOfProducts(x.re, y.im, x.im, y.re)};
}

//===----------------------------------------------------------------------===//
// Without normalisation
//===----------------------------------------------------------------------===//

WideReal LooseWideBuilder::add(WideReal x, WideReal y) {
  WideReal sum = twoSum(x.high, y.high);
  Value low = arith::AddFOp::create(b, loc, x.low, y.low);
  return {sum.high, arith::AddFOp::create(b, loc, sum.low, low)};
}

WideReal LooseWideBuilder::mul(WideReal x, WideReal y) {
  Value product = arith::MulFOp::create(b, loc, x.high, y.high);
  Value low = math::FmaOp::create(b, loc, x.high, y.high,
                                  arith::NegFOp::create(b, loc, product));
  low = math::FmaOp::create(b, loc, x.high, y.low, low);
  return {product, math::FmaOp::create(b, loc, x.low, y.high, low)};
}

Wide LooseWideBuilder::add(Wide x, Wide y) {
  return {add(x.re, y.re), add(x.im, y.im)};
}

Wide LooseWideBuilder::sub(Wide x, Wide y) {
  return {add(x.re, neg(y.re)), add(x.im, neg(y.im))};
}

Wide LooseWideBuilder::mul(Wide x, Wide y) {
  return {add(mul(x.re, y.re), neg(mul(x.im, y.im))),
          add(mul(x.re, y.im), mul(x.im, y.re))};
}

Num LooseWideBuilder::toNum(Wide x) {
  return {arith::AddFOp::create(b, loc, x.re.high, x.re.low),
          arith::AddFOp::create(b, loc, x.im.high, x.im.low)};
}
