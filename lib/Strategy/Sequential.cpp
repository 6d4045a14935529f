//===- Sequential.cpp - The strategy `sequential` -------------------------===//
#include "CostModel.h"

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

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  double lanes = tileLanes(problem, target, vectorsPerTile(problem));
  double units = tileCount(problem, lanes);
  double busy = std::min<double>(cores, units);
  if (problem.row > 0)
    return startSeconds(units, target, cores) +
           std::max(mixingSeconds(problem, target, problem.applyFlops,
                                  kApplyEfficiency, cores),
                    memorySeconds(problem.bytes, target, busy));
  // A tile one line wide takes one line of every row.
  bool scattered = problem.states > 1 && !problem.varyingTransition &&
                   lanes * problem.elementBytes <= kCacheLine &&
                   problem.laneChannels * problem.elementBytes > kCacheLine;
  double memory = scattered ? scatteredSeconds(problem.bytes, target, busy)
                            : memorySeconds(problem.bytes, target, busy);
  return startSeconds(units, target, cores) +
         std::max(
             scanSeconds(problem, target, units, problem.length, lanes, cores),
             memory);
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::Sequential,
                           /*leaf=*/128,
                           tileLanes(problem, target, vectorsPerTile(problem)));
}

const Strategy ssm::kSequential = {StrategyKind::Sequential, refuse, estimate,
                                   plan};
