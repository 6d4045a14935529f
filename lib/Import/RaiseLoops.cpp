//===- RaiseLoops.cpp - Loops over time become recurrences ----------------===//
//
// Each loop is copied as one on tensors (LoopMemory.h), proved to be linear
// recurrences and rewritten (LoopRaiser.h).
//
//===----------------------------------------------------------------------===//

#include "LoopRaiser.h"

#include "ssm/Import/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace ssm {
#define GEN_PASS_DEF_RAISELOOPS
#include "ssm/Import/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

namespace {
struct RaiseLoops : ::ssm::impl::RaiseLoopsBase<RaiseLoops> {
  using RaiseLoopsBase::RaiseLoopsBase;

  void runOnOperation() override {
    std::optional<Numerics> promise = symbolizeNumerics(numerics);
    if (!promise) {
      emitError(UnknownLoc::get(&getContext()))
          << "numerics must be strict or norm, found '" << numerics << '\'';
      return signalPassFailure();
    }
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      raise(loop, *promise);
  }

  void raise(scf::ForOp loop, Numerics promise) {
    moveLoopInvariantCode(cast<LoopLikeOpInterface>(loop.getOperation()));
    auto tensors = TensorLoop::copy(loop, getAnalysis<AliasAnalysis>());
    LoopRaiser raiser(tensors, promise);
    if (!raiser.classify())
      return tensors.erase();
    auto opts = [](StringRef remark) {
      return remark::RemarkOpts::name(remark).category("ssm-raise-loops");
    };
    if (failed(raiser.prove())) {
      remark::missed(loop.getLoc(), opts("NotRaised"))
          << "the loop is no linear recurrence: " + raiser.getReason();
      return tensors.erase();
    }
    remark::passed(loop.getLoc(), opts("Raised"))
        << "linear recurrences that the loop is: " +
               std::to_string(raiser.getNumStates());
    SmallVector<Value> results = raiser.rewrite();
    loop.replaceAllUsesWith(
        ValueRange(results).take_front(loop.getNumResults()));
    loop.erase();
    tensors.erase();
  }
};
} // namespace
