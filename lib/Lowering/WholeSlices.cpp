//===- WholeSlices.cpp - Slices that are all of a tensor ------------------===//
//
//   %e = tensor.empty(%n) : tensor<?x8xf32>
//   tensor.extract_slice %e[0, 0] [%n, 8] [1, 1]            ->  %e
//   tensor.insert_slice %v into %e[0, 0] [%n, 8] [1, 1]     ->  %v
//
// Upstream folds these where the sizes are static. What is left of a loop over
// one tile is such a pair, and keeps the loop from writing into the result.
//
//===----------------------------------------------------------------------===//

#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

/// Whether the slice has the sizes that `tensor` was made with.
static bool isWhole(OffsetSizeAndStrideOpInterface slice, Value tensor) {
  auto empty = tensor.getDefiningOp<tensor::EmptyOp>();
  return empty &&
         llvm::all_of(slice.getMixedOffsets(),
                      [](OpFoldResult x) { return isZeroInteger(x); }) &&
         llvm::all_of(slice.getMixedStrides(),
                      [](OpFoldResult x) { return isOneInteger(x); }) &&
         isEqualConstantIntOrValueArray(slice.getMixedSizes(),
                                        empty.getMixedSizes());
}

namespace {
struct WholeExtract : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getType() != op.getSourceType() || !isWhole(op, op.getSource()))
      return rewriter.notifyMatchFailure(op, "not all of a new tensor");
    rewriter.replaceOp(op, op.getSource());
    return success();
  }
};

struct WholeInsert : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getSourceType() != op.getType() || !isWhole(op, op.getDest()))
      return rewriter.notifyMatchFailure(op, "not all of a new tensor");
    rewriter.replaceOp(op, op.getSource());
    return success();
  }
};
} // namespace

void ssm::populateWholeSlicePatterns(RewritePatternSet &patterns) {
  patterns.add<WholeExtract, WholeInsert>(patterns.getContext());
}
