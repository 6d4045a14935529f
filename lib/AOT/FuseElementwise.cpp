//===- FuseElementwise.cpp - Fuse elementwise operations ------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
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

/// Whether the consumer would compute each element of the producer more than
/// once, and that takes more than a few additions and products.
static bool repeatsWork(linalg::LinalgOp producer, OpOperand *operand) {
  auto consumer = cast<linalg::LinalgOp>(operand->getOwner());
  if (consumer.getMatchingIndexingMap(operand).getNumResults() ==
      consumer.getNumLoops())
    return false;
  return llvm::any_of(producer.getBlock()->without_terminator(),
                      [](Operation &nested) {
                        return isa<arith::DivFOp, complex::DivOp>(nested) ||
                               isa<math::MathDialect>(nested.getDialect()) ||
                               isa<complex::ExpOp, complex::Expm1Op>(nested);
                      });
}

/// One use, in the same block.
static bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  return producer && producer->hasOneUse() &&
         producer->getBlock() == operand->getOwner()->getBlock() &&
         !repeatsUpdate(producer, operand) && !repeatsWork(producer, operand);
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
