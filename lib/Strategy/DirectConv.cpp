//===- DirectConv.cpp - The strategy `direct_conv` ------------------------===//
#include "CostModel.h"

#include <algorithm>
#include <cmath>

using namespace ssm;

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  // Output t sums min(t + 1, reach) products on either side.
  double reach = std::min(problem.taps / problem.sides, problem.length);
  double products =
      problem.sides * (reach * problem.length - reach * reach / 2);
  double lanes = tileLanes(problem, target, 1);
  double units = tileCount(problem, lanes);
  double flops = 2 * problem.convolutions * units * lanes * products;
  // Each output reads all taps again: from the first cache, or from beyond it.
  double tileBytes = 2 * problem.sides * reach * lanes * problem.elementBytes;
  double efficiency = problem.timeContiguous        ? kGatheredDirectEfficiency
                      : tileBytes <= target.l1Bytes ? kDirectEfficiency
                                                    : kFarDirectEfficiency;
  double busy = std::min<double>(cores, std::max(1.0, units));
  double final =
      problem.finalIsUsed ? kSequential.estimate(problem, target, cores) : 0;
  double start = startSeconds(units, target, cores) +
                 std::ceil(units / busy) * target.tileOverhead;
  return start +
         flops / (target.peakFlops(problem.elementBytes) * efficiency * busy) +
         kernelSeconds(problem, target, cores) + final;
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::DirectConv,
                           /*leaf=*/128, tileLanes(problem, target, 1),
                           problem.cutTaps());
}

const Strategy ssm::kDirectConv = {StrategyKind::DirectConv, refuseConvolution,
                                   estimate, plan};
