//===- Sequential.cpp - The strategy `sequential` -------------------------===//
#include "CostModel.h"

#include "ssm/Plan/ScanPlan.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ssm;

/// A single step of states that lie side by side is best done as they lie, one
/// channel after the other.
static bool isStepOfSideStates(const Problem &problem) {
  return problem.length == 1 && problem.row == 0 &&
         problem.sideStates >= kFewChannels;
}

/// Lanes that are channels would gather what a channel's matrices have side by
/// side: 64 channels with matrices of 8 x 8 take 4.7 ns an element of the state
/// (Zen 5) and 1.4 one by one, 2 x 2 13.7 and 1.2 where channels are farther
/// apart than steps. Otherwise, gathers of small matrices stay in cache lines
/// (0.5 ns for 2 x 2, 0.9 for 4 x 4), and hide what a step waits for.
static bool isByMatrices(const Problem &problem) {
  constexpr double kFewElements = 8;
  return problem.sideMatrices &&
         (problem.channelsApart || problem.row >= kFewElements);
}

/// Lanes that are channels would gather what a channel's states have side by
/// side, or transpose it: squares of 16 take a third of the time that sums
/// across lanes do, but 64 states of 16 channels 1.7 ms and one by one 0.45, 16
/// complex ones of 256 channels 15 and 10 (Zen 5).
static bool isByStates(const Problem &problem) {
  constexpr double kLeastNumbers = 32;
  return problem.sideNumbers >= kLeastNumbers;
}

/// Many states, whose steps are taken together (Lowering/StepsTogether.cpp).
static bool areTogether(const Problem &problem) {
  return problem.manyStates && !isByStates(problem);
}

/// Two share what each step has for all of its lanes, if the registers hold
/// four signals and sums of both: decays of 64 keys take 0.77 ms instead of
/// 0.94. A transition of each lane is four more, 1.25 ms instead of 0.84.
static int64_t vectorsTogether(const Problem &problem,
                               const TargetInfo &target) {
  constexpr int64_t kManyRegisters = 64;
  return target.vectorBytes >= kManyRegisters && !problem.varyingLanes &&
                 !problem.timeContiguous
             ? 2
             : 1;
}

/// Vectors of channels in a tile: four are enough to hide the latency of an
/// FMA, and four cache lines in a row of every operand a step. Two lines take
/// up to twice as long when the rows are a page apart. The states of a channel
/// that has several are vectors of their own, which must stay in registers, and
/// channels whose steps are contiguous are each a stream of their own. A single
/// step of channels one by one costs no more than one of many.
static int64_t vectorsPerTile(const Problem &problem,
                              const TargetInfo &target) {
  if (areTogether(problem))
    return vectorsTogether(problem, target);
  // Sums and updates of as many are in registers beside a row.
  if (problem.walksRows)
    return target.vectorBytes >= 64 ? 4 : 2;
  return isStepOfSideStates(problem) ||
                 (problem.states < 4 && !problem.timeContiguous)
             ? 4
             : 1;
}

static std::string refuse(const Problem &problem) {
  return isa<LongConvOp>(problem.op) ? "a convolution carries no state" : "";
}

/// Lines: most of a vector's cycles are shuffles, and the loop over channels
/// costs little beside them. Complex numbers are four times the arithmetic, and
/// pass through the first cache as they are taken apart and put together.
static OpCount countLines(const Problem &problem, const TargetInfo &target) {
  constexpr double kRealCycles = 9, kComplexCycles = 30;
  double cycles = problem.complexTransition ? kComplexCycles : kRealCycles;
  OpCount loop{"lines", std::ceil(problem.channels / kFewChannels)};
  loop.cycles = problem.channels / std::max(loop.tiles, 1.0) * problem.length *
                problem.elementBytes / target.vectorBytes * cycles;
  loop.elementBytes = problem.elementBytes;
  return loop;
}

static OpCount countSteps(const Problem &problem, const TargetInfo &target,
                          double lanes) {
  // 64 x 64 take 1.5 cycles a vector, of five operations of 16 lanes.
  constexpr double kTogetherEfficiency = 0.8;
  OpCount loop;
  if (problem.row > 0)
    loop = countMixing("steps", problem, problem.applyFlops, kApplyEfficiency);
  else if (problem.scansLines)
    loop = countLines(problem, target);
  else
    loop = countScan("steps", problem, target, tileCount(problem, lanes),
                     problem.length, lanes);
  if (areTogether(problem) && !problem.gathersTransition)
    loop.efficiency = kTogetherEfficiency;
  loop.bytes = problem.bytes;
  return loop;
}

/// How much faster the model must find threads that share what one tile reads.
/// Each then takes a part of every row, and lines of the other with it: 64
/// channels on two threads of a Zen 4, which get 1.2 times the memory of one,
/// are at 0.77 of one's speed. Where cores have a last cache each it pays: 1.28
/// on two complexes of a Zen 5.
constexpr double kLeastGain = 1.25;

/// Lanes of a tile, 1 where they are states: fewer of them where cores have no
/// tile otherwise, if that makes up for their start. Channels left over would
/// be a loop of their own: 48 of 32 and 16 take 0.69 ms on two threads, whole
/// 0.45.
static int64_t chooseLanes(const Problem &problem, const TargetInfo &target) {
  if (isByStates(problem))
    return 1;
  int64_t lanes = tileLanes(problem, target, vectorsPerTile(problem, target));
  int64_t vectorElements = target.vectorBytes / problem.elementBytes;
  auto seconds = [&](int64_t lanes) {
    return secondsOf(countSteps(problem, target, lanes), problem, target,
                     target.cores);
  };
  auto isWhole = [&](int64_t lanes) {
    return std::fmod(problem.laneChannels, lanes) == 0;
  };
  while (lanes > vectorElements && tileCount(problem, lanes) < target.cores &&
         isWhole(lanes / 2) && kLeastGain * seconds(lanes / 2) < seconds(lanes))
    lanes /= 2;
  return lanes;
}

static StrategyPlan plan(const Problem &problem, const TargetInfo &target) {
  StrategyPlan plan;
  int64_t lanes = chooseLanes(problem, target);
  bool oneByOne = isStepOfSideStates(problem) || isByMatrices(problem);
  plan.parameters =
      StrategyAttr::get(problem.op->getContext(), StrategyKind::Sequential,
                        /*leaf=*/128, oneByOne ? 1 : lanes);
  OpCount loop = countSteps(problem, target, lanes);
  // Transitions are taken to vanish within a chunk.
  loop.tiles *= problem.timeChunks;
  loop.depth /= problem.timeChunks;
  plan.loops.push_back(loop);
  return plan;
}

const Strategy ssm::kSequential = {StrategyKind::Sequential, refuse, plan};
