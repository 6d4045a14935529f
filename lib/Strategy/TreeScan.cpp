//===- TreeScan.cpp - The strategy `tree_scan` ----------------------------===//
#include "CostModel.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ssm;

static constexpr int64_t kVectorsPerTile = 4;

/// Leaves of 128 steps: their summaries are then less than a hundredth of the
/// work, and a tile of a leaf stays in the first cache between its two passes.
static constexpr int64_t kLeaf = 128;

static std::string refuse(const Problem &problem) {
  return isa<LongConvOp>(problem.op) ? "a convolution carries no state" : "";
}

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  double leaves = std::max(1.0, std::floor(problem.length / kLeaf));
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  // With few channels the lanes hold leaves, see Lowering/TreeScan.cpp; their
  // operands lie a leaf apart and are gathered one by one.
  bool leavesAsLanes = problem.laneChannels < 8;
  double lanes = leavesAsLanes ? vectorElements
                               : tileLanes(problem, target, kVectorsPerTile);
  double units = leavesAsLanes ? problem.channels * std::ceil(leaves / lanes)
                               : tileCount(problem, lanes) * leaves;
  constexpr double kPasses = 2, kGatherCyclesPerLane = 1.5;
  double gather = leavesAsLanes ? kGatherCyclesPerLane * lanes / target.clock *
                                      kLeaf * std::ceil(units / cores)
                                : 0;
  double passes =
      kPasses *
      (scanSeconds(problem, target, units, kLeaf, lanes, cores) + gather);
  double busy = std::min<double>(cores, units);
  // Parallel loops: the first summaries, reduce, apply, the rest.
  constexpr double kLoops = 4;
  return kLoops * startSeconds(units, target, cores) +
         std::max(passes, memorySeconds(1.7 * problem.bytes, target, busy));
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::TreeScan,
                           kLeaf, tileLanes(problem, target, kVectorsPerTile));
}

const Strategy ssm::kTreeScan = {StrategyKind::TreeScan, refuse, estimate,
                                 plan};
