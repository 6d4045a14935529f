//===- ThreadBuffers.cpp - One copy of a loop's buffers per thread --------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/PatternMatch.h"

namespace ssm {
#define GEN_PASS_DEF_THREADBUFFERS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Moves the buffers of one loop body and dissolves its scope, unless a buffer
/// of dynamic size needs the scope.
static void hoistBuffers(memref::AllocaScopeOp scope, RewriterBase &rewriter) {
  auto parallel = scope->getParentOfType<omp::ParallelOp>();
  if (!parallel || scope->getNumResults())
    return;
  SmallVector<memref::AllocaOp> buffers(
      scope.getBodyRegion().front().getOps<memref::AllocaOp>());
  for (memref::AllocaOp buffer : buffers)
    if (!buffer.getType().hasStaticShape())
      return;
  Block *start = &parallel.getRegion().front();
  for (memref::AllocaOp buffer : buffers)
    rewriter.moveOpBefore(buffer, start, start->begin());
  Block *body = &scope.getBodyRegion().front();
  rewriter.eraseOp(body->getTerminator());
  rewriter.inlineBlockBefore(body, scope);
  rewriter.eraseOp(scope);
}

namespace {
struct ThreadBuffers : ::ssm::impl::ThreadBuffersBase<ThreadBuffers> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk(
        [&](memref::AllocaScopeOp scope) { hoistBuffers(scope, rewriter); });
  }
};
} // namespace
