//===- CostModel.cpp - Parts that plans share, and their time -------------===//
#include "CostModel.h"

#include "ssm/Plan/KernelPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ssm;

/// Cores that a loop keeps busy.
static double busyCores(const OpCount &loop, int64_t cores) {
  return std::max(1.0, std::min<double>(cores, loop.tiles));
}

MemoryLevel ssm::levelOf(const OpCount &loop, const Problem &problem,
                         const TargetInfo &target, int64_t cores) {
  if (problem.bytes <= target.l2Bytes * busyCores(loop, cores))
    return MemoryLevel::L2;
  // What others leave of a last cache that all cores share.
  double ours =
      std::max<double>(target.l3Bytes / kSharers,
                       std::min<double>(target.l3Bytes / 2, kLeastShare));
  return problem.bytes <= ours ? MemoryLevel::L3 : MemoryLevel::Memory;
}

llvm::StringRef ssm::stringifyLevel(MemoryLevel level) {
  switch (level) {
  case MemoryLevel::L2:
    return "L2";
  case MemoryLevel::L3:
    return "L3";
  case MemoryLevel::Memory:
    return "memory";
  }
  llvm_unreachable("every level has a name");
}

/// Bytes a second that `busy` cores get together.
static double rateOf(MemoryLevel level, const TargetInfo &target, double busy) {
  double streams = std::min(busy, target.streamingCores);
  switch (level) {
  case MemoryLevel::L2:
    return target.l2Bandwidth * busy;
  case MemoryLevel::L3:
    return target.l3Bandwidth * streams;
  case MemoryLevel::Memory:
    return target.bandwidth * streams;
  }
  llvm_unreachable("every level has a rate");
}

double ssm::secondsOf(const OpCount &loop, const Problem &problem,
                      const TargetInfo &target, int64_t cores) {
  if (loop.tiles == 0)
    return 0;
  double busy = busyCores(loop, cores);
  double start = busy > 1 ? loop.starts * target.forkJoin : 0;
  double chain = loop.depth * target.fmaLatency / target.clock;
  double work = loop.flops / loop.tiles /
                (target.peakFlops(loop.elementBytes) * loop.efficiency);
  double tile =
      std::max(chain, work) + loop.cycles / target.clock + target.tileOverhead;
  double memory =
      loop.bytes / rateOf(levelOf(loop, problem, target, cores), target, busy);
  double seconds =
      start + std::max(std::ceil(loop.tiles / busy) * tile, memory);
  // Short loops run on one thread (lib/AOT/LoopKinds.cpp).
  return busy > 1 ? std::min(seconds, secondsOf(loop, problem, target, 1))
                  : seconds;
}

double ssm::secondsOf(const StrategyPlan &plan, const Problem &problem,
                      const TargetInfo &target, int64_t cores) {
  double seconds = target.callOverhead;
  for (const OpCount &loop : plan.loops)
    seconds += secondsOf(loop, problem, target, cores);
  return seconds;
}

OpCount ssm::countScan(const char *name, const Problem &problem,
                       const TargetInfo &target, double tiles, double steps,
                       double lanes) {
  OpCount scan{name, tiles};
  scan.elementBytes = problem.elementBytes;
  double vectorElements = double(target.vectorBytes) / problem.elementBytes;
  double products = problem.complexTransition ? 2 : 1;
  double vectors = std::ceil(lanes / vectorElements) * problem.states;
  scan.depth = steps * products;
  bool areLanesStates =
      problem.states > 1 && (lanes == 1 || problem.laneChannels == 1);
  bool gathers = problem.gathersTransition && !areLanesStates;
  scan.efficiency = problem.states == 1         ? kScanEfficiency
                    : !gathers                  ? kSummedScanEfficiency
                    : problem.complexTransition ? kComplexGatheredScanEfficiency
                                                : kGatheredScanEfficiency;
  if (areLanesStates) {
    // States fill the lanes and are summed across them.
    vectors = std::ceil(problem.states / vectorElements);
    scan.depth *=
        1 + (problem.complexTransition ? kComplexLaneSumDepth : kLaneSumDepth);
  } else if (problem.states > 1 && problem.laneChannels < vectorElements) {
    // LLVM packs the states of a few channels where they are complex.
    if (problem.complexTransition)
      vectors *= problem.laneChannels / vectorElements;
    scan.efficiency /= kPartialVector;
  } else if (problem.states > 1 && vectors > kRegisterStates) {
    scan.efficiency /= kSpilledStates;
  }
  scan.flops = tiles * steps * vectors * vectorElements * problem.flopsPerStep;
  return scan;
}

OpCount ssm::countMixing(const char *name, const Problem &problem,
                         double flopsPerStep, double efficiency) {
  double groups =
      problem.row == 0 ? 0 : problem.channels * problem.states / problem.row;
  OpCount mixing{name, groups};
  mixing.flops = groups * problem.length * flopsPerStep;
  mixing.efficiency = efficiency;
  mixing.elementBytes = problem.elementBytes;
  return mixing;
}

void ssm::addKernel(StrategyPlan &plan, const Problem &problem) {
  if (!problem.makesKernel)
    return;
  double product = problem.complexTransition ? 8 : 2;
  OpCount kernel{"kernel", std::ceil(problem.kernels / kKernelLanes)};
  kernel.flops = product * problem.kernels * problem.states *
                 (problem.taps + kKernelBlock);
  kernel.efficiency = kKernelEfficiency;
  kernel.elementBytes = problem.elementBytes;
  if (problem.row > 0) {
    // Two Krylov bases of about the square root of the taps, in f64.
    double steps = 2 * std::sqrt(problem.taps);
    kernel.flops +=
        product * problem.kernels * problem.states * problem.row * steps;
    kernel.efficiency = kApplyEfficiency;
    kernel.elementBytes = sizeof(double);
  }
  plan.loops.push_back(kernel);
}

void ssm::addFinal(StrategyPlan &plan, const Problem &problem,
                   const TargetInfo &target) {
  if (problem.finalIsUsed)
    plan.loops.append(kSequential.plan(problem, target).loops);
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
