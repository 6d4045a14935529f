//===- StableHLOScalars.cpp - Elementwise ops of StableHLO ----------------===//
#include "StableHLO.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace {
/// Builds one op of one scalar type.
class ScalarEmitter {
public:
  ScalarEmitter(OpBuilder &b, Location loc, StringRef name, StringRef direction,
                ValueRange args, Type result)
      : b(b), loc(loc), name(name), direction(direction), args(args),
        result(result) {
    isUnsigned = this->name.consume_front("unsigned_");
    isTotal = this->name.consume_front("total_");
  }

  Value emit();

private:
  template <typename Op>
  Value make() {
    return Op::create(b, loc, result, args);
  }
  using Maker = Value (ScalarEmitter::*)();
  Value emitReal();
  Value emitInteger();
  Value emitComplex();
  Value emitCompare();
  Value emitConvert();
  Value emitAny();
  Value constant(double value) {
    return arith::ConstantOp::create(b, loc,
                                     b.getFloatAttr(args[0].getType(), value));
  }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(
        b, loc, b.getIntegerAttr(args[0].getType(), value));
  }
  Value absInteger();
  Value signOfInteger();
  Value safeDivisor();
  Value divideInteger();
  Value remainderInteger();
  Value square() {
    return ssm::emitScalar(b, loc, "multiply", "", {args[0], args[0]}, result);
  }
  template <typename Op>
  Value shift();
  Value shiftWithSign();
  Value bitcast();
  Value totalOrder(Value x);
  Value logistic();
  Value sign();
  Value isFinite();
  Value inverseErf();

  OpBuilder &b;
  Location loc;
  StringRef name, direction;
  ValueRange args;
  Type result;
  bool isUnsigned, isTotal;
};
} // namespace

std::string ssm::getScalarName(Operation *op) {
  StringRef name = op->getName().stripDialect();
  bool isTotal =
      getKeyword(op, "compare_type", "comparison_type") == "TOTALORDER";
  StringRef kind = op->hasAttr(kUnsigned) ? "unsigned_"
                   : isTotal              ? "total_"
                                          : "";
  return (kind + name).str();
}

Value ScalarEmitter::absInteger() {
  if (isUnsigned)
    return args[0];
  Value negative = arith::SubIOp::create(b, loc, integer(0), args[0]);
  return arith::MaxSIOp::create(b, loc, args[0], negative);
}

Value ScalarEmitter::signOfInteger() {
  if (isUnsigned)
    return arith::MinUIOp::create(b, loc, args[0], integer(1));
  Value most = arith::MinSIOp::create(b, loc, args[0], integer(1));
  return arith::MaxSIOp::create(b, loc, most, integer(-1));
}

/// The divisor, or 1 in place of 0 and -1, for which a division may trap.
Value ScalarEmitter::safeDivisor() {
  if (isUnsigned)
    return arith::MaxUIOp::create(b, loc, args[1], integer(1));
  Value next = arith::AddIOp::create(b, loc, args[1], integer(1));
  Value isBad = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule, next,
                                      integer(1));
  return arith::SelectOp::create(b, loc, isBad, integer(1), args[1]);
}

/// By zero -1, as in XLA; the most negative number by -1 is itself.
Value ScalarEmitter::divideInteger() {
  if (isUnsigned) {
    Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         args[1], integer(0));
    Value known = arith::DivUIOp::create(b, loc, args[0], safeDivisor());
    return arith::SelectOp::create(b, loc, isZero, integer(-1), known);
  }
  Value quotient = arith::DivSIOp::create(b, loc, args[0], safeDivisor());
  for (int64_t divisor : {-1, 0}) {
    Value isIt = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       args[1], integer(divisor));
    Value known =
        divisor ? arith::SubIOp::create(b, loc, integer(0), args[0]).getResult()
                : integer(-1);
    quotient = arith::SelectOp::create(b, loc, isIt, known, quotient);
  }
  return quotient;
}

/// By zero the dividend, as in XLA.
Value ScalarEmitter::remainderInteger() {
  Value divisor = safeDivisor();
  Value rest =
      isUnsigned ? arith::RemUIOp::create(b, loc, args[0], divisor).getResult()
                 : arith::RemSIOp::create(b, loc, args[0], divisor).getResult();
  Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       args[1], integer(0));
  return arith::SelectOp::create(b, loc, isZero, args[0], rest);
}

