//===- TreeScan.cpp - The strategy `tree_scan` ----------------------------===//
#include "CostModel.h"

#include "ssm/Plan/ScanPlan.h"

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

/// Parallel loops: the first summaries, reduce, apply, the rest.
static constexpr double kLoops = 4;

/// A tree of a single leaf: a loop over time in tiles of four vectors.
static double leafSeconds(const Problem &problem, const TargetInfo &target,
                          double leaves, double cores) {
  if (problem.row > 0)
    return kSequential.estimate(problem, target, cores) + target.tileOverhead;
  double lanes = tileLanes(problem, target, kVectorsPerTile);
  double units = tileCount(problem, lanes);
  double busy = std::min(cores, units);
  double loops = leaves < 1 ? 2 : kLoops;
  // Several states of four vectors are more than the registers hold.
  double crowding = problem.states > 1 ? 1.25 : 1;
  return loops * startSeconds(units, target, cores) + target.tileOverhead +
         std::max(crowding * scanSeconds(problem, target, units, problem.length,
                                         lanes, cores),
                  memorySeconds(problem, target, busy));
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
  double efficiency = problem.complexTransition ? kComplexLeafLanesEfficiency
                                                : kLeafLanesEfficiency;
  return gather +
         flops / (target.peakFlops(problem.elementBytes) * efficiency * busy);
}

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  double leaves = std::floor(problem.length / kLeaf);
  // A single leaf is a loop over time.
  if (leaves <= 1)
    return leafSeconds(problem, target, leaves, cores);
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  // With few channels the lanes hold leaves, see Lowering/TreeScan.cpp; their
  // operands lie a leaf apart and are gathered one by one.
  bool leavesAsLanes = problem.laneChannels < kFewChannels;
  double lanes = leavesAsLanes ? vectorElements
                               : tileLanes(problem, target, kVectorsPerTile);
  double units = leavesAsLanes ? problem.channels * std::ceil(leaves / lanes)
                               : tileCount(problem, lanes) * leaves;
  double pass = leavesAsLanes
                    ? leafLanesSeconds(problem, target, lanes, units, cores)
                    : scanSeconds(problem, target, units, kLeaf, lanes, cores);
  // Several states are also summed, and come back from memory for that.
  double passes = (problem.states == 1 ? 2 : 3) * pass;
  double busy = std::min<double>(cores, units);
  if (problem.row > 0)
    passes = mixingSeconds(problem, target, problem.composeFlops,
                           kComposeEfficiency, cores) +
             mixingSeconds(problem, target, problem.applyFlops,
                           kApplyEfficiency, cores);
  // Operands twice, the result once.
  constexpr double kTraffic = 1.7;
  return kLoops * startSeconds(units, target, cores) +
         std::max(passes, memorySeconds(problem, target, busy, kTraffic));
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::TreeScan,
                           kLeaf, tileLanes(problem, target, kVectorsPerTile));
}

const Strategy ssm::kTreeScan = {StrategyKind::TreeScan, refuse, estimate,
                                 plan};
