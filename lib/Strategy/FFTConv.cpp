//===- FFTConv.cpp - The strategy `fft_conv` ------------------------------===//
#include "CostModel.h"

#include "ssm/IR/TimeSplit.h"
#include "ssm/Plan/FFTPlan.h"
#include "ssm/Plan/MatrixFFTPlan.h"

#include "llvm/Support/MathExtras.h"

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

/// The strategy that the op has already, if its transforms are asked to be
/// products of matrices.
static StrategyAttr getMatrixStrategy(const Problem &problem) {
  auto strategy = problem.op->getAttrOfType<StrategyAttr>("strategy");
  return strategy && strategy.getMatrix() ? strategy : StrategyAttr();
}

static std::string refuse(const Problem &problem) {
  if (std::string reason = refuseConvolution(problem); !reason.empty())
    return reason;
  if (isStrict(problem.op))
    return "numerics<strict> asks for exact causality, which rounding in a "
           "transform breaks; numerics<norm> allows it";
  if (getMatrixStrategy(problem) && problem.elementBytes > 4)
    return "products of bf16 matrices have two or three of the digits of f64; "
           "leave matrix out, or take f32";
  return "";
}

/// Transforms of one channel: two of the whole signal, or one for each block of
/// it, since two blocks share two (Lowering/FFTConvBlocks.cpp).
struct Cut {
  FFTPlan fft;
  double transforms = 2;
  bool isBlocks = false;
  /// One channel in a tile, parts of time in its lanes (FFTConvSplit.cpp).
  bool isSplit = false;

  double flops() const {
    // A product and two weightings; steps that are copied to the rows of a
    // block and back take as long as more of those.
    constexpr double kPointwiseFlops = 12, kCopyFlops = 40;
    return fft.countFlops() +
           (isBlocks ? kCopyFlops : kPointwiseFlops) * fft.size();
  }
  /// The part of the peak that is reached. Blocks read the same spectrum again
  /// and again.
  double efficiency(const TargetInfo &target) const {
    double rowBytes = isSplit ? sizeof(float) : target.vectorBytes;
    double tileBytes = (isBlocks ? 4.0 : 2.0) * fft.size() * rowBytes;
    return kFFTEfficiency[tileBytes <= target.l1Bytes   ? 0
                          : tileBytes <= target.l2Bytes ? 1
                                                        : 2];
  }
  double cost(const TargetInfo &target) const {
    return transforms * flops() / efficiency(target);
  }
};

/// Lanes of a vector of f32, or of f64.
static int64_t vectorLanes(const Problem &problem, const TargetInfo &target) {
  return target.vectorBytes /
         std::max<int64_t>(problem.elementBytes, sizeof(float));
}

static Cut cutTime(const Problem &problem, const TargetInfo &target) {
  Cut best{FFTPlan::forConvolution(problem.length)};
  auto conv = llvm::dyn_cast<LongConvOp>(problem.op);
  best.isSplit = conv && splitsTime(conv, vectorLanes(problem, target));
  // A bound that holds for lengths known at run time, too.
  int64_t taps = problem.knownTaps > 0 ? problem.knownTaps : problem.cutTaps();
  if (taps == 0 || problem.length == 0)
    return best;
  // Half a block is new steps at least.
  for (int64_t points = llvm::PowerOf2Ceil(2 * taps); points < problem.length;
       points *= 2) {
    double steps = points - taps + 1;
    Cut blocks{FFTPlan::forSize(points), std::ceil(problem.length / steps),
               /*isBlocks=*/true};
    if (blocks.cost(target) < best.cost(target))
      best = blocks;
  }
  return best;
}

/// A vector of channels, and no more than there are: a tile that is not full
/// does all of its arithmetic, and cannot join its border rounds with the
/// operands.
static int64_t chooseLanes(const Problem &problem, const Cut &cut,
                           const TargetInfo &target) {
  if (cut.isSplit)
    return vectorLanes(problem, target);
  int64_t channels =
      std::max<int64_t>(problem.laneChannels, FFTPlan::kFewestLanes);
  return std::min<int64_t>(vectorLanes(problem, target),
                           llvm::PowerOf2Ceil(channels));
}

