//===- WideNum.cpp - Numbers of more digits than f32 ----------------------===//
//
// A product of pairs is x y = p + e, where p is the rounded product of the
// first ones, and e what that lacks, by an FMA, with the products by second
// ones. Products are relatively exact to 2^-45, parts of complex ones relative
// to the modulus.
//
// A chip that does one FMA of f64 for 64 of f32 takes five times as long for a
// complex product in f64.
//
// Precondition: nothing below 2^-100 matters; NVIDIA's chips.
//
// References: Dekker (1971); Joldes, Muller and Popescu, "Tight and Rigorous
// Error Bounds for Basic Building Blocks of Double-Word Arithmetic" (2017).
//
//===----------------------------------------------------------------------===//
#include "WideNum.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ssm {

SmallVector<Value> WideNum::parts() const {
  SmallVector<Value> parts;
  for (Value part : {high.re, high.im, low.re, low.im})
    if (part)
      parts.push_back(part);
  return parts;
}

WideNum WideNum::withParts(ArrayRef<Value> parts) const {
  WideNum other = *this;
  for (Value *part :
       {&other.high.re, &other.high.im, &other.low.re, &other.low.im})
    if (*part) {
      *part = parts.front();
      parts = parts.drop_front();
    }
  return other;
}

WideNumBuilder::WideNumBuilder(OpBuilder &b, Location loc, bool inPairs)
    : b(b), loc(loc), inPairs(inPairs),
      num(b, loc, inPairs ? b.getF32Type() : b.getF64Type()) {}

WideNum WideNumBuilder::widen(Num x) {
  WideNum wide{{num.load(x.re).re, x.isComplex() ? num.load(x.im).re : Value()},
               {}};
  if (inPairs)
    wide.low = {num.constant(0).re,
                x.isComplex() ? num.constant(0).re : Value()};
  return wide;
}

Num WideNumBuilder::narrow(const WideNum &x, Type real) {
  const Num &high = x.high;
  return {num.store({high.re, Value()}, real),
          high.isComplex() ? num.store({high.im, Value()}, real) : Value()};
}

WideNum WideNumBuilder::one(bool isComplex) {
  return widen({num.constant(1).re, isComplex ? num.constant(0).re : Value()});
}

WideNum WideNumBuilder::select(Value condition, const WideNum &yes,
                               const WideNum &no) {
  auto choose = [&](Value x, Value y) -> Value {
    return x ? arith::SelectOp::create(b, loc, condition, x, y).getResult()
             : Value();
  };
  return {{choose(yes.high.re, no.high.re), choose(yes.high.im, no.high.im)},
          {choose(yes.low.re, no.low.re), choose(yes.low.im, no.low.im)}};
}

WideNum WideNumBuilder::mul(const WideNum &x, const WideNum &y) {
  if (!inPairs)
    return {num.mul(x.high, y.high), {}};
  Pair xRe{x.high.re, x.low.re}, yRe{y.high.re, y.low.re};
  if (!x.high.isComplex()) {
    Pair re = normalize(mul(xRe, yRe));
    return {{re.high, Value()}, {re.low, Value()}};
  }
  Pair xIm{x.high.im, x.low.im}, yIm{y.high.im, y.low.im};
  Pair re = normalize(add(mul(xRe, yRe), negate(mul(xIm, yIm))));
  Pair im = normalize(add(mul(xRe, yIm), mul(xIm, yRe)));
  return {{re.high, im.high}, {re.low, im.low}};
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

/// A product that no later step makes a part of an FMA.
Value WideNumBuilder::round(Value x, Value y) {
  return LLVM::CallIntrinsicOp::create(b, loc, x.getType(),
                                       b.getStringAttr("llvm.nvvm.mul.rn.f"),
                                       ValueRange{x, y})
      .getResult(0);
}

WideNumBuilder::Pair WideNumBuilder::mul(Pair x, Pair y) {
  auto fma = [&](Value x, Value y, Value z) -> Value {
    return math::FmaOp::create(b, loc, x, y, z);
  };
  Value high = round(x.high, y.high);
  Value low = fma(x.high, y.high, num.negf(high));
  low = fma(x.high, y.low, low);
  return {high, fma(x.low, y.high, low)};
}

/// What the sum of the first ones lacks is exact.
WideNumBuilder::Pair WideNumBuilder::add(Pair x, Pair y) {
  Value high = num.addf(x.high, y.high);
  Value ofY = num.subf(high, x.high);
  Value ofX = num.subf(high, ofY);
  Value lost = num.addf(num.subf(x.high, ofX), num.subf(y.high, ofY));
  return {high, num.addf(lost, num.addf(x.low, y.low))};
}

WideNumBuilder::Pair WideNumBuilder::negate(Pair x) {
  return {num.negf(x.high), num.negf(x.low)};
}

/// What an infinite number lacks is none.
WideNumBuilder::Pair WideNumBuilder::normalize(Pair x) {
  Value isNone =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x.low, x.low);
  Value low =
      arith::SelectOp::create(b, loc, isNone, num.constant(0).re, x.low);
  Value high = num.addf(x.high, low);
  return {high, num.subf(low, num.subf(high, x.high))};
}

} // namespace ssm
