//===- LoopKinds.cpp - Which loops run on threads -------------------------===//
#include "LoopCost.h"

#include "ssm/AOT/Passes.h"
#include "ssm/Analysis/TargetInfo.h"
#include "ssm/Utils/Threads.h"

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
  if (isa<scf::ForOp>(loop))
    return success();
  if (auto forall = dyn_cast<scf::ForallOp>(loop))
    return scf::forallToForLoop(rewriter, forall);
  auto parallel = cast<scf::ParallelOp>(loop);
  if (parallel.getNumResults())
    return success(); // convert-scf-to-cf keeps the order of the reduction.
  return scf::parallelForToNestedFors(rewriter, parallel);
}

/// Whether the loop's iterations run on threads where those of no loop around
/// it do.
static bool isShared(Operation *op) {
  if (isa<scf::ForallOp, scf::ParallelOp>(op))
    return !op->hasAttr(ssm::kOneThreadAttrName);
  auto loop = dyn_cast<scf::ForOp>(op);
  return loop && loop->hasAttr(ssm::kIndependentAttrName) &&
         loop.getInitArgs().empty();
}

static bool isInSharedLoop(Operation *op) {
  while ((op = op->getParentOp()))
    if (isShared(op))
      return true;
  return false;
}

/// Iterations in any order, at the same time.
static LogicalResult share(RewriterBase &rewriter, Operation *loop) {
  rewriter.setInsertionPoint(loop);
  Attribute cached = loop->getAttr(ssm::kCachedAttrName);
  auto keepMark = [&](scf::ParallelOp parallel) {
    if (cached)
      parallel->setAttr(ssm::kCachedAttrName, cached);
  };
  if (auto forall = dyn_cast<scf::ForallOp>(loop)) {
    scf::ParallelOp parallel;
    if (failed(scf::forallToParallelLoop(rewriter, forall, &parallel)))
      return failure();
    keepMark(parallel);
    return success();
  }
  auto sequential = dyn_cast<scf::ForOp>(loop);
  if (!sequential)
    return success();
  auto parallel = scf::ParallelOp::create(
      rewriter, loop->getLoc(), sequential.getLowerBound(),
      sequential.getUpperBound(), sequential.getStep());
  keepMark(parallel);
  Block *body = sequential.getBody();
  rewriter.eraseOp(body->getTerminator());
  rewriter.inlineBlockBefore(body, parallel.getBody()->getTerminator(),
                             parallel.getInductionVars());
  rewriter.eraseOp(sequential);
  return success();
}

namespace {
struct LoopKinds : ::ssm::impl::LoopKindsBase<LoopKinds> {
  using Base::Base;

  void runOnOperation() override {
    double leastCycles = 0;
    if (!target.empty()) {
      auto info = ::ssm::TargetInfo::forModule(
          getOperation()->getParentOfType<ModuleOp>(), target, rates);
      if (!info) {
        getOperation().emitError("cannot take the rates: ")
            << llvm::toString(info.takeError());
        return signalPassFailure();
      }
      leastCycles = info->cyclesWorthThreads();
    }
    SmallVector<Operation *> loops;
    getOperation()->walk([&](Operation *op) {
      if (isa<scf::ForallOp, scf::ParallelOp>(op) || isShared(op))
        loops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    // Post-order: a loop is rewritten before the one around it.
    for (Operation *loop : loops) {
      bool runsOnThreads = threads && isShared(loop) && !isInSharedLoop(loop) &&
                           ::ssm::cyclesOf(loop) >= leastCycles;
      if (failed(runsOnThreads ? share(rewriter, loop)
                               : serialize(rewriter, loop)))
        return signalPassFailure();
    }
  }
};
} // namespace
