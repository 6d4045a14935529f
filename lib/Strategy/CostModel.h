//===- CostModel.h - Parts that plans share ---------------------*- C++ -*-===//

#ifndef SSM_LIB_STRATEGY_COSTMODEL_H
#define SSM_LIB_STRATEGY_COSTMODEL_H

#include "ssm/Strategy/Strategy.h"

namespace ssm {

/// `steps` dependent steps of a diagonal transition in each of `tiles` tiles of
/// `lanes` lanes.
OpCount countScan(const char *name, const Problem &problem,
                  const TargetInfo &target, double tiles, double steps,
                  double lanes);

/// All steps of a transition that mixes, at `flopsPerStep` for each of the
/// states that it acts on.
OpCount countMixing(const char *name, const Problem &problem,
                    double flopsPerStep, double efficiency);

/// The loop that materialises the kernel, if the problem needs one.
void addKernel(StrategyPlan &plan, const Problem &problem);

/// The loop over time that makes the final state of a convolution, if that is
/// used.
void addFinal(StrategyPlan &plan, const Problem &problem,
              const TargetInfo &target);

/// Lanes of a tile: up to `vectors` vectors, no more than there are channels.
int64_t tileLanes(const Problem &problem, const TargetInfo &target,
                  int64_t vectors);

/// Tiles of `lanes` channels; none if there are no channels.
double tileCount(const Problem &problem, double lanes);

/// Refusals that convolutions share; an empty string if there is none.
std::string refuseConvolution(const Problem &problem);

/// Parts of the FMA peak that generated code reaches on one core, measured with
/// AVX-512 on a Xeon and on an EPYC, and between the two where these differ:
/// sums over taps in and beyond the first cache, and of channels whose
/// steps lie next to each other, so that each lane is loaded alone; products of
/// kernel tables, one state a channel, and several that are summed.
constexpr double kDirectEfficiency = 0.15, kFarDirectEfficiency = 0.03,
                 kGatheredDirectEfficiency = 0.01, kKernelEfficiency = 0.4,
                 kScanEfficiency = 0.25, kSummedScanEfficiency = 0.45;

/// Complex butterflies of a vector of channels that fits the first cache, the
/// second, or none of a core.
constexpr double kFFTEfficiency[] = {0.34, 0.19, 0.12};

/// Products of bf16 matrices that a transform is made of, at twice the peak of
/// f32, on a Zen 4.
constexpr double kMatrixFFTEfficiency = 0.5;

/// Several states that a varying transition has side by side in memory: they
/// are transposed, or each lane is loaded alone; complex ones are taken apart.
constexpr double kGatheredScanEfficiency = 0.11,
                 kComplexGatheredScanEfficiency = 0.085;

/// How much longer a step takes of several states and fewer channels than fill
/// a vector.
constexpr double kPartialVector = 1.8;

/// Several states in a tree whose lanes are leaves; complex arithmetic hides
/// more of the gathers.
constexpr double kLeafLanesEfficiency = 0.06,
                 kComplexLeafLanesEfficiency = 0.28;

/// Vectors of states that a tile keeps in registers, and how much longer a step
/// takes with more of them.
constexpr double kRegisterStates = 16, kSpilledStates = 2.2;

/// FMAs that last as long as the sum of a vector across its lanes (four
/// shuffles and adds), and that of two together.
constexpr double kLaneSumDepth = 3.5, kComplexLaneSumDepth = 5;

/// The same for transitions that mix: a matrix or an outer product on a state,
/// and on the matrix that a leaf has come to (rows of it in the second cache).
constexpr double kApplyEfficiency = 0.1, kComposeEfficiency = 0.012;

/// Programs that a cloud machine's last cache is taken to be shared by, where
/// it has more than twice the least share for each: a cache of few cores (AMD's
/// complexes) is left to one or two.
constexpr int64_t kSharers = 8, kLeastShare = 16 << 20;

} // namespace ssm

#endif // SSM_LIB_STRATEGY_COSTMODEL_H
