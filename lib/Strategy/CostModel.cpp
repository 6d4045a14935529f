//===- CostModel.cpp - Parts that estimates share -------------------------===//
#include "CostModel.h"

#include "ssm/Plan/KernelPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ssm;

double ssm::memorySeconds(const Problem &problem, const TargetInfo &target,
                          double cores, double passes) {
  // Data that fits a cache was written there by whoever made it.
  double busy = std::max(1.0, cores);
  double rate = problem.bytes <= target.l2Bytes * busy ? target.l2Bandwidth
                : problem.bytes <= target.l3Bytes / kSharers
                    ? target.l3Bandwidth
                    : target.bandwidth;
  return passes * problem.bytes / (rate * busy);
}

double ssm::scanSeconds(const Problem &problem, const TargetInfo &target,
                        double units, double steps, double lanes,
                        double cores) {
  // A tile is bound by its chain of dependent FMAs or by their number.
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  double chain =
      target.fmaLatency * (problem.complexTransition ? 2 : 1) / target.clock;
  double vectors = std::ceil(lanes / vectorElements) * problem.states;
  double efficiency = problem.states == 1         ? kScanEfficiency
                      : problem.varyingTransition ? kGatheredScanEfficiency
                                                  : kSummedScanEfficiency;
  if (problem.laneChannels == 1 && problem.states > 1) {
    // States fill the lanes and are summed across them.
    vectors = std::ceil(problem.states / vectorElements);
    chain +=
        kLaneSumCycles * (problem.complexTransition ? 2 : 1) / target.clock;
  } else if (problem.states > 1 && problem.laneChannels < vectorElements) {
    // LLVM packs the states of a few channels where they are complex.
    if (problem.complexTransition)
      vectors *= problem.laneChannels / vectorElements;
  } else if (problem.states > 1 && vectors > kRegisterStates) {
    efficiency /= kSpilledStates;
  }
  double work = vectors * vectorElements * problem.flopsPerStep /
                (target.peakFlops(problem.elementBytes) * efficiency);
  double rounds = std::ceil(units / cores);
  return rounds * (steps * std::max(chain, work) + target.tileOverhead);
}

double ssm::mixingSeconds(const Problem &problem, const TargetInfo &target,
                          double flopsPerStep, double efficiency,
                          double cores) {
  double groups = problem.channels * problem.states / problem.row;
  if (groups == 0 || problem.row == 0)
    return 0;
  double busy = std::min(cores, std::max(1.0, groups));
  return groups * problem.length * flopsPerStep /
         (target.peakFlops(problem.elementBytes) * efficiency * busy);
}

double ssm::startSeconds(double units, const TargetInfo &target, double cores) {
  return cores > 1 && units > 1 ? target.forkJoin : 0;
}

double ssm::kernelSeconds(const Problem &problem, const TargetInfo &target,
                          double cores) {
  if (!problem.makesKernel)
    return 0;
  double products =
      problem.kernels * problem.states * (problem.taps + kKernelBlock);
  double flops = products * (problem.complexTransition ? 8 : 2);
  double peak = target.peakFlops(problem.elementBytes) * kKernelEfficiency;
  if (problem.row > 0) {
    // Two Krylov bases of about the square root of the taps, in f64.
    double steps = 2 * std::sqrt(problem.taps);
    double perStep = problem.states * problem.row;
    flops +=
        problem.kernels * perStep * steps * (problem.complexTransition ? 8 : 2);
    peak = target.peakFlops(sizeof(double)) * kApplyEfficiency;
  }
  double units = std::ceil(problem.kernels / kKernelLanes);
  double busy = std::min(cores, std::max(1.0, problem.kernels / kKernelLanes));
  return startSeconds(units, target, cores) + flops / (peak * busy);
}

int64_t ssm::tileLanes(const Problem &problem, const TargetInfo &target,
                       int64_t vectors) {
  int64_t vectorElements = target.vectorBytes / problem.elementBytes;
  int64_t most = vectorElements * vectors;
  if (problem.laneChannels >= most)
    return most;
  return std::max<int64_t>(vectorElements,
                           llvm::PowerOf2Ceil(problem.laneChannels));
}

double ssm::tileCount(const Problem &problem, double lanes) {
  if (problem.laneChannels == 0)
    return 0;
  return problem.channels / problem.laneChannels *
         std::ceil(problem.laneChannels / lanes);
}

std::string ssm::refuseConvolution(const Problem &problem) {
  if (isa<AssociativeScanOp>(problem.op))
    return "a combiner has no kernel";
  if (auto op = dyn_cast<LinearRecurrenceOp>(problem.op))
    return op.refusesConvolution();
  return "";
}