/// By as many bits as there are, or more, nothing is left.
template <typename Op>
Value ScalarEmitter::shift() {
  Value count = integer(args[0].getType().getIntOrFloatBitWidth());
  Value isSome =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, args[1], count);
  Value places = arith::SelectOp::create(b, loc, isSome, args[1], integer(0));
  Value shifted = Op::create(b, loc, args[0], places);
  return arith::SelectOp::create(b, loc, isSome, shifted, integer(0));
}

/// By as many bits as there are, or more, the sign is left.
Value ScalarEmitter::shiftWithSign() {
  Value last = integer(args[0].getType().getIntOrFloatBitWidth() - 1);
  Value places = arith::MinUIOp::create(b, loc, args[1], last);
  return arith::ShRSIOp::create(b, loc, args[0], places);
}

Value ScalarEmitter::bitcast() {
  Type from = args[0].getType();
  if (from == result)
    return args[0];
  if (!from.isIntOrFloat() || !result.isIntOrFloat() ||
      from.getIntOrFloatBitWidth() != result.getIntOrFloatBitWidth())
    return {};
  return arith::BitcastOp::create(b, loc, result, args[0]);
}

/// Numbers in the order of these integers: -NaN, -inf to -0, 0 to inf, NaN.
Value ScalarEmitter::totalOrder(Value x) {
  auto bits = b.getIntegerType(x.getType().getIntOrFloatBitWidth());
  auto constant = [&](const APInt &value) {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(bits, value));
  };
  unsigned width = bits.getWidth();
  Value number = arith::BitcastOp::create(b, loc, bits, x);
  Value sign =
      arith::ShRSIOp::create(b, loc, number, constant(APInt(width, width - 1)));
  Value flips = arith::AndIOp::create(
      b, loc, sign, constant(APInt::getSignedMaxValue(width)));
  return arith::XOrIOp::create(b, loc, number, flips);
}

Value ScalarEmitter::logistic() {
  Value e = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, args[0]));
  Value one = constant(1);
  return arith::DivFOp::create(b, loc, one,
                               arith::AddFOp::create(b, loc, one, e));
}

/// 1 or -1; zeros and NaN are themselves.
Value ScalarEmitter::sign() {
  Value isOrdinary = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ONE,
                                           args[0], constant(0));
  Value unit = math::CopySignOp::create(b, loc, constant(1), args[0]);
  return arith::SelectOp::create(b, loc, isOrdinary, unit, args[0]);
}

Value ScalarEmitter::isFinite() {
  auto type = cast<FloatType>(args[0].getType());
  Value infinity = arith::ConstantOp::create(
      b, loc, b.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics())));
  Value size = math::AbsFOp::create(b, loc, args[0]);
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, size,
                               infinity);
}

