//===- Num.cpp - Real or complex scalars in a loop body -------------------===//
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

static constexpr arith::FastMathFlags kContract =
    arith::FastMathFlags::contract;

Value NumBuilder::addf(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y, kContract);
}
Value NumBuilder::subf(Value x, Value y) {
  return arith::SubFOp::create(b, loc, x, y, kContract);
}
Value NumBuilder::mulf(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y, kContract);
}
Value NumBuilder::divf(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}
Value NumBuilder::negf(Value x) { return arith::NegFOp::create(b, loc, x); }

/// A scalar, or each element of a vector.
Value NumBuilder::convert(Value value, Type element) {
  auto vector = dyn_cast<VectorType>(value.getType());
  auto shaped = [&](Type type) { return vector ? vector.clone(type) : type; };
  Type from = getElementTypeOrSelf(value);
  if (from == element)
    return value;
  if (from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, loc, shaped(element), value);
  // No processor rounds f64 to 16 bits, and C runtimes may lack it: by f32.
  if (from.isF64() && element.getIntOrFloatBitWidth() < 32)
    value = arith::TruncFOp::create(b, loc, shaped(b.getF32Type()), value);
  return arith::TruncFOp::create(b, loc, shaped(element), value);
}

Num NumBuilder::load(Value scalar) {
  if (!isa<ComplexType>(scalar.getType()))
    return {convert(scalar, real), Value()};
  return {convert(complex::ReOp::create(b, loc, scalar), real),
          convert(complex::ImOp::create(b, loc, scalar), real)};
}

Value NumBuilder::store(Num x, Type element) {
  auto complexType = dyn_cast<ComplexType>(element);
  if (!complexType)
    return convert(x.re, element);
  Type part = complexType.getElementType();
  Value im = x.isComplex() ? x.im : constant(0.0).re;
  return complex::CreateOp::create(b, loc, complexType, convert(x.re, part),
                                   convert(im, part));
}

Num NumBuilder::constant(double value) {
  return {arith::ConstantOp::create(b, loc, b.getFloatAttr(real, value)),
          Value()};
}

Num NumBuilder::add(Num x, Num y) {
  Num z{addf(x.re, y.re), Value()};
  if (x.isComplex() || y.isComplex())
    z.im = !x.isComplex() ? y.im : !y.isComplex() ? x.im : addf(x.im, y.im);
  return z;
}

Num NumBuilder::sub(Num x, Num y) {
  Num z{subf(x.re, y.re), Value()};
  if (y.isComplex())
    z.im = x.isComplex() ? subf(x.im, y.im)
                         : Value(arith::NegFOp::create(b, loc, y.im));
  else if (x.isComplex())
    z.im = x.im;
  return z;
}

Num NumBuilder::mul(Num x, Num y) {
  if (!x.isComplex() && !y.isComplex())
    return {mulf(x.re, y.re), Value()};
  if (!x.isComplex())
    return {mulf(x.re, y.re), mulf(x.re, y.im)};
  if (!y.isComplex())
    return {mulf(x.re, y.re), mulf(x.im, y.re)};
  return {subf(mulf(x.re, y.re), mulf(x.im, y.im)),
          addf(mulf(x.re, y.im), mulf(x.im, y.re))};
}

Num NumBuilder::mulAdd(Num x, Num y, Num z) {
  // Each product meets a sum at once, so that every one becomes an FMA.
  Num r;
  Value re = addf(mulf(x.re, y.re), z.re);
  if (x.isComplex() && y.isComplex())
    re = subf(re, mulf(x.im, y.im));
  r.re = re;
  if (!x.isComplex() && !y.isComplex()) {
    r.im = z.im;
    return r;
  }
  Value im = z.im;
  auto accumulate = [&](Value p, Value q) {
    Value product = mulf(p, q);
    im = im ? addf(product, im) : product;
  };
  if (y.isComplex())
    accumulate(x.re, y.im);
  if (x.isComplex())
    accumulate(x.im, y.re);
  r.im = im;
  return r;
}

Num NumBuilder::realOfProduct(Num x, Num y) {
  Value re = mulf(x.re, y.re);
  if (x.isComplex() && y.isComplex())
    re = subf(re, mulf(x.im, y.im));
  return {re, Value()};
}

Num NumBuilder::divide(Num x, double divisor) {
  Value y = constant(divisor).re;
  Num quotient{arith::DivFOp::create(b, loc, x.re, y), Value()};
  if (x.isComplex())
    quotient.im = arith::DivFOp::create(b, loc, x.im, y);
  return quotient;
}

/// A complex divisor is scaled by its larger part s: with v = y / s, of modulus
/// 1 to sqrt(2), x / y = (x / s) conj(v) / |v|^2.
Num NumBuilder::divide(Num x, Num y) {
  if (!y.isComplex()) {
    Num z{divf(x.re, y.re), Value()};
    if (x.isComplex())
      z.im = divf(x.im, y.re);
    return z;
  }
  Value s =
      arith::MaximumFOp::create(b, loc, math::AbsFOp::create(b, loc, y.re),
                                math::AbsFOp::create(b, loc, y.im));
  Num v{divf(y.re, s), divf(y.im, s)};
  Value norm = addf(mulf(v.re, v.re), mulf(v.im, v.im));
  Num scaled{divf(x.re, s), x.isComplex() ? divf(x.im, s) : Value()};
  Num z = mul(scaled, {v.re, negf(v.im)});
  return {divf(z.re, norm), divf(z.im, norm)};
}
