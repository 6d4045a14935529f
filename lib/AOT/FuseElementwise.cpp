//===- FuseElementwise.cpp - Fuse elementwise operations ------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// One use, in the same block.
static bool shouldFuse(OpOperand *operand) {
  Operation *producer = operand->get().getDefiningOp();
  return producer && producer->hasOneUse() &&
         producer->getBlock() == operand->getOwner()->getBlock();
}

namespace {
struct FuseElementwise : ::ssm::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
