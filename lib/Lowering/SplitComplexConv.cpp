//===- SplitComplexConv.cpp - Complex convolutions by parts ---------------===//
//
//   (ur + i ui) * (kr + i ki) = (ur * kr - ui * ki) + i (ur * ki + ui * kr)
//
// by the convolutions of the parts that there are: the transforms of fft_conv
// are of real operands.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// The real or imaginary part of a complex tensor.
static Value takePart(OpBuilder &b, Location loc, Value value, bool imaginary) {
  auto type = cast<RankedTensorType>(value.getType());
  Type real = getRealType(type.getElementType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, value), real);
  return buildGeneric(b, loc, type.getRank(), {{value, identity}},
                      {{out, identity}},
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        Num x = NumBuilder(nested, at, real).load(args[0]);
                        return SmallVector<Value>{imaginary ? x.im : x.re};
                      })[0];
}

namespace {
/// (ur + i ui) * (kr + i ki) by the convolutions of the parts that there are.
struct SplitComplexConv : OpRewritePattern<LongConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    auto type = dyn_cast<ComplexType>(op.getType().getElementType());
    if (!strategy || strategy.getKind() != StrategyKind::FFTConv || !type)
      return rewriter.notifyMatchFailure(op, "not a complex fft_conv");
    Location loc = op.getLoc();
    auto partsOf = [&](Value value) {
      if (!isa<ComplexType>(getElementTypeOrSelf(value)))
        return SmallVector<Value>{value};
      return SmallVector<Value>{takePart(rewriter, loc, value, false),
                                takePart(rewriter, loc, value, true)};
    };
    Type real = type.getElementType();
    auto partType = RankedTensorType::get(op.getType().getShape(), real);
    SmallVector<Indexed> ins;
    AffineMap identity =
        rewriter.getMultiDimIdentityMap(op.getType().getRank());
    SmallVector<Value> signal = partsOf(op.getSignal());
    SmallVector<Value> kernel = partsOf(op.getKernel());
    for (Value u : signal)
      for (Value k : kernel) {
        auto part = cast<LongConvOp>(rewriter.clone(*op));
        part.getSignalMutable().assign(u);
        part.getKernelMutable().assign(k);
        part.getResult().setType(partType);
        ins.push_back({part.getResult(), identity});
      }
    Value out = tensor::EmptyOp::create(
        rewriter, loc, tensor::getMixedSizes(rewriter, loc, ins[0].value),
        type);
    auto sum = buildGeneric(
        rewriter, loc, identity.getNumDims(), ins, {{out, identity}},
        [&](OpBuilder &nested, Location at, ValueRange args) {
          NumBuilder num(nested, at, real);
          Num y{args[0], args[1]};
          if (ins.size() == 4)
            y = {num.subf(args[0], args[3]), num.addf(args[1], args[2])};
          return SmallVector<Value>{num.store(y, type)};
        });
    rewriter.replaceOp(op, sum);
    return success();
  }
};
} // namespace

void ssm::populateSplitComplexConvLowering(RewritePatternSet &patterns) {
  patterns.add<SplitComplexConv>(patterns.getContext());
}
