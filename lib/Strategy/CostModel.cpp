//===- CostModel.cpp - Parts that estimates share -------------------------===//
#include "CostModel.h"

#include "ssm/Plan/KernelPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ssm;

double ssm::memorySeconds(double bytes, const TargetInfo &target,
                          double cores) {
  return bytes / (target.bandwidth * std::max(1.0, cores));
}

double ssm::scanSeconds(const Problem &problem, const TargetInfo &target,
                        double units, double steps, double lanes,
                        double cores) {
  // A tile is bound by its chain of dependent FMAs or by their number.
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  double chain =
      target.fmaLatency * (problem.complexTransition ? 2 : 1) / target.clock;
  double vectors = std::ceil(lanes / vectorElements) * problem.states;
  double efficiency =
      problem.states > 1 ? kSummedScanEfficiency : kScanEfficiency;
  double work = vectors * vectorElements * problem.flopsPerStep /
                (target.peakFlops(problem.elementBytes) * efficiency);
  double rounds = std::ceil(units / cores);
  return rounds * (steps * std::max(chain, work) + target.tileOverhead);
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
  double units = std::ceil(problem.kernels / kKernelLanes);
  double busy = std::min(cores, std::max(1.0, problem.kernels / kKernelLanes));
  return startSeconds(units, target, cores) +
         flops / (target.peakFlops(problem.elementBytes) * kKernelEfficiency *
                  busy);
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
