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

/// A loop over time in tiles of four vectors.
static double leafSeconds(const Problem &problem, const TargetInfo &target,
                          double cores) {
  if (problem.row > 0)
    return kSequential.estimate(problem, target, cores) + target.tileOverhead;
  double lanes = tileLanes(problem, target, kVectorsPerTile);
  double units = tileCount(problem, lanes);
  double busy = std::min(cores, units);
  return startSeconds(units, target, cores) + target.tileOverhead +
         std::max(
             scanSeconds(problem, target, units, problem.length, lanes, cores),
             memorySeconds(problem.bytes, target, busy));
}

/// One pass over leaves that are lanes: a chain of FMAs or, of several states,
/// their work, and the gathers.
static double leafLanesSeconds(const Problem &problem, const TargetInfo &target,
                               double lanes, double units, double cores) {
  constexpr double kGatherCyclesPerLane = 3.5;
  double gather = kGatherCyclesPerLane * lanes / target.clock * kLeaf *
                  std::ceil(units / cores);
  if (problem.states == 1)
    return scanSeconds(problem, target, units, kLeaf, lanes, cores) + gather;
  double flops = units * kLeaf * lanes * problem.states * problem.flopsPerStep;
  double busy = std::min(cores, units);
  return gather + flops / (target.peakFlops(problem.elementBytes) *
                           kLeafLanesEfficiency * busy);
}

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  double leaves = std::floor(problem.length / kLeaf);
  // A single leaf is a loop over time.
  if (leaves <= 1)
    return leafSeconds(problem, target, cores);
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  // With few channels the lanes hold leaves, see Lowering/TreeScan.cpp; their
  // operands lie a leaf apart and are gathered one by one.
  bool leavesAsLanes = problem.laneChannels < 8;
  double lanes = leavesAsLanes ? vectorElements
                               : tileLanes(problem, target, kVectorsPerTile);
  double units = leavesAsLanes ? problem.channels * std::ceil(leaves / lanes)
                               : tileCount(problem, lanes) * leaves;
  double pass = leavesAsLanes
                    ? leafLanesSeconds(problem, target, lanes, units, cores)
                    : scanSeconds(problem, target, units, kLeaf, lanes, cores);
  constexpr double kPasses = 2;
  double passes = kPasses * pass;
  double busy = std::min<double>(cores, units);
  if (problem.row > 0)
    passes = mixingSeconds(problem, target, problem.composeFlops,
                           kComposeEfficiency, cores) +
             mixingSeconds(problem, target, problem.applyFlops,
                           kApplyEfficiency, cores);
  // Parallel loops: the first summaries, reduce, apply, the rest.
  constexpr double kLoops = 4;
  // Operands twice, the result once.
  constexpr double kTraffic = 1.7;
  return kLoops * startSeconds(units, target, cores) +
         std::max(passes,
                  memorySeconds(kTraffic * problem.bytes, target, busy));
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::TreeScan,
                           kLeaf, tileLanes(problem, target, kVectorsPerTile));
}

const Strategy ssm::kTreeScan = {StrategyKind::TreeScan, refuse, estimate,
                                 plan};
