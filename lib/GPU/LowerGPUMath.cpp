//===- LowerGPUMath.cpp - Math ops in kernels without a library -----------===//
//
// PTX has no functions but a few approximations, of which those of 2^x and of
// the square root are good to their last bits. libdevice, NVIDIA's library, is
// not for everyone to have.
//
//===----------------------------------------------------------------------===//
#include "F32Math.h"
#include "F64Math.h"
#include "ssm/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSwitch.h"

namespace ssm {
#define GEN_PASS_DEF_LOWERGPUMATH
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
/// base^x = ex2(x log2(base))
template <typename OpTy>
struct LowerExp : OpRewritePattern<OpTy> {
  LowerExp(MLIRContext *context, double log2OfBase, StringRef intrinsic)
      : OpRewritePattern<OpTy>(context, /*benefit=*/2), factor(log2OfBase),
        intrinsic(intrinsic) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "there is an instruction for f32");
    Value x = op.getOperand();
    if (factor != 1)
      x = multiply(rewriter, op, x);
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
        op, op.getType(), rewriter.getStringAttr(intrinsic), ValueRange{x});
    return success();
  }

private:
  /// Of a product with what a loop leaves alone, that is multiplied: in front
  /// of the loop, as in exp(A dt).
  Value multiply(OpBuilder &b, OpTy op, Value x) const {
    Value log2 =
        arith::ConstantOp::create(b, op.getLoc(), b.getF32FloatAttr(factor));
    auto loop = op->template getParentOfType<scf::ForOp>();
    auto product = x.getDefiningOp<arith::MulFOp>();
    if (loop && product && !loop.isDefinedOutsideOfLoop(x))
      for (auto [fixed, other] :
           {std::pair(product.getLhs(), product.getRhs()),
            std::pair(product.getRhs(), product.getLhs())})
        if (loop.isDefinedOutsideOfLoop(fixed)) {
          Value scaled = arith::MulFOp::create(b, op.getLoc(), fixed, log2);
          return arith::MulFOp::create(b, op.getLoc(), scaled, other);
        }
    return arith::MulFOp::create(b, op.getLoc(), x, log2);
  }

  double factor;
  StringRef intrinsic;
};

/// NVIDIA's instruction, within two units in the last place. A quotient or root
/// that is rounded to the nearest number is ten, with a call for what is near
/// the ends.
template <typename OpTy>
struct LowerToApproximation : OpRewritePattern<OpTy> {
  LowerToApproximation(MLIRContext *context, StringRef intrinsic)
      : OpRewritePattern<OpTy>(context, /*benefit=*/3), intrinsic(intrinsic) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "there is an instruction for f32");
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
        op, op.getType(), rewriter.getStringAttr(intrinsic), op->getOperands());
    return success();
  }

  StringRef intrinsic;
};

/// What is an instruction for f32 and f64: `name` is LLVM's intrinsic. Its op
/// of the LLVM dialect would become a call of libdevice.
template <typename OpTy>
struct LowerToIntrinsic : OpRewritePattern<OpTy> {
  LowerToIntrinsic(MLIRContext *context, StringRef name)
      : OpRewritePattern<OpTy>(context, /*benefit=*/2), name(name) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "there are instructions for f32 "
                                             "and f64");
    auto full = rewriter.getStringAttr(name + (type.isF32() ? ".f32" : ".f64"));
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(op, type, full,
                                                       op->getOperands());
    return success();
  }

  StringRef name;
};

/// x / (1 + exp(z)), as in a gate: the reciprocal of a number that is not below
/// 1 needs no scaling. Above 2^126 it is zero, so that what is lost is below
/// 2^-126 x.
struct LowerGate : OpRewritePattern<arith::DivFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::DivFOp op,
                                PatternRewriter &rewriter) const override {
    auto sum = op.getRhs().getDefiningOp<arith::AddFOp>();
    auto isGate = [](Value one, Value exp) {
      return matchPattern(one, m_OneFloat()) &&
             exp.getDefiningOp<math::ExpOp>();
    };
    if (!sum || !op.getType().isF32() ||
        (!isGate(sum.getLhs(), sum.getRhs()) &&
         !isGate(sum.getRhs(), sum.getLhs())))
      return rewriter.notifyMatchFailure(op, "the divisor is no 1 + exp(z)");
    Value reciprocal = LLVM::CallIntrinsicOp::create(
                           rewriter, op.getLoc(), op.getType(),
                           rewriter.getStringAttr("llvm.nvvm.rcp.approx.ftz.f"),
                           ValueRange{sum})
                           ->getResult(0);
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, op.getLhs(), reciprocal);
    return success();
  }
};

