//===- LoopKinds.cpp - Which loops run on threads -------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/Utils/OneThread.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"

namespace ssm {
#define GEN_PASS_DEF_LOOPKINDS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// scf.parallel with results reduces; only those without can become loops
/// nested in place.
static LogicalResult serialize(RewriterBase &rewriter, Operation *loop) {
  rewriter.setInsertionPoint(loop);
  if (auto forall = dyn_cast<scf::ForallOp>(loop))
    return scf::forallToForLoop(rewriter, forall);
  auto parallel = cast<scf::ParallelOp>(loop);
  if (parallel.getNumResults())
    return success(); // convert-scf-to-cf keeps the order of the reduction.
  return scf::parallelForToNestedFors(rewriter, parallel);
}

namespace {
struct LoopKinds : ::ssm::impl::LoopKindsBase<LoopKinds> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Operation *> loops;
    getOperation()->walk([&](Operation *op) {
      if (isa<scf::ForallOp, scf::ParallelOp>(op))
        loops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    // Post-order: a loop is rewritten before the one around it.
    for (Operation *loop : loops) {
      bool inner = loop->getParentOfType<scf::ForallOp>() ||
                   loop->getParentOfType<scf::ParallelOp>();
      if (!threads || inner || loop->hasAttr(ssm::kOneThreadAttrName)) {
        if (failed(serialize(rewriter, loop)))
          return signalPassFailure();
      } else if (auto forall = dyn_cast<scf::ForallOp>(loop)) {
        rewriter.setInsertionPoint(loop);
        if (failed(scf::forallToParallelLoop(rewriter, forall)))
          return signalPassFailure();
      }
    }
  }
};
} // namespace
