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
static OpCount countSplitTime(const Problem &problem,
                              const TargetInfo &target) {
  constexpr double kArrays = 3, kShufflesPerVector = 4, kPasses = 2;
  double blocks = problem.length / kSegmentBlock;
  double vectors = kSegmentBlock * problem.elementBytes / target.vectorBytes;
  OpCount loop{"segments", problem.channels};
  loop.depth = blocks * kPasses * kSegmentSteps;
  loop.cycles = blocks * kArrays * kShufflesPerVector * vectors;
  loop.flops = problem.flopsPerStep * problem.channels * problem.length;
  loop.elementBytes = problem.elementBytes;
  return loop;
}

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  StrategyPlan plan;
  double lanes = tileLanes(problem, target, vectorsPerTile(problem));
  plan.parameters =
      StrategyAttr::get(problem.op->getContext(), StrategyKind::Sequential,
                        /*leaf=*/128, lanes);
  OpCount loop =
      problem.row > 0
          ? countMixing("steps", problem, problem.applyFlops, kApplyEfficiency)
      : problem.splitsTime
          ? countSplitTime(problem, target)
          : countScan("steps", problem, target, tileCount(problem, lanes),
                      problem.length, lanes);
  loop.bytes = problem.bytes;
  plan.loops.push_back(loop);
  return plan;
}

const Strategy ssm::kSequential = {StrategyKind::Sequential, refuse, plan};
