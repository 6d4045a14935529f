//===- DirectConv.cpp - The strategy `direct_conv` ------------------------===//
#include "CostModel.h"

#include <algorithm>
#include <cmath>

using namespace ssm;

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  StrategyPlan plan;
  double lanes = tileLanes(problem, target, 1);
  plan.parameters =
      StrategyAttr::get(problem.op->getContext(), StrategyKind::DirectConv,
                        /*leaf=*/128, lanes, problem.cutTaps(),
                        /*points=*/0);
  addKernel(plan, problem);
  // Output t sums min(t + 1, reach) products on either side.
  double reach = std::min(problem.taps / problem.sides, problem.length);
  double products =
      problem.sides * (reach * problem.length - reach * reach / 2);
  OpCount sums{"sums", tileCount(problem, lanes)};
  sums.flops = 2 * problem.convolutions * sums.tiles * lanes * products;
  // Each output reads all taps again: from the first cache, or from beyond it.
  double tileBytes = 2 * problem.sides * reach * lanes * problem.elementBytes;
  sums.efficiency = problem.timeContiguous        ? kGatheredDirectEfficiency
                    : tileBytes <= target.l1Bytes ? kDirectEfficiency
                                                  : kFarDirectEfficiency;
  sums.elementBytes = problem.elementBytes;
  plan.loops.push_back(sums);
  addFinal(plan, problem, target);
  return plan;
}

const Strategy ssm::kDirectConv = {StrategyKind::DirectConv, refuseConvolution,
                                   plan};
