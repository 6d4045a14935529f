//===- TurnedProducts.cpp - Products that are read transposed -------------===//
//
//   Y[.., r, v] = sum of S[.., r, k] V[.., k, v],  Z = transpose of Y
//
// becomes Z = the same sum, with its dimensions in Z's order: what a frontend
// has as one product in the order of its factors, then a transpose of it.
//
// Precondition: nothing else reads Y, its sum starts at zero, and Z has lanes
// that are as good as Y's (MatrixRoles.h).
//
//===----------------------------------------------------------------------===//
#include "TurnedProducts.h"
#include "MatrixRoles.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/LoopRanges.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Columns that fill the vectors of each target.
static constexpr int64_t kWideRow = 16;

/// Whether the product has lanes, and not fewer of them than `other`.
static bool hasAsManyLanes(Product product, Product other) {
  std::optional<MatrixRoles> roles = findMatrixRoles(product),
                             others = findMatrixRoles(other);
  SmallVector<int64_t> sizes = product.op.getStaticLoopRanges();
  return roles && (!others || sizes[roles->lane] >=
                                  std::min(kWideRow, sizes[others->lane]));
}

namespace {
struct TransposeOfProduct : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!linalg::isaTransposeOpInterface(op) || !op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "no transpose");
    Value source = op.getInputs()[0];
    std::optional<Product> product = findProduct(source.getDefiningOp());
    if (!product || product->start.tensor || !source.hasOneUse())
      return rewriter.notifyMatchFailure(op, "of no product of its own");
    Product turned = *product;
    AffineMap places = inversePermutation(op.getIndexingMapsArray()[0]);
    turned.result.map = places.compose(product->result.map);
    if (!hasAsManyLanes(turned, *product))
      return rewriter.notifyMatchFailure(op, "with fewer lanes");
    rewriter.setInsertionPoint(product->op);
    Value start = buildFilled(
        rewriter, op.getLoc(),
        applyMap(turned.result.map, getLoopSizes(rewriter, product->op)),
        getElementTypeOrSelf(source), 0);
    auto sum = linalg::GenericOp::create(
        rewriter, product->op.getLoc(), op.getResult(0).getType(),
        product->op.getInputs(), start,
        ArrayRef{turned.left.map, turned.right.map, turned.result.map},
        product->op.getIteratorTypesArray());
    rewriter.inlineRegionBefore(product->op.getRegion(), sum.getRegion(),
                                sum.getRegion().begin());
    rewriter.replaceOp(op, sum);
    rewriter.eraseOp(product->op);
    return success();
  }
};
} // namespace

void ssm::populateTurnedProductsPatterns(RewritePatternSet &patterns) {
  patterns.add<TransposeOfProduct>(patterns.getContext());
}
