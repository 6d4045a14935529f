//===- EmptyResults.cpp - Results without elements ------------------------===//
//
// A result that has no element needs no computation, and no lowering needs to
// slice a dimension of size zero.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/SSMDialect.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace {
struct ReplaceEmptyResults : RewritePattern {
  explicit ReplaceEmptyResults(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/10, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<ssm::SSMDialect>(op->getDialect()))
      return failure();
    bool changed = false;
    for (Value result : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || result.use_empty() || !type.hasStaticShape() ||
          type.getNumElements() != 0)
        continue;
      Value empty = tensor::EmptyOp::create(
          rewriter, op->getLoc(), type.getShape(), type.getElementType());
      rewriter.replaceAllUsesWith(result, empty);
      changed = true;
    }
    return success(changed);
  }
};
} // namespace

void ssm::populateEmptyResultPatterns(RewritePatternSet &patterns) {
  patterns.add<ReplaceEmptyResults>(patterns.getContext());
}
