//===- F32Math.cpp - Functions of f32 without a library -------------------===//
//
//   log1p(x)          e ln 2 + log1p(m),  1 + x = 2^e (1 + m),  -1/4 <= m < 1/2
//   log1p(exp(-s))    log1p(2^n 2^f),     n = round(-s / ln 2),  |f| <= 1/2
//
// The second is what a softplus adds to max(x, 0). Its exponential is
// arithmetic too: a selective scan is bound by the special function unit, which
// takes as long for one exp as the others for eight operations. Powers between
// 2^-126 and 0 are 2^-126.
//
// Polynomials are minimax ones, with their coefficients rounded to f32. Errors
// are below two units in the last place, and three of log1p(exp(-s)).
//
// Reference: E. Remez, "Sur la determination des polynomes d'approximation"
// (1934).
//
//===----------------------------------------------------------------------===//
#include "F32Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace {
/// Arithmetic on scalars of f32 and of their bits.
class F32Builder {
public:
  F32Builder(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value log1p(Value x);
  /// log1p(exp(-s)) of s >= 0.
  Value log1pOfExp(Value s);

private:
  Value number(float value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  Value bits(int32_t value) {
    return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
  }
  template <typename OpTy>
  Value make(Value x, Value y) {
    return OpTy::create(b, loc, x, y);
  }
  Value fma(Value x, Value y, Value z) {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  Value asBits(Value x) {
    return arith::BitcastOp::create(b, loc, b.getI32Type(), x);
  }
  Value asNumber(Value x) {
    return arith::BitcastOp::create(b, loc, b.getF32Type(), x);
  }
  Value select(arith::CmpFPredicate predicate, Value x, float y, Value yes,
               Value no) {
    Value condition = arith::CmpFOp::create(b, loc, predicate, x, number(y));
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
  /// The polynomial of x with these coefficients, the constant one first.
  Value polynomial(Value x, ArrayRef<float> coefficients);
  /// 2^-126 at least, for x <= 0 as -s log2(e).
  Value expOfMinus(Value s);

  OpBuilder &b;
  Location loc;
};
} // namespace

Value F32Builder::polynomial(Value x, ArrayRef<float> coefficients) {
  Value sum = number(coefficients.back());
  for (float c : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, number(c));
  return sum;
}

Value F32Builder::log1p(Value x) {
  // (log1p(m) - m) / m^2 for -1/4 <= m < 1/2.
  static constexpr float kTail[] = {-0.5000006f, 0.33333549f, -0.24993442f,
                                    0.19977078f, -0.1682281f, 0.14983916f,
                                    -0.1206737f, 0.054132503f};
  // What 1 + x has above 3/4 in its exponent: e, in the place of an exponent.
  Value u = make<arith::AddFOp>(x, number(1));
  Value above = make<arith::SubIOp>(asBits(u), bits(0x3f400000));
  Value e = make<arith::AndIOp>(above, bits(0xff800000));
  // m = 2^-e x + (2^-e - 1). The factor is 2^(2 - e), so that it is a normal
  // number for the largest e; x has an exponent if e is not 0.
  Value scaled = asNumber(make<arith::SubIOp>(asBits(x), e));
  Value factor = asNumber(make<arith::SubIOp>(bits(0x40800000), e));
  Value m = make<arith::AddFOp>(scaled, fma(factor, number(0.25f), number(-1)));
  Value exponent = arith::SIToFPOp::create(b, loc, b.getF32Type(), e);
  Value square = make<arith::MulFOp>(m, m);
  Value result = fma(square, polynomial(m, kTail), m);
  result = fma(exponent, number(0x1.62e430p-24f), result);
  // Of infinity, -1 and what has none.
  result = select(arith::CmpFPredicate::OEQ, x, INFINITY, x, result);
  result = select(arith::CmpFPredicate::OEQ, x, -1, number(-INFINITY), result);
  return select(arith::CmpFPredicate::ULT, x, -1, number(NAN), result);
}

Value F32Builder::expOfMinus(Value s) {
  // 2^f for |f| <= 1/2.
  static constexpr float kPower[] = {1.0000001f,  0.69314694f,  0.2402212f,
                                     0.05550713f, 0.009675541f, 0.0013276472f};
  s = make<arith::MinimumFOp>(s, number(87.336544f));
  // The sum has no bits behind the point, and 127 + n in its low ones: shifted,
  // they are 2^n.
  Value magic = number(0x1.8p23f + 127), minusLog2 = number(-1.442695f);
  Value sum = fma(s, minusLog2, magic);
  Value n = make<arith::SubFOp>(sum, magic);
  Value f = fma(s, minusLog2, arith::NegFOp::create(b, loc, n));
  Value power = asNumber(make<arith::ShLIOp>(asBits(sum), bits(23)));
  return make<arith::MulFOp>(polynomial(f, kPower), power);
}

Value F32Builder::log1pOfExp(Value s) {
  // log1p(x) / x for 0 <= x <= 1.
  static constexpr float kQuotient[] = {
      0x1.fffffep-1f,  -0x1.fffeacp-2f, 0x1.553004p-2f,
      -0x1.fcc8c8p-3f, 0x1.874a82p-3f,  -0x1.17d2c6p-3f,
      0x1.4069e2p-4f,  -0x1.e36a00p-6f, 0x1.56ee18p-8f};
  Value x = expOfMinus(s);
  return make<arith::MulFOp>(polynomial(x, kQuotient), x);
}

namespace {
struct LowerLog1p : OpRewritePattern<math::Log1pOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::Log1pOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    F32Builder f32(rewriter, op.getLoc());
    rewriter.replaceOp(op, f32.log1p(op.getOperand()));
    return success();
  }
};

/// log1p(exp(-|x|))
struct LowerSoftplus : OpRewritePattern<math::Log1pOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::Log1pOp op,
                                PatternRewriter &rewriter) const override {
    auto exp = op.getOperand().getDefiningOp<math::ExpOp>();
    auto minus =
        exp ? exp.getOperand().getDefiningOp<arith::NegFOp>() : nullptr;
    auto size =
        minus ? minus.getOperand().getDefiningOp<math::AbsFOp>() : nullptr;
    if (!size || !op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "not of exp(-|x|) in f32");
    F32Builder f32(rewriter, op.getLoc());
    rewriter.replaceOp(op, f32.log1pOfExp(size));
    return success();
  }
};
} // namespace

void ssm::populateF32Math(RewritePatternSet &patterns) {
  // Upstream's polynomial divides, and takes one of log.
  patterns.add<LowerLog1p>(patterns.getContext(), /*benefit=*/2);
}

void ssm::populateSoftplus(RewritePatternSet &patterns) {
  patterns.add<LowerSoftplus>(patterns.getContext());
}
