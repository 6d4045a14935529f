//===- ScaleExponents.cpp - exp(x y) as a power of two --------------------===//
//
//   exp(x y) = 2^(x (y log2 e))
//
// where y is an operand that lacks loop dimensions: its elements are scaled
// once, and the multiplication that each exponential begins with is gone. In
// a selective scan y is A[d, n], and x the step dt[t, d].
//
// The exponent x y is rounded either way; y log2 e is one rounding more, half a
// unit in its last place. Only where products may be contracted, which asks for
// no certain rounding either.
//
//===----------------------------------------------------------------------===//
#include "ssm/Transforms/Patterns.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

/// The input that `value` is, if it is a tensor of f32 that lacks loops.
static OpOperand *getSmallInput(linalg::GenericOp op, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock() ||
      argument.getArgNumber() >= op.getNumDpsInputs())
    return nullptr;
  OpOperand *input = op.getDpsInputOperand(argument.getArgNumber());
  AffineMap map = op.getMatchingIndexingMap(input);
  bool isSmall = isa<RankedTensorType>(input->get().getType()) &&
                 map.isProjectedPermutation() &&
                 map.getNumResults() < op.getNumLoops();
  return isSmall ? input : nullptr;
}

/// Orders tensors by their number of elements, as far as it is known.
static std::pair<int64_t, int64_t> getSize(OpOperand *operand) {
  auto type = cast<RankedTensorType>(operand->get().getType());
  int64_t elements = 1;
  for (int64_t size : type.getShape())
    if (ShapedType::isStatic(size))
      elements *= size;
  return {type.getNumDynamicDims(), elements};
}

/// `tensor`, each element times log2 e.
static Value scaleTensor(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, tensor), type.getElementType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  return buildGeneric(
      b, loc, type.getRank(), {{tensor, identity}}, {{empty, identity}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        Value factor = arith::ConstantOp::create(
            nested, at, nested.getF32FloatAttr(llvm::numbers::log2e));
        return SmallVector<Value>{
            arith::MulFOp::create(nested, at, args[0], factor)};
      })[0];
}

namespace {
struct ScaleExponent : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp exp,
                                PatternRewriter &rewriter) const override {
    auto op = dyn_cast<linalg::GenericOp>(exp->getParentOp());
    auto product = exp.getOperand().getDefiningOp<arith::MulFOp>();
    if (!op || !op.hasPureTensorSemantics() || !product ||
        product->getBlock() != op.getBlock() || !exp.getType().isF32())
      return rewriter.notifyMatchFailure(exp, "not of a product of f32");
    if (!arith::bitEnumContainsAll(product.getFastmath(),
                                   arith::FastMathFlags::contract))
      return rewriter.notifyMatchFailure(exp, "the product is exact");
    Value other = product.getLhs();
    OpOperand *small = getSmallInput(op, product.getRhs());
    OpOperand *left = getSmallInput(op, product.getLhs());
    if (!small || (left && getSize(left) < getSize(small))) {
      other = product.getRhs();
      small = left;
    }
    if (!small)
      return rewriter.notifyMatchFailure(exp, "no factor lacks a loop");
    Location loc = exp.getLoc();
    rewriter.setInsertionPoint(op);
    Value scaled = scaleTensor(rewriter, op.getLoc(), small->get());
    AffineMap map = op.getMatchingIndexingMap(small);
    unsigned position = op.getNumDpsInputs();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputsMutable().append(scaled);
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps.insert(maps.begin() + position, map);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      op.getBlock()->insertArgument(position, rewriter.getF32Type(), loc);
    });
    rewriter.setInsertionPoint(exp);
    Value exponent = arith::MulFOp::create(rewriter, loc, other,
                                           op.getBlock()->getArgument(position),
                                           product.getFastmath());
    rewriter.replaceOpWithNewOp<math::Exp2Op>(exp, exponent);
    return success();
  }
};
} // namespace

void ssm::populateScaleExponentsPatterns(RewritePatternSet &patterns) {
  patterns.add<ScaleExponent>(patterns.getContext());
}
