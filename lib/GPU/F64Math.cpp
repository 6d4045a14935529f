//===- F64Math.cpp - Functions of f64 without a library -------------------===//
//
//   exp     2^n exp(r),             n = round(x / ln 2),   |r| <= ln 2 / 2
//   log     e ln 2 + 2 atanh(s),    x = 2^e m,   s = (m - 1) / (m + 1)
//   sin     +- sin(r) or cos(r),    n = round(2 x / pi),   |r| <= pi / 4
//
// r takes off n times a constant in two or three parts, by fused multiply-adds.
// What is left are Taylor series up to the term that f64 does not see. The
// error is below two units in the last place; of sin and cos, for |x| up to
// 2^20, as that of expm1, log1p and tanh, which cancel their rounding errors by
// the formulas of W. Kahan.
//
// Reference: N. Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1.
//
//===----------------------------------------------------------------------===//
#include "F64Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace {
/// Arithmetic on scalars of f64 and of their bits.
class F64Builder {
public:
  F64Builder(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value exp(Value x);
  Value expm1(Value x);
  Value log(Value x);
  Value log1p(Value x);
  Value sin(Value x) { return turn(x, 0); }
  Value cos(Value x) { return turn(x, 1); }
  Value tanh(Value x);

private:
  Value number(double value) {
    return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
  }
  Value bits(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  template <typename OpTy>
  Value make(Value x, Value y) {
    return OpTy::create(b, loc, x, y);
  }
  Value add(Value x, Value y) { return make<arith::AddFOp>(x, y); }
  Value sub(Value x, Value y) { return make<arith::SubFOp>(x, y); }
  Value mul(Value x, Value y) { return make<arith::MulFOp>(x, y); }
  Value div(Value x, Value y) { return make<arith::DivFOp>(x, y); }
  Value fma(Value x, Value y, Value z) {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value equal(Value x, double y) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x,
                                 number(y));
  }
  Value less(Value x, Value y) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
  }
  Value asBits(Value x) {
    return arith::BitcastOp::create(b, loc, b.getI64Type(), x);
  }
  Value asNumber(Value x) {
    return arith::BitcastOp::create(b, loc, b.getF64Type(), x);
  }
  /// The whole number next to x, and its low bits as an integer.
  std::pair<Value, Value> round(Value x);
  /// 2^n for a normal result.
  Value power(Value n);
  /// The polynomial of x with these coefficients, the constant one first.
  Value series(Value x, ArrayRef<double> coefficients);
  Value turn(Value x, int64_t quarters);

  OpBuilder &b;
  Location loc;
};
} // namespace

std::pair<Value, Value> F64Builder::round(Value x) {
  // Their sum has no bits behind the point, and n in its low ones.
  Value magic = number(0x1.8p52), sum = add(x, magic);
  return {sub(sum, magic), make<arith::SubIOp>(asBits(sum), asBits(magic))};
}

Value F64Builder::power(Value n) {
  return asNumber(
      make<arith::ShLIOp>(make<arith::AddIOp>(n, bits(1023)), bits(52)));
}

Value F64Builder::series(Value x, ArrayRef<double> coefficients) {
  Value sum = number(coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, number(c));
  return sum;
}

Value F64Builder::exp(Value x) {
  // Beyond these the result is 0 or infinite, and n stays small.
  x = select(less(x, number(-746)), number(-746), x);
  x = select(less(number(710), x), number(710), x);
  auto [whole, n] = round(mul(x, number(1.4426950408889634074)));
  Value r = fma(whole, number(-0x1.62e42fefa39efp-1), x);
  r = fma(whole, number(-0x1.abc9e3b39803fp-56), r);
  SmallVector<double> taylor;
  for (int k = 0; k <= 13; ++k)
    taylor.push_back(1 / std::tgamma(k + 1.0));
  // Two factors, so that each is a normal number.
  Value half = make<arith::ShRSIOp>(n, bits(1));
  Value rest = make<arith::SubIOp>(n, half);
  return mul(mul(series(r, taylor), power(half)), power(rest));
}

/// (u - 1) x / log(u) with u = exp(x).
Value F64Builder::expm1(Value x) {
  Value u = exp(x), d = sub(u, number(1));
  Value far = make<arith::OrIOp>(equal(d, -1), equal(u, INFINITY));
  Value near = select(equal(d, 0), x, div(mul(d, x), log(u)));
  return select(far, d, near);
}

