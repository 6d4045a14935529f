//===- FFTConv.cpp - The strategy `fft_conv` ------------------------------===//
#include "CostModel.h"

#include "ssm/Plan/FFTPlan.h"

#include <algorithm>
#include <cmath>

using namespace ssm;

static bool isStrict(mlir::Operation *op) {
  if (auto recurrence = llvm::dyn_cast<LinearRecurrenceOp>(op))
    return recurrence.getNumerics() == Numerics::Strict;
  if (auto conv = llvm::dyn_cast<LongConvOp>(op))
    return conv.getNumerics() == Numerics::Strict;
  return false;
}

static std::string refuse(const Problem &problem) {
  if (std::string reason = refuseConvolution(problem); !reason.empty())
    return reason;
  if (isStrict(problem.op))
    return "numerics<strict> asks for exact causality, which rounding in a "
           "transform breaks; numerics<norm> allows it";
  return "";
}

/// `each` transforms of every channel, by a loop over vectors of them.
static OpCount countTransforms(const char *name, double channels, double each,
                               const Problem &problem,
                               const TargetInfo &target) {
  FFTPlan fft = FFTPlan::forConvolution(problem.length);
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  double perRow = std::max(1.0, std::min(channels, problem.laneChannels));
  OpCount loop{name, channels / perRow * std::ceil(perRow / vectorElements)};
  // A product and two weightings each.
  constexpr double kPointwiseFlops = 12;
  loop.flops = problem.convolutions * each * loop.tiles * vectorElements *
               (fft.countFlops() + kPointwiseFlops * fft.size());
  double tileBytes = 2.0 * fft.size() * target.vectorBytes;
  loop.efficiency = kFFTEfficiency[tileBytes <= target.l1Bytes   ? 0
                                   : tileBytes <= target.l2Bytes ? 1
                                                                 : 2];
  loop.elementBytes = problem.elementBytes;
  // Threads share the rounds of a long transform.
  if (fft.size() >= FFTPlan::kSharedPoints)
    loop.tiles *= std::ceil(2.0 * fft.size() / FFTPlan::kSharedPoints);
  return loop;
}

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  StrategyPlan plan;
  plan.parameters =
      StrategyAttr::get(problem.op->getContext(), StrategyKind::FFTConv,
                        /*leaf=*/128, target.vectorBytes / problem.elementBytes,
                        problem.cutTaps());
  // One root of unity a point is made, on one core.
  constexpr double kCyclesPerRoot = 15, kTableStart = 3000;
  FFTPlan fft = FFTPlan::forConvolution(problem.length);
  OpCount tables{"tables"};
  tables.cycles = kTableStart + 2 * fft.size() * kCyclesPerRoot;
  plan.loops.push_back(tables);
  addKernel(plan, problem);
  plan.loops.push_back(countTransforms("spectrum", problem.kernels, /*each=*/1,
                                       problem, target));
  plan.loops.push_back(countTransforms("transforms", problem.channels,
                                       /*each=*/2, problem, target));
  addFinal(plan, problem, target);
  return plan;
}

const Strategy ssm::kFFTConv = {StrategyKind::FFTConv, refuse, plan};
