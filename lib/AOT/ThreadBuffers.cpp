//===- ThreadBuffers.cpp - What a loop's threads have once each -----------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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

/// Moves the fence that ends the loop's body behind the thread's iterations: it
/// waits for all that is on its way to memory and back.
static void sinkFence(omp::WsloopOp loop) {
  Region &body = loop.getWrappedLoop()->getRegion(0);
  Operation *last = body.back().getTerminator()->getPrevNode();
  if (auto fence = dyn_cast_or_null<LLVM::FenceOp>(last))
    fence->moveAfter(loop);
}

/// Runs `parallel` on min(threads, omp_get_max_threads()) threads.
static LogicalResult limitThreads(omp::ParallelOp parallel, unsigned threads) {
  OpBuilder b(parallel);
  Location loc = parallel.getLoc();
  auto maxThreads = func::lookupOrCreateFnDecl(
      b, parallel->getParentOfType<ModuleOp>(), "omp_get_max_threads", {},
      nullptr, b.getI32Type());
  if (failed(maxThreads))
    return failure();
  Value allowed =
      func::CallOp::create(b, loc, *maxThreads, ValueRange()).getResult(0);
  Value most = arith::ConstantIntOp::create(b, loc, threads, 32);
  parallel.getNumThreadsMutable().assign(
      arith::MinSIOp::create(b, loc, allowed, most));
  return success();
}

namespace {
struct ThreadBuffers : ::ssm::impl::ThreadBuffersBase<ThreadBuffers> {
  using Base::Base;

  void runOnOperation() override {
    WalkResult limited = getOperation()->walk([&](omp::ParallelOp parallel) {
      return WalkResult(limitThreads(parallel, threads));
    });
    if (limited.wasInterrupted())
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    getOperation()->walk(
        [&](memref::AllocaScopeOp scope) { hoistBuffers(scope, rewriter); });
    getOperation()->walk(sinkFence);
  }
};
} // namespace
