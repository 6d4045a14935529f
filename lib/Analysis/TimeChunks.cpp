//===- TimeChunks.cpp - Chunks of time of few channels --------------------===//
#include "ssm/Analysis/TimeChunks.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Plan/ScanPlan.h"

using namespace mlir;
using namespace ssm;

/// Real states, one a channel, that may be rounded in another order.
static bool mayBeCut(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  return op.isDiagonal() && dims.state.empty() && dims.input.empty() &&
         dims.output.empty() && !dims.parallel.empty() &&
         op.getNumerics() == Numerics::Norm &&
         !isa<ComplexType>(op.getStateElementType());
}

int64_t ssm::countTimeChunks(LinearRecurrenceOp op) {
  // A chunk is at least so long; a tile has four vectors of f32 at most.
  constexpr int64_t kChunk = 1 << 14, kMostChannels = 64;
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  auto isOne = [&](unsigned dim) { return sizes[dim] == 1; };
  if (!mayBeCut(op) ||
      !llvm::all_of(ArrayRef(dims.parallel).drop_back(), isOne))
    return 1;
  int64_t channels = sizes[dims.parallel.back()];
  return channels >= kFewChannels && channels <= kMostChannels
             ? std::max<int64_t>(sizes[dims.time] / kChunk, 1)
             : 1;
}
