//===- InlineExp.cpp - The exponential of f32 vectors in line -------------===//
//
//   exp(x) = 2^n exp(r),   n = round(x / ln 2),   r = x - n ln 2
//   exp(r) = 1 + (r + r^2 q(r)),   |r| <= ln 2 / 2
//
// q is a polynomial of degree 4, off by 0.05 units in the last place of exp(r).
// n is rounded by adding 1.5 * 2^23, in whose sum the low bits are the integer
// n; 2^n is two factors, of which each is a normal number, so that results that
// overflow or are subnormal come out as they should. The error is below one
// unit in the last place (test/Integration/CPU/test_exp.py).
//
// A call of a vector function would spill every vector register around it: the
// states of a selective scan are in those.
//
// Reference: Tang, "Table-Driven Implementation of the Exponential Function in
// IEEE Floating-Point Arithmetic" (1989), on the reduction.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_INLINEEXP
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
/// Arithmetic on vectors of f32 and of their bits.
class ExpBuilder {
public:
  ExpBuilder(OpBuilder &b, Location loc, VectorType type)
      : b(b), loc(loc), type(type), bitsType(type.clone(b.getI32Type())) {}

  Value emit(Value x);

private:
  Value constant(double value) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getF32FloatAttr(value)));
  }
  Value bits(int32_t value) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(bitsType, b.getI32IntegerAttr(value)));
  }
  Value fma(Value x, Value y, Value z) {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  /// x where it compares with `bound`, or is NaN; else the bound.
  Value limit(Value x, arith::CmpFPredicate beyond, double bound) {
    Value limitValue = constant(bound);
    Value isBeyond = arith::CmpFOp::create(b, loc, beyond, x, limitValue);
    return arith::SelectOp::create(b, loc, isBeyond, limitValue, x);
  }
  /// 2^n, for a normal result.
  Value powerOfTwo(Value n) {
    Value biased = arith::AddIOp::create(b, loc, n, bits(127));
    Value shifted = arith::ShLIOp::create(b, loc, biased, bits(23));
    return arith::BitcastOp::create(b, loc, type, shifted);
  }

  OpBuilder &b;
  Location loc;
  VectorType type, bitsType;
};
} // namespace

Value ExpBuilder::emit(Value x) {
  constexpr double kShift = 12582912.0; // 1.5 * 2^23
  constexpr int32_t kShiftBits = 0x4B400000;
  // ln 2 = high + low; n * high is exact.
  constexpr double kLog2E = 1.44269504088896341, kLn2High = 0.693359375,
                   kLn2Low = -2.12194440054690583e-4;
  constexpr double kQ[] = {0.0013814015963496016, 0.008368998026462628,
                           0.04166841542028987, 0.16666518306207778,
                           0.4999999329061326};
  // 1. Beyond these the result is infinite, or zero.
  x = limit(x, arith::CmpFPredicate::OGT, 90.0);
  x = limit(x, arith::CmpFPredicate::OLT, -105.0);
  // 2. n and r.
  Value shifted = fma(x, constant(kLog2E), constant(kShift));
  Value n = arith::SubFOp::create(b, loc, shifted, constant(kShift));
  Value r = fma(n, constant(-kLn2High), x);
  r = fma(n, constant(-kLn2Low), r);
  // 3. exp(r).
  Value q = constant(kQ[0]);
  for (double coefficient : ArrayRef(kQ).drop_front())
    q = fma(q, r, constant(coefficient));
  Value square = arith::MulFOp::create(b, loc, r, r);
  Value p = arith::AddFOp::create(b, loc, fma(square, q, r), constant(1.0));
  // 4. 2^n exp(r).
  Value whole = arith::SubIOp::create(
      b, loc, arith::BitcastOp::create(b, loc, bitsType, shifted),
      bits(kShiftBits));
  Value half = arith::ShRSIOp::create(b, loc, whole, bits(1));
  Value rest = arith::SubIOp::create(b, loc, whole, half);
  p = arith::MulFOp::create(b, loc, p, powerOfTwo(half));
  return arith::MulFOp::create(b, loc, p, powerOfTwo(rest));
}

namespace {
struct VectorExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a vector of f32");
    rewriter.replaceOp(
        op, ExpBuilder(rewriter, op.getLoc(), type).emit(op.getOperand()));
    return success();
  }
};

struct InlineExp : ::ssm::impl::InlineExpBase<InlineExp> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<VectorExp>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
