//===- Strategy.h - Candidates and their costs ------------------*- C++ -*-===//
//
// A strategy is two functions: why it may not be used for a problem, and the
// plan it has for one. One table (Registry.cpp) lists all of them, and one
// function turns a plan into time.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_STRATEGY_STRATEGY_H
#define SSM_STRATEGY_STRATEGY_H

#include "ssm/Analysis/TargetInfo.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Plan/OpCount.h"

namespace ssm {

/// What the cost of an op depends on. Unknown sizes are assumed (see
/// `describe`), and the assumption is said in the remark.
struct Problem {
  mlir::Operation *op = nullptr;
  double length = 0;   ///< Steps of time.
  double taps = 0;     ///< Length of the kernel, of a convolution.
  double sides = 1;    ///< Sides of a step that the taps are divided among.
  double channels = 1; ///< Independent recurrences.
  double kernels = 1;  ///< Channels of the kernel.
  double states = 1;   ///< States summed in each channel.
  /// Chunks of time that the loop over steps is cut into.
  double timeChunks = 1;
  bool manyStates = false; ///< The registers do not hold them.
  bool walksRows = false;  ///< Of a matrix state, mixed by updates of rank one.
  double sideStates = 0;   ///< Those that lie side by side in memory.
  /// Real numbers of a channel's states that an operand in memory has side by
  /// side at each step.
  double sideNumbers = 0;
  double laneChannels = 1; ///< Channels along the contiguous dimension.
  double bytes = 0;        ///< Operands and results, once each.
  double flopsPerStep = 2; ///< Real operations a step and state.
  double convolutions = 1; ///< Real convolutions in one of this op.
  /// Channels with kernels of their own share a signal, and its spectrum.
  bool sharesSignal = false;
  int64_t elementBytes = 4;
  /// Taps beyond this are smaller than rounding, by a proved bound on |a|; 0 if
  /// there is none.
  int64_t provedTaps = 0;
  /// Of a transition that mixes: elements along `row`, operations to apply it
  /// to a state and to compose it with another; 0 if it is diagonal.
  double row = 0, applyFlops = 0, composeFlops = 0;
  /// Matrices that vary lie in one piece each, and so do states; and steps of
  /// all that varies lie nearer to each other than channels.
  bool sideMatrices = false, channelsApart = false;
  /// Taps of a kernel whose length does not wait for run time, else 0.
  int64_t knownTaps = 0;
  bool complexTransition = false;
  bool varyingTransition = false;
  /// A varying transition is another one in each lane, and lanes would be
  /// gathered from states side by side.
  bool varyingLanes = false, gathersTransition = false;
  bool makesKernel = false; ///< The kernel must be materialised first.
  bool finalIsUsed = false;
  /// Steps of time lie next to each other in the result, channels do not.
  bool timeContiguous = false;
  /// The loop over time runs along lines, see Lowering/LineScan.cpp.
  bool scansLines = false;
  bool assumedSizes = false;

  /// The kernel's length if a bound cuts it, else 0.
  int64_t cutTaps() const {
    return assumedSizes || provedTaps < length ? provedTaps : 0;
  }
};

Problem describe(mlir::Operation *op);

/// What a strategy would do: its parameters, and its loops in the order they
/// run.
struct StrategyPlan {
  StrategyAttr parameters;
  llvm::SmallVector<OpCount, 4> loops;
};

/// Where a loop's operands and results are: data that fits a cache was written
/// there by whoever made it.
enum class MemoryLevel { L2, L3, Memory };
llvm::StringRef stringifyLevel(MemoryLevel level);
MemoryLevel levelOf(const OpCount &loop, const Problem &problem,
                    const TargetInfo &target, int64_t cores);

/// Seconds of one loop, and of a call of all of them, on `cores` cores.
double secondsOf(const OpCount &loop, const Problem &problem,
                 const TargetInfo &target, int64_t cores);
double secondsOf(const StrategyPlan &plan, const Problem &problem,
                 const TargetInfo &target, int64_t cores);

/// One way to compute an op.
struct Strategy {
  StrategyKind kind;
  /// Why it cannot compute the op, or an empty string.
  std::string (*refuse)(const Problem &);
  StrategyPlan (*plan)(const Problem &, const TargetInfo &);
};

/// All strategies, in the order of preference among equals.
llvm::ArrayRef<Strategy> getStrategies();

extern const Strategy kSequential, kTreeScan, kFFTConv, kDirectConv;

} // namespace ssm

#endif // SSM_STRATEGY_STRATEGY_H