/// `each` transforms of every channel, by a loop over vectors of them.
static OpCount countTransforms(const char *name, double channels, double each,
                               const Cut &cut, const Problem &problem,
                               const TargetInfo &target) {
  // A tile of fewer lanes takes no less than this part of a vector's time
  // (measured with 1 to 8 of 16).
  constexpr double kNarrowTile = 0.6;
  double vector = vectorLanes(problem, target);
  double perRow = std::max(1.0, std::min(channels, problem.laneChannels));
  OpCount loop{name, channels / perRow * std::ceil(perRow / vector)};
  double lanes =
      std::max<double>(chooseLanes(problem, cut, target), kNarrowTile * vector);
  if (cut.isSplit) {
    loop.tiles = channels;
    lanes = 1;
  }
  loop.flops = problem.convolutions * each * loop.tiles * lanes * cut.flops();
  loop.efficiency = cut.efficiency(target);
  loop.elementBytes = std::max<int64_t>(problem.elementBytes, sizeof(float));
  // Threads take pairs of blocks, and share the rounds of a long transform.
  if (cut.isBlocks)
    loop.tiles *= std::ceil(each / 2);
  else if (cut.fft.size() >= FFTPlan::kSharedPoints)
    loop.tiles *= std::ceil(2.0 * cut.fft.size() / FFTPlan::kSharedPoints);
  return loop;
}

/// Roots of unity for `points`, made on one core.
static OpCount countTables(double points) {
  constexpr double kCyclesPerRoot = 15, kTableStart = 3000;
  OpCount tables{"tables"};
  tables.cycles = kTableStart + 2 * points * kCyclesPerRoot;
  return tables;
}

/// `each` transforms of every channel by products of bf16 matrices.
static OpCount countProducts(const char *name, double channels, double each,
                             double products, const Problem &problem,
                             const TargetInfo &target) {
  double lanes = double(target.vectorBytes) / problem.elementBytes;
  double perRow = std::max(1.0, std::min(channels, problem.laneChannels));
  OpCount loop{name, channels / perRow * std::ceil(perRow / lanes)};
  loop.flops = 2 * problem.convolutions * each * loop.tiles * lanes * products;
  loop.efficiency = kMatrixFFTEfficiency;
  loop.elementBytes = 2;
  return loop;
}

/// Transforms as products of matrices, as the op's strategy has them.
static StrategyPlan planProducts(const Problem &problem,
                                 const TargetInfo &target,
                                 StrategyAttr strategy) {
  StrategyPlan plan;
  plan.parameters = strategy;
  int64_t points = strategy.getPoints();
  MatrixFFTPlan fft = points > 0 ? MatrixFFTPlan::forPowerOf2(points)
                                 : MatrixFFTPlan::forAtLeast(problem.length);
  // Two blocks share two transforms.
  double steps = points - std::min(problem.taps, points - 1.0);
  double each = points > 0 ? std::ceil(problem.length / steps) : 2;
  plan.loops.push_back(countTables(fft.size()));
  addKernel(plan, problem);
  plan.loops.push_back(countProducts("spectrum", problem.kernels, 1,
                                     fft.countProducts(), problem, target));
  plan.loops.push_back(countProducts("transforms", problem.channels, each,
                                     fft.countProducts(), problem, target));
  addFinal(plan, problem, target);
  return plan;
}

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  if (StrategyAttr strategy = getMatrixStrategy(problem))
    return planProducts(problem, target, strategy);
  StrategyPlan plan;
  Cut cut = cutTime(problem, target);
  plan.parameters = StrategyAttr::get(
      problem.op->getContext(), StrategyKind::FFTConv, target.transposedSteps,
      chooseLanes(problem, cut, target), problem.cutTaps(),
      cut.isBlocks ? cut.fft.size() : 0);
  // Those of a short transform of a known size are constants.
  if (cut.fft.size() > FFTPlan::kConstantPoints ||
      (problem.assumedSizes && !cut.isBlocks))
    plan.loops.push_back(countTables(cut.fft.size()));
  addKernel(plan, problem);
  // A signal that all channels share is transformed ahead instead.
  bool isSignal = problem.sharesSignal && !cut.isBlocks;
  plan.loops.push_back(countTransforms("spectrum",
                                       isSignal ? 1 : problem.kernels,
                                       /*each=*/1, cut, problem, target));
  plan.loops.push_back(countTransforms("transforms", problem.channels,
                                       cut.transforms, cut, problem, target));
  addFinal(plan, problem, target);
  return plan;
}

const Strategy ssm::kFFTConv = {StrategyKind::FFTConv, refuse, plan};
