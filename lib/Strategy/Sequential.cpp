//===- Sequential.cpp - The strategy `sequential` -------------------------===//
#include "CostModel.h"

#include "ssm/Plan/ScanPlan.h"

#include <algorithm>

using namespace mlir;
using namespace ssm;

/// Vectors of channels in a tile: four are enough to hide the latency of an
/// FMA, and four cache lines in a row of every operand a step. Two lines take
/// up to twice as long when the rows are a page apart. The states of a channel
/// that has several are vectors of their own, which must stay in registers, and
/// channels whose steps are contiguous are each a stream of their own.
static int64_t vectorsPerTile(const Problem &problem) {
  return problem.states < 4 && !problem.timeContiguous ? 4 : 1;
}

static std::string refuse(const Problem &problem) {
  return isa<LongConvOp>(problem.op) ? "a convolution carries no state" : "";
}

/// Blocks of segments: two passes of dependent FMAs, and a, u and the result
/// transposed by four shuffles for each vector of 16.
static double splitTimeSeconds(const Problem &problem,
                               const TargetInfo &target) {
  constexpr double kArrays = 3, kShufflesPerVector = 4, kPasses = 2;
  double vectors = kSegmentBlock * problem.elementBytes / target.vectorBytes;
  double cycles = kPasses * kSegmentSteps * target.fmaLatency +
                  kArrays * kShufflesPerVector * vectors;
  return problem.length / kSegmentBlock * cycles / target.clock;
}

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  double lanes = tileLanes(problem, target, vectorsPerTile(problem));
  double units = tileCount(problem, lanes);
  double busy = std::min<double>(cores, units);
  if (problem.row > 0)
    return startSeconds(units, target, cores) +
           std::max(mixingSeconds(problem, target, problem.applyFlops,
                                  kApplyEfficiency, cores),
                    memorySeconds(problem, target, busy));
  double scan = problem.splitsTime ? std::ceil(problem.channels / busy) *
                                         splitTimeSeconds(problem, target)
                                   : scanSeconds(problem, target, units,
                                                 problem.length, lanes, cores);
  return startSeconds(units, target, cores) +
         std::max(scan, memorySeconds(problem, target, busy));
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::Sequential,
                           /*leaf=*/128,
                           tileLanes(problem, target, vectorsPerTile(problem)));
}

const Strategy ssm::kSequential = {StrategyKind::Sequential, refuse, estimate,
                                   plan};
