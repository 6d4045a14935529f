//===- TreeScan.cpp - The strategy `tree_scan` ----------------------------===//
#include "CostModel.h"

#include "ssm/Plan/ScanPlan.h"

#include "llvm/Support/MathExtras.h"

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

/// Channels whose steps are contiguous are gathered and scattered at each.
static void countStrides(OpCount &pass, const Problem &problem, double lanes,
                         double steps) {
  constexpr double kStridedCyclesPerLane = 16;
  if (problem.timeContiguous)
    pass.cycles = kStridedCyclesPerLane * steps *
                  std::min<double>(lanes, problem.laneChannels);
}

/// A tree of a single leaf: a loop over time in tiles of four vectors.
static OpCount countLeaf(const Problem &problem, const TargetInfo &target,
                         double leaves) {
  if (problem.row > 0)
    return countMixing("leaf", problem, problem.applyFlops, kApplyEfficiency);
  double lanes = tileLanes(problem, target, kVectorsPerTile);
  OpCount leaf = countScan("leaf", problem, target, tileCount(problem, lanes),
                           problem.length, lanes);
  countStrides(leaf, problem, lanes, problem.length);
  // Several states of four vectors are more than the registers hold.
  constexpr double kCrowding = 1.25;
  if (problem.states > 1)
    leaf.efficiency /= kCrowding;
  leaf.starts = leaves < 1 ? 2 : 4;
  return leaf;
}

/// One pass over leaves that are lanes: a chain of FMAs or, of several states,
/// their work, and the gathers.
static OpCount countLeafLanes(const Problem &problem, const TargetInfo &target,
                              double leaves) {
  constexpr double kGatherCyclesPerLane = 3.5;
  double lanes = std::min<double>(target.vectorBytes / problem.elementBytes,
                                  llvm::PowerOf2Ceil(leaves));
  OpCount pass =
      countScan("leaves", problem, target,
                problem.channels * std::ceil(leaves / lanes), kLeaf, lanes);
  pass.cycles =
      kGatherCyclesPerLane * lanes * kLeaf *
      (problem.complexTransition && problem.varyingTransition ? 2 : 1);
  if (problem.states == 1)
    return pass;
  pass.depth = 0;
  pass.flops =
      pass.tiles * kLeaf * lanes * problem.states * problem.flopsPerStep;
  pass.efficiency = problem.complexTransition ? kComplexLeafLanesEfficiency
                                              : kLeafLanesEfficiency;
  return pass;
}

/// One pass over all leaves.
static OpCount countLeaves(const Problem &problem, const TargetInfo &target,
                           double leaves) {
  // With few channels the lanes hold leaves, see Lowering/TreeScan.cpp; their
  // operands lie a leaf apart and are gathered one by one.
  if (problem.laneChannels < kFewChannels)
    return countLeafLanes(problem, target, leaves);
  double lanes = tileLanes(problem, target, kVectorsPerTile);
  OpCount pass = countScan("leaves", problem, target,
                           tileCount(problem, lanes) * leaves, kLeaf, lanes);
  countStrides(pass, problem, lanes, kLeaf);
  return pass;
}

/// The summaries of the leaves, scanned as the leaves are.
static OpCount countSummaries(const Problem &problem, double leaves) {
  OpCount loop{"summaries", std::max(1.0, problem.channels)};
  loop.flops =
      leaves * problem.channels * problem.states * problem.flopsPerStep;
  loop.efficiency = kScanEfficiency;
  loop.elementBytes = problem.elementBytes;
  loop.starts = 2;
  return loop;
}

static void addPasses(StrategyPlan &plan, const Problem &problem,
                      const TargetInfo &target, double leaves) {
  OpCount reduce, apply;
  if (problem.row > 0) {
    reduce = countMixing("reduce", problem, problem.composeFlops,
                         kComposeEfficiency);
    apply = countMixing("apply", problem, problem.applyFlops, kApplyEfficiency);
  } else {
    reduce = apply = countLeaves(problem, target, leaves);
    reduce.loop = "reduce";
    apply.loop = "apply";
  }
  // The operands without the result.
  constexpr double kReducedTraffic = 0.7;
  reduce.bytes = kReducedTraffic * problem.bytes;
  apply.bytes = problem.bytes;
  plan.loops.append({reduce, countSummaries(problem, leaves), apply});
  // Several states come back from memory to be summed.
  if (problem.row == 0 && problem.states > 1) {
    OpCount sum = apply;
    sum.loop = "sum";
    plan.loops.push_back(sum);
  }
}

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  StrategyPlan plan;
  plan.parameters =
      StrategyAttr::get(problem.op->getContext(), StrategyKind::TreeScan, kLeaf,
                        tileLanes(problem, target, kVectorsPerTile));
  double leaves = std::floor(problem.length / kLeaf);
  if (leaves > 1) {
    addPasses(plan, problem, target, leaves);
    return plan;
  }
  OpCount leaf = countLeaf(problem, target, leaves);
  leaf.bytes = problem.bytes;
  plan.loops.push_back(leaf);
  return plan;
}

const Strategy ssm::kTreeScan = {StrategyKind::TreeScan, refuse, plan};