/// Giles, "Approximating the erfinv function" (2011): polynomials in
/// w = -log(1 - x^2) for the middle and the tails, good to a few roundings of
/// f32; then, in f64, two steps of Newton's method.
Value ScalarEmitter::inverseErf() {
  static constexpr float middle[] = {
      2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
      -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
      -0.00417768164f,  0.246640727f,    1.50140941f};
  static constexpr float tail[] = {
      -0.000200214257f, 0.000100950558f, 0.00134934322f,
      -0.00367342844f,  0.00573950773f,  -0.0076224613f,
      0.00943887047f,   1.00167406f,     2.83297682f};
  Type type = args[0].getType();
  if (!isa<Float32Type, Float64Type>(type)) {
    Value wide = ssm::emitScalar(b, loc, "convert", "", args, b.getF32Type());
    Value y = ssm::emitScalar(b, loc, "erf_inv", "", wide, b.getF32Type());
    return ssm::emitScalar(b, loc, "convert", "", y, type);
  }
  auto make = [&](StringRef op, ValueRange operands) {
    return ssm::emitScalar(b, loc, op, "", operands, type);
  };
  auto add = [&](Value x, Value y) { return make("add", {x, y}); };
  auto multiply = [&](Value x, Value y) { return make("multiply", {x, y}); };
  Value x = args[0];
  Value w =
      make("negate", make("log_plus_one", make("negate", multiply(x, x))));
  Value isMiddle =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, w, constant(5));
  Value z = arith::SelectOp::create(b, loc, isMiddle, add(w, constant(-2.5)),
                                    add(make("sqrt", w), constant(-3)));
  Value p;
  for (auto [m, t] : llvm::zip_equal(middle, tail)) {
    Value next =
        arith::SelectOp::create(b, loc, isMiddle, constant(m), constant(t));
    p = p ? add(next, multiply(p, z)) : next;
  }
  Value y = multiply(p, x);
  for (unsigned i = 0; i < (type.isF64() ? 2 : 0); ++i) {
    // The derivative of erf is 2 / sqrt(pi) exp(-y^2).
    Value slope = multiply(constant(1.1283791670955126),
                           make("exponential", make("negate", multiply(y, y))));
    Value off = make("subtract", {make("erf", y), x});
    y = make("subtract", {y, make("divide", {off, slope})});
  }
  Value isEnd = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                      make("abs", x), constant(1));
  Value infinity =
      multiply(x, constant(std::numeric_limits<double>::infinity()));
  return arith::SelectOp::create(b, loc, isEnd, infinity, y);
}

Value ScalarEmitter::emitReal() {
  using E = ScalarEmitter;
  Maker maker = llvm::StringSwitch<Maker>(name)
                    .Case("add", &E::make<arith::AddFOp>)
                    .Case("subtract", &E::make<arith::SubFOp>)
                    .Case("multiply", &E::make<arith::MulFOp>)
                    .Case("divide", &E::make<arith::DivFOp>)
                    .Case("remainder", &E::make<arith::RemFOp>)
                    .Case("maximum", &E::make<arith::MaximumFOp>)
                    .Case("minimum", &E::make<arith::MinimumFOp>)
                    .Case("negate", &E::make<arith::NegFOp>)
                    .Case("power", &E::make<math::PowFOp>)
                    .Case("atan2", &E::make<math::Atan2Op>)
                    .Case("abs", &E::make<math::AbsFOp>)
                    .Case("exponential", &E::make<math::ExpOp>)
                    .Case("exponential_minus_one", &E::make<math::ExpM1Op>)
                    .Case("log", &E::make<math::LogOp>)
                    .Case("log_plus_one", &E::make<math::Log1pOp>)
                    .Case("tanh", &E::make<math::TanhOp>)
                    .Case("sqrt", &E::make<math::SqrtOp>)
                    .Case("rsqrt", &E::make<math::RsqrtOp>)
                    .Case("cbrt", &E::make<math::CbrtOp>)
                    .Case("sine", &E::make<math::SinOp>)
                    .Case("cosine", &E::make<math::CosOp>)
                    .Case("tan", &E::make<math::TanOp>)
                    .Case("asin", &E::make<math::AsinOp>)
                    .Case("acos", &E::make<math::AcosOp>)
                    .Case("atan", &E::make<math::AtanOp>)
                    .Case("sinh", &E::make<math::SinhOp>)
                    .Case("cosh", &E::make<math::CoshOp>)
                    .Case("asinh", &E::make<math::AsinhOp>)
                    .Case("acosh", &E::make<math::AcoshOp>)
                    .Case("atanh", &E::make<math::AtanhOp>)
                    .Case("erf", &E::make<math::ErfOp>)
                    .Case("erfc", &E::make<math::ErfcOp>)
                    .Case("erf_inv", &E::inverseErf)
                    .Case("floor", &E::make<math::FloorOp>)
                    .Case("ceil", &E::make<math::CeilOp>)
                    .Case("round_nearest_even", &E::make<math::RoundEvenOp>)
                    .Case("round_nearest_afz", &E::make<math::RoundOp>)
                    .Case("logistic", &E::logistic)
                    .Case("sign", &E::sign)
                    .Case("is_finite", &E::isFinite)
                    .Default(nullptr);
  return maker ? (this->*maker)() : Value();
}