Value F64Builder::log(Value x) {
  // Subnormal numbers are made normal.
  Value isSmall = less(x, number(0x1p-1022));
  Value scaled = select(isSmall, mul(x, number(0x1p54)), x);
  // m in [sqrt(1/2), sqrt(2)): what is above sqrt(1/2) is the exponent.
  int64_t root = llvm::bit_cast<int64_t>(std::sqrt(0.5));
  Value above = make<arith::SubIOp>(asBits(scaled), bits(root));
  Value e = make<arith::ShRSIOp>(above, bits(52));
  Value m = asNumber(
      make<arith::SubIOp>(asBits(scaled), make<arith::ShLIOp>(e, bits(52))));
  Value exponent = arith::SIToFPOp::create(b, loc, b.getF64Type(), e);
  exponent = select(isSmall, sub(exponent, number(54)), exponent);
  Value f = sub(m, number(1)), s = div(f, add(m, number(1)));
  Value square = mul(s, s);
  SmallVector<double> atanh;
  for (int k = 3; k <= 23; k += 2)
    atanh.push_back(2.0 / k);
  // 2 s = f - s f, and f is exact.
  Value tail = mul(s, sub(mul(square, series(square, atanh)), f));
  Value low = fma(exponent, number(0x1.abc9e3b39803fp-56), tail);
  Value result = fma(exponent, number(0x1.62e42fefa39efp-1), add(f, low));
  // Of 0, infinity and what has none.
  result = select(equal(x, INFINITY), x, result);
  result = select(equal(x, 0), number(-INFINITY), result);
  Value hasNone =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ULT, x, number(0));
  return select(hasNone, number(NAN), result);
}

/// log(u) x / (u - 1) with u = 1 + x.
Value F64Builder::log1p(Value x) {
  Value u = add(x, number(1)), d = sub(u, number(1)), l = log(u);
  Value far = make<arith::OrIOp>(equal(u, INFINITY), equal(u, 0));
  return select(far, l, select(equal(d, 0), x, div(mul(l, x), d)));
}

/// -e / (2 + e) with e = exp(-2 |x|) - 1, with the sign of x.
Value F64Builder::tanh(Value x) {
  Value size = math::AbsFOp::create(b, loc, x);
  Value e = expm1(mul(size, number(-2)));
  Value result = div(sub(number(0), e), add(number(2), e));
  return math::CopySignOp::create(b, loc, result, x);
}

/// sin(x + quarters pi / 2)
Value F64Builder::turn(Value x, int64_t quarters) {
  auto [whole, n] = round(mul(x, number(0.63661977236758134308)));
  Value r = fma(whole, number(-0x1.921fb54442d18p+0), x);
  r = fma(whole, number(-0x1.1a62633145c07p-54), r);
  r = fma(whole, number(0x1.f1976b7ed8fbcp-110), r);
  Value square = mul(r, r);
  SmallVector<double> sine, cosine;
  for (int k = 0; k <= 17; ++k) {
    double c = (k / 2 % 2 ? -1 : 1) / std::tgamma(k + 1.0);
    (k % 2 ? sine : cosine).push_back(c);
  }
  // The first terms are exact, and added last.
  ArrayRef<double> sineTail(sine), cosineTail(cosine);
  Value s = fma(mul(r, square), series(square, sineTail.drop_front()), r);
  Value c = fma(square, series(square, cosineTail.drop_front()), number(1));
  Value turned = make<arith::AddIOp>(n, bits(quarters));
  auto isSet = [&](int64_t bit) {
    Value shifted = make<arith::ShRUIOp>(turned, bits(bit));
    return arith::TruncIOp::create(b, loc, b.getI1Type(), shifted);
  };
  Value result = select(isSet(0), c, s);
  return select(isSet(1), arith::NegFOp::create(b, loc, result), result);
}

namespace {
template <typename OpTy>
struct LowerF64 : OpRewritePattern<OpTy> {
  using Function = Value (F64Builder::*)(Value);
  LowerF64(MLIRContext *context, Function function)
      : OpRewritePattern<OpTy>(context), function(function) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isF64())
      return rewriter.notifyMatchFailure(op, "not of f64");
    F64Builder f64(rewriter, op.getLoc());
    rewriter.replaceOp(op, (f64.*function)(op.getOperand()));
    return success();
  }

  Function function;
};
} // namespace

void ssm::populateF64Math(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<LowerF64<math::ExpOp>>(context, &F64Builder::exp);
  patterns.add<LowerF64<math::ExpM1Op>>(context, &F64Builder::expm1);
  patterns.add<LowerF64<math::LogOp>>(context, &F64Builder::log);
  patterns.add<LowerF64<math::Log1pOp>>(context, &F64Builder::log1p);
  patterns.add<LowerF64<math::SinOp>>(context, &F64Builder::sin);
  patterns.add<LowerF64<math::CosOp>>(context, &F64Builder::cos);
  patterns.add<LowerF64<math::TanhOp>>(context, &F64Builder::tanh);
}
