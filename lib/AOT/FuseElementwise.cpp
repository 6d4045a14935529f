//===- FuseElementwise.cpp - Fuse elementwise operations ------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Whether the producer reads what it overwrites and would do so more than
/// once: the fused op of MLIR 22 updates the producer's output at each point of
/// the consumer, not once.
static bool repeatsUpdate(linalg::LinalgOp producer, OpOperand *operand) {
  auto consumer = cast<linalg::LinalgOp>(operand->getOwner());
  if (consumer.getMatchingIndexingMap(operand).isPermutation())
    return false;
  return llvm::any_of(producer.getDpsInitsMutable(), [&](OpOperand &init) {
    return producer.payloadUsesValueFromOperand(&init);
  });
}

/// One use, in the same block.
static bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  return producer && producer->hasOneUse() &&
         producer->getBlock() == operand->getOwner()->getBlock() &&
         !repeatsUpdate(producer, operand);
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
