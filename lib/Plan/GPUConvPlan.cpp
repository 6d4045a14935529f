//===- GPUConvPlan.cpp - How a GPU convolves ------------------------------===//
#include "ssm/Plan/GPUConvPlan.h"

#include "llvm/Support/MathExtras.h"

using namespace ssm;

/// Blocks for each multiprocessor, two at a time, below which it is better to
/// transform a kernel again than to leave some of them idle.
static constexpr int64_t kBusyBlocks = 4;
/// Beyond this many signals a kernel's transform costs less than 1/16 of all.
static constexpr int64_t kMaxSignals = 8;

int64_t GPUConvPlan::numRounds() const {
  return llvm::divideCeil(llvm::Log2_64(points), 4);
}

GPUConvPlan GPUConvPlan::forProblem(int64_t length, int64_t kernels,
                                    int64_t signals, int64_t multiprocessors) {
  GPUConvPlan plan;
  // A warp at least; weighting by roots needs no padding.
  plan.points =
      std::max<int64_t>(llvm::PowerOf2Ceil(length), plan.kPoints * 32);
  int64_t all = 0;
  if (llvm::MulOverflow(kernels, signals, all))
    all = INT64_MAX;
  // Unknown numbers are taken to fill the machine.
  int64_t most = all ? all / (kBusyBlocks * multiprocessors) : kMaxSignals;
  plan.signals = std::clamp<int64_t>(signals ? std::min(most, signals) : most,
                                     1, kMaxSignals);
  return plan;
}
