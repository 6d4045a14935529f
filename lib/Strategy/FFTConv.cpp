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

static double estimate(const Problem &problem, const TargetInfo &target,
                       int64_t cores) {
  FFTPlan plan = FFTPlan::forConvolution(problem.length);
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  auto filled = [&](double channels) {
    double perRow = std::max(1.0, std::min(channels, problem.laneChannels));
    return channels / perRow * std::ceil(perRow / vectorElements) *
           vectorElements;
  };
  // Two transforms a channel, one a kernel; a product and two weightings each.
  constexpr double kPointwiseFlops = 12;
  double flops = (2 * filled(problem.channels) + filled(problem.kernels)) *
                 (plan.countFlops() + kPointwiseFlops * plan.size());
  double units = filled(problem.channels) / vectorElements;
  double busy = plan.size() >= FFTPlan::kSharedPoints
                    ? cores
                    : std::min<double>(cores, std::max(1.0, units));
  double start =
      startSeconds(filled(problem.kernels) / vectorElements, target, cores) +
      startSeconds(units, target, cores) +
      std::ceil(units / busy) * target.tileOverhead;
  double vectorBytes = 2.0 * plan.size() * target.vectorBytes;
  double efficiency = kFFTEfficiency[vectorBytes <= target.l1Bytes   ? 0
                                     : vectorBytes <= target.l2Bytes ? 1
                                                                     : 2];
  double transforms =
      problem.convolutions * flops /
      (target.peakFlops(problem.elementBytes) * efficiency * busy);
  // One root of unity a point is made on one core.
  constexpr double kSecondsPerRoot = 5e-9, kTableStart = 1e-6;
  double tables = kTableStart + 2 * plan.size() * kSecondsPerRoot;
  double final =
      problem.finalIsUsed ? kSequential.estimate(problem, target, cores) : 0;
  return start + tables + transforms + kernelSeconds(problem, target, cores) +
         final;
}

static StrategyAttr plan(const Problem &problem, const TargetInfo &target) {
  return StrategyAttr::get(problem.op->getContext(), StrategyKind::FFTConv,
                           /*leaf=*/128,
                           target.vectorBytes / problem.elementBytes,
                           problem.cutTaps());
}

const Strategy ssm::kFFTConv = {StrategyKind::FFTConv, refuse, estimate, plan};