Value ScalarEmitter::emitInteger() {
  using E = ScalarEmitter;
  bool isBool = args[0].getType().isInteger(1);
  if (name == "negate")
    return arith::SubIOp::create(b, loc, integer(0), args[0]);
  if (name == "not")
    return arith::XOrIOp::create(b, loc, args[0], integer(-1));
  Maker maker = nullptr;
  if (isBool)
    maker = llvm::StringSwitch<Maker>(name)
                .Cases({"and", "multiply", "minimum"}, &E::make<arith::AndIOp>)
                .Cases({"or", "add", "maximum"}, &E::make<arith::OrIOp>)
                .Case("xor", &E::make<arith::XOrIOp>)
                .Default(nullptr);
  else
    maker =
        llvm::StringSwitch<Maker>(name)
            .Case("add", &E::make<arith::AddIOp>)
            .Case("subtract", &E::make<arith::SubIOp>)
            .Case("multiply", &E::make<arith::MulIOp>)
            .Case("maximum", isUnsigned ? &E::make<arith::MaxUIOp>
                                        : &E::make<arith::MaxSIOp>)
            .Case("minimum", isUnsigned ? &E::make<arith::MinUIOp>
                                        : &E::make<arith::MinSIOp>)
            .Case("shift_left", &E::shift<arith::ShLIOp>)
            .Case("shift_right_logical", &E::shift<arith::ShRUIOp>)
            .Case("shift_right_arithmetic", &E::shiftWithSign)
            .Case("popcnt", &E::make<math::CtPopOp>)
            .Case("count_leading_zeros", &E::make<math::CountLeadingZerosOp>)
            .Case("and", &E::make<arith::AndIOp>)
            .Case("or", &E::make<arith::OrIOp>)
            .Case("xor", &E::make<arith::XOrIOp>)
            .Case("abs", &E::absInteger)
            .Case("sign", &E::signOfInteger)
            .Case("divide", &E::divideInteger)
            .Case("remainder", &E::remainderInteger)
            .Default(nullptr);
  return maker ? (this->*maker)() : Value();
}

Value ScalarEmitter::emitComplex() {
  using E = ScalarEmitter;
  Maker maker = llvm::StringSwitch<Maker>(name)
                    .Case("add", &E::make<complex::AddOp>)
                    .Case("subtract", &E::make<complex::SubOp>)
                    .Case("multiply", &E::make<complex::MulOp>)
                    .Case("divide", &E::make<complex::DivOp>)
                    .Case("negate", &E::make<complex::NegOp>)
                    .Case("abs", &E::make<complex::AbsOp>)
                    .Case("real", &E::make<complex::ReOp>)
                    .Case("imag", &E::make<complex::ImOp>)
                    .Case("exponential", &E::make<complex::ExpOp>)
                    .Case("exponential_minus_one", &E::make<complex::Expm1Op>)
                    .Case("log", &E::make<complex::LogOp>)
                    .Case("log_plus_one", &E::make<complex::Log1pOp>)
                    .Case("sqrt", &E::make<complex::SqrtOp>)
                    .Case("rsqrt", &E::make<complex::RsqrtOp>)
                    .Case("tanh", &E::make<complex::TanhOp>)
                    .Case("sine", &E::make<complex::SinOp>)
                    .Case("cosine", &E::make<complex::CosOp>)
                    .Case("power", &E::make<complex::PowOp>)
                    .Default(nullptr);
  return maker ? (this->*maker)() : Value();
}