/// 1 / sqrt(x), to the last bit but one: the instruction is off by more.
struct LowerRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::RsqrtOp op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "there are roots of f32 and f64");
    Value one = arith::ConstantOp::create(rewriter, op.getLoc(),
                                          rewriter.getFloatAttr(type, 1));
    StringRef sqrt = type.isF32() ? "llvm.sqrt.f32" : "llvm.sqrt.f64";
    Value root = LLVM::CallIntrinsicOp::create(rewriter, op.getLoc(), type,
                                               rewriter.getStringAttr(sqrt),
                                               op->getOperands())
                     ->getResult(0);
    rewriter.replaceOpWithNewOp<LLVM::FDivOp>(op, one, root);
    return success();
  }
};

/// The high half of a word is an f32 if the low one is cleared: of the second
/// of two neighbours in bf16, one instruction in place of two.
struct ExtendHighHalf : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    auto element = op.getIn().getDefiningOp<LLVM::ExtractElementOp>();
    APInt place;
    if (!element || !op.getType().isF32() || !element.getType().isBF16() ||
        !matchPattern(element.getPosition(), m_ConstantInt(&place)) ||
        !place[0])
      return rewriter.notifyMatchFailure(op, "it is not in a high half");
    Location loc = op.getLoc();
    Type i32 = rewriter.getI32Type();
    int64_t elements =
        cast<VectorType>(element.getVector().getType()).getNumElements();
    Value word = LLVM::BitcastOp::create(
        rewriter, loc, VectorType::get(elements / 2, i32), element.getVector());
    auto constant = [&](int32_t value) {
      return LLVM::ConstantOp::create(rewriter, loc,
                                      rewriter.getI32IntegerAttr(value));
    };
    word = LLVM::ExtractElementOp::create(rewriter, loc, word,
                                          constant(place.getZExtValue() / 2));
    word = LLVM::AndOp::create(rewriter, loc, word, constant(-65536));
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, op.getType(), word);
    return success();
  }
};

struct LowerGPUMath : ssm::impl::LowerGPUMathBase<LowerGPUMath> {
  using LowerGPUMathBase::LowerGPUMathBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    StringRef ex2 = llvm::StringSwitch<StringRef>(instructions)
                        .Case("amd", "llvm.amdgcn.exp2.f32")
                        .Case("nvidia", "llvm.nvvm.ex2.approx.ftz.f32")
                        .Default("llvm.exp2.f32");
    set.add<LowerExp<math::ExpOp>>(context, /*log2(e)=*/1.4426950408889634,
                                   ex2);
    set.add<LowerExp<math::Exp2Op>>(context, 1.0, ex2);
    set.add<LowerToIntrinsic<math::FmaOp>>(context, "llvm.fma");
    set.add<LowerToIntrinsic<math::SqrtOp>>(context, "llvm.sqrt");
    set.add<LowerToIntrinsic<math::AbsFOp>>(context, "llvm.fabs");
    set.add<LowerToIntrinsic<math::FloorOp>>(context, "llvm.floor");
    set.add<LowerToIntrinsic<math::CeilOp>>(context, "llvm.ceil");
    set.add<LowerToIntrinsic<math::CopySignOp>>(context, "llvm.copysign");
    set.add<LowerRsqrt>(context, /*benefit=*/2);
    if (instructions == "nvidia") {
      set.add<ExtendHighHalf>(context);
      set.add<LowerToApproximation<arith::DivFOp>>(context,
                                                   "llvm.nvvm.div.full");
      set.add<LowerToApproximation<math::SqrtOp>>(context,
                                                  "llvm.nvvm.sqrt.approx.f");
    }
    ssm::populateF32Math(set);
    ssm::populateF64Math(set);
    populateMathPolynomialApproximationPatterns(set);
    patterns = std::move(set);
    RewritePatternSet first(context);
    ssm::populateSoftplus(first);
    if (instructions == "nvidia")
      first.add<LowerGate>(context);
    compositions = std::move(first);
    return success();
  }

  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), compositions)) ||
        failed(applyPatternsGreedily(getOperation(), patterns)))
      return signalPassFailure();
    WalkResult left = getOperation()->walk([](Operation *op) {
      if (!isa_and_nonnull<math::MathDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("of ")
          << op->getOperand(0).getType()
          << " has no code for GPUs; compute it in f32, or outside";
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }

  FrozenRewritePatternSet compositions, patterns;
};
} // namespace
