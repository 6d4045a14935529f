//===- HoistSubsets.cpp - Loop-carried tiles out of their loops -----------===//
//
// Before: scf.for iter_args(%t) { %v = vector.transfer_read %t[%i] ... }
// After:  %v0 = vector.transfer_read %t0[%i]
//         scf.for iter_args(%t, %v) ...
//         vector.transfer_write
//
//===----------------------------------------------------------------------===//
#include "ssm/Pipelines/Passes.h"

#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SubsetOpInterface.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace ssm {
#define GEN_PASS_DEF_HOISTSUBSETS
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Whether the loop reads a subset whose place is the same in each iteration,
/// of a tensor that the loop changes.
static bool hasInvariantSubset(LoopLikeOpInterface loop) {
  return loop
      ->walk([&](SubsetExtractionOpInterface read) {
        OpOperand &source = read.getSourceOperand();
        bool changes = !loop.isDefinedOutsideOfLoop(source.get());
        bool stays = llvm::all_of(read->getOpOperands(), [&](OpOperand &use) {
          return &use == &source || loop.isDefinedOutsideOfLoop(use.get());
        });
        return changes && stays ? WalkResult::interrupt()
                                : WalkResult::advance();
      })
      .wasInterrupted();
}

namespace {
struct HoistSubsets : ::ssm::impl::HoistSubsetsBase<HoistSubsets> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // Post-order: what leaves an inner loop may leave the outer one too.
    getOperation()->walk([&](LoopLikeOpInterface loop) {
      if (hasInvariantSubset(loop))
        hoistLoopInvariantSubsets(rewriter, loop);
    });
  }
};
} // namespace
