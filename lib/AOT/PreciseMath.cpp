//===- PreciseMath.cpp - What LLVM lacks or would compute badly -----------===//
//
// LLVM has no op for erf, erfc, cbrt and the inverse hyperbolic functions, and
// none on vectors of rank 2 for some of integers: the first call libm for each
// element that ssm-vector-calls has left, the second see all in a row. Upstream
// does the first after vectors have been lowered, when elements can no longer
// be taken out of them.
//
// Upstream's conversion to LLVM turns expm1(x) into exp(x) - 1 and log1p(x)
// into log(1 + x), which lose all digits near 0. Scalars call libm, which
// LLVM's vectoriser knows; vectors, where the library has no function of them,
// use formulas of W. Kahan in which the rounding errors of exp(x) or 1 + x
// cancel:
//
//   expm1(x) = (u - 1) * x / log(u),   u = exp(x);   x if u = 1
//   log1p(x) = log(u) * x / (u - 1),   u = 1 + x;    x if u = 1
//
// Reference: N. Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ssm {
#define GEN_PASS_DEF_PRECISEMATH
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
/// Shorthand for arithmetic on values of one type.
struct Arithmetic {
  OpBuilder &b;
  Location loc;

  Value constant(Type type, double value) const {
    return arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            cast<ShapedType>(type),
            b.getFloatAttr(getElementTypeOrSelf(type), value)));
  }
  Value isEqual(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  }
  Value select(Value condition, Value x, Value y) const {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value sub(Value x, Value y) const {
    return arith::SubFOp::create(b, loc, x, y);
  }
  /// x * y / z
  Value mulDiv(Value x, Value y, Value z) const {
    return arith::DivFOp::create(b, loc, arith::MulFOp::create(b, loc, x, y),
                                 z);
  }
};

struct VectorExpM1 : OpRewritePattern<math::ExpM1Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpM1Op op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!isa<VectorType>(type))
      return rewriter.notifyMatchFailure(op, "not a vector");
    Arithmetic a{rewriter, op.getLoc()};
    Value x = op.getOperand(), one = a.constant(type, 1);
    Value u = math::ExpOp::create(rewriter, op.getLoc(), x);
    Value d = a.sub(u, one);
    Value log = math::LogOp::create(rewriter, op.getLoc(), u);
    Value small = a.isEqual(u, one);
    // Where exp(x) is 0 or infinite, d is the result.
    Value far = arith::OrIOp::create(rewriter, op.getLoc(),
                                     a.isEqual(d, a.constant(type, -1)),
                                     a.isEqual(u, a.constant(type, INFINITY)));
    Value result = a.select(far, d, a.mulDiv(d, x, log));
    rewriter.replaceOp(op, a.select(small, x, result));
    return success();
  }
};

struct VectorLog1p : OpRewritePattern<math::Log1pOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::Log1pOp op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!isa<VectorType>(type))
      return rewriter.notifyMatchFailure(op, "not a vector");
    Arithmetic a{rewriter, op.getLoc()};
    Value x = op.getOperand(), one = a.constant(type, 1);
    Value u = arith::AddFOp::create(rewriter, op.getLoc(), one, x);
    Value log = math::LogOp::create(rewriter, op.getLoc(), u);
    Value small = a.isEqual(u, one);
    Value far = a.isEqual(u, a.constant(type, INFINITY));
    Value result = a.select(far, log, a.mulDiv(log, x, a.sub(u, one)));
    rewriter.replaceOp(op, a.select(small, x, result));
    return success();
  }
};

/// An op of integers on a vector of rank 2 or more becomes one on all elements
/// in a row.
template <typename Op>
struct FlattenIntegers : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || type.getRank() < 2)
      return rewriter.notifyMatchFailure(op, "it is no vector of rank 2");
    auto flat = VectorType::get(type.getNumElements(), type.getElementType());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(
          vector::ShapeCastOp::create(rewriter, op.getLoc(), flat, operand));
    auto row = Op::create(rewriter, op.getLoc(), TypeRange(flat), operands);
    rewriter.replaceOpWithNewOp<vector::ShapeCastOp>(op, type, row);
    return success();
  }
};

struct PreciseMath : ::ssm::impl::PreciseMathBase<PreciseMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathToLibmConversionPatterns(patterns);
    patterns.add<VectorExpM1, VectorLog1p>(&getContext(),
                                           /*benefit=*/PatternBenefit(2));
    patterns.add<FlattenIntegers<math::AbsIOp>,
                 FlattenIntegers<math::CountLeadingZerosOp>,
                 FlattenIntegers<math::CountTrailingZerosOp>,
                 FlattenIntegers<math::IPowIOp>>(&getContext());
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    target.addIllegalOp<math::ExpM1Op, math::Log1pOp, math::ErfOp, math::ErfcOp,
                        math::CbrtOp, math::AcoshOp, math::AsinhOp,
                        math::AtanhOp>();
    target.addDynamicallyLegalOp<math::AbsIOp, math::CountLeadingZerosOp,
                                 math::CountTrailingZerosOp, math::IPowIOp>(
        [](Operation *op) {
          auto type = dyn_cast<VectorType>(op->getResult(0).getType());
          return !type || type.getRank() < 2;
        });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