Value ScalarEmitter::emitCompare() {
  Type type = args[0].getType();
  if (isa<ComplexType>(type)) {
    if (direction == "EQ")
      return complex::EqualOp::create(b, loc, args[0], args[1]);
    return direction == "NE"
               ? complex::NotEqualOp::create(b, loc, args[0], args[1])
               : Value();
  }
  using Real = arith::CmpFPredicate;
  using Int = arith::CmpIPredicate;
  struct Predicates {
    Real real;
    Int sign, noSign;
  };
  auto found = llvm::StringSwitch<std::optional<Predicates>>(direction)
                   .Case("EQ", Predicates{Real::OEQ, Int::eq, Int::eq})
                   .Case("NE", Predicates{Real::UNE, Int::ne, Int::ne})
                   .Case("LT", Predicates{Real::OLT, Int::slt, Int::ult})
                   .Case("LE", Predicates{Real::OLE, Int::sle, Int::ule})
                   .Case("GT", Predicates{Real::OGT, Int::sgt, Int::ugt})
                   .Case("GE", Predicates{Real::OGE, Int::sge, Int::uge})
                   .Default(std::nullopt);
  if (!found)
    return {};
  if (isa<FloatType>(type) && isTotal)
    return arith::CmpIOp::create(b, loc, found->sign, totalOrder(args[0]),
                                 totalOrder(args[1]));
  if (isa<FloatType>(type))
    return arith::CmpFOp::create(b, loc, found->real, args[0], args[1]);
  bool hasNoSign = type.isInteger(1) || isUnsigned;
  return arith::CmpIOp::create(b, loc, hasNoSign ? found->noSign : found->sign,
                               args[0], args[1]);
}

/// Between real types; bool counts as 0 and 1.
Value ScalarEmitter::emitConvert() {
  Type from = args[0].getType(), to = result;
  if (from == to)
    return args[0];
  bool isFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  unsigned bits = from.getIntOrFloatBitWidth(),
           toBits = to.getIntOrFloatBitWidth();
  if (to.isInteger(1))
    return isFloat
               ? Value(arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE,
                                             args[0], constant(0)))
               : arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       args[0], integer(0));
  if (isFloat && toFloat) {
    if (bits != toBits)
      return bits < toBits ? make<arith::ExtFOp>() : make<arith::TruncFOp>();
    Value wide = arith::ExtFOp::create(b, loc, b.getF32Type(), args[0]);
    return arith::TruncFOp::create(b, loc, to, wide);
  }
  bool hasNoSign = bits == 1 || isUnsigned;
  if (isFloat)
    return isUnsigned ? make<arith::FPToUIOp>() : make<arith::FPToSIOp>();
  if (toFloat)
    return hasNoSign ? make<arith::UIToFPOp>() : make<arith::SIToFPOp>();
  if (hasNoSign && bits < toBits)
    return make<arith::ExtUIOp>();
  return bits < toBits ? make<arith::ExtSIOp>() : make<arith::TruncIOp>();
}

/// What is alike for all types.
Value ScalarEmitter::emitAny() {
  if (name == "select")
    return arith::SelectOp::create(b, loc, args[0], args[1], args[2]);
  if (name == "clamp") {
    std::string kind = isUnsigned ? "unsigned_" : "";
    Value above = ssm::emitScalar(b, loc, kind + "maximum", "",
                                  {args[0], args[1]}, result);
    return above ? ssm::emitScalar(b, loc, kind + "minimum", "",
                                   {above, args[2]}, result)
                 : Value();
  }
  if (name == "square")
    return square();
  if (name == "complex")
    return complex::CreateOp::create(b, loc, result, args[0], args[1]);
  if (name == "real" && !isa<ComplexType>(args[0].getType()))
    return args[0];
  if (name == "compare")
    return emitCompare();
  if (name == "bitcast_convert")
    return bitcast();
  if (name != "convert")
    return {};
  auto to = dyn_cast<ComplexType>(result);
  if (isa<ComplexType>(args[0].getType()))
    return args[0].getType() == result ? args[0] : Value();
  if (!to)
    return emitConvert();
  std::string kind = isUnsigned ? "unsigned_convert" : "convert";
  Value real = ScalarEmitter(b, loc, kind, direction, args, to.getElementType())
                   .emitConvert();
  Value zero =
      arith::ConstantOp::create(b, loc, b.getFloatAttr(to.getElementType(), 0));
  return complex::CreateOp::create(b, loc, to, real, zero);
}

Value ScalarEmitter::emit() {
  if (args.empty())
    return {};
  if (Value value = emitAny())
    return value;
  Type type = args[0].getType();
  if (isa<FloatType>(type))
    return emitReal();
  return isa<ComplexType>(type) ? emitComplex() : emitInteger();
}

Value ssm::emitScalar(OpBuilder &b, Location loc, StringRef name,
                      StringRef direction, ValueRange args, Type result) {
  return ScalarEmitter(b, loc, name, direction, args, result).emit();
}
