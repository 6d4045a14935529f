//===- RealProducts.cpp - Complex products of which half is read ----------===//
//
//   Z = sum of S V of complex matrices,  y = f(Re Z)
//
// becomes R = sum of Re(S V), y = f(R): two real products for each complex one
// instead of four.
//
// Precondition: nothing else reads Z, and its sum starts at zero.
//
//===----------------------------------------------------------------------===//
#include "RealProducts.h"

#include "ssm/Analysis/ProductForm.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/LoopRanges.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// The real part of the product alone, in its place.
static Value buildRealPart(OpBuilder &b, Product product) {
  Location loc = product.op.getLoc();
  auto type = cast<RankedTensorType>(product.result.tensor.getType());
  Type real = getRealType(type.getElementType());
  SmallVector<OpFoldResult> sizes = getLoopSizes(b, product.op);
  Value start =
      buildFilled(b, loc, applyMap(product.result.map, sizes), real, 0);
  auto body = [&](OpBuilder &inner, Location bodyLoc, ValueRange args) {
    NumBuilder num(inner, bodyLoc, real);
    Num part = num.realOfProduct(num.load(args[0]), num.load(args[1]));
    return SmallVector<Value>{
        num.store(num.add(part, num.load(args[2])), real)};
  };
  return buildGeneric(b, loc, product.op.getNumLoops(),
                      {{product.left.tensor, product.left.map},
                       {product.right.tensor, product.right.map}},
                      {{start, product.result.map}}, body)[0];
}

namespace {
struct RealPartOfProduct : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand *input : op.getDpsInputOperands()) {
      BlockArgument read = op.getMatchingBlockArgument(input);
      if (!isa<ComplexType>(read.getType()) || !input->get().hasOneUse() ||
          !llvm::all_of(read.getUsers(), llvm::IsaPred<complex::ReOp>))
        continue;
      std::optional<Product> product =
          findProduct(input->get().getDefiningOp());
      if (!product || product->start.tensor)
        continue;
      rewriter.setInsertionPoint(product->op);
      Value part = buildRealPart(rewriter, *product);
      rewriter.modifyOpInPlace(op, [&] {
        input->set(part);
        for (Operation *re : llvm::make_early_inc_range(read.getUsers()))
          rewriter.replaceOp(re, read);
        read.setType(getRealType(read.getType()));
      });
      rewriter.eraseOp(product->op);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no product of which it reads the "
                                           "real part alone");
  }
};
} // namespace

void ssm::populateRealProductsPatterns(RewritePatternSet &patterns) {
  patterns.add<RealPartOfProduct>(patterns.getContext());
}
