//===- CostModel.h - Parts that estimates share -----------------*- C++ -*-===//

#ifndef SSM_LIB_STRATEGY_COSTMODEL_H
#define SSM_LIB_STRATEGY_COSTMODEL_H

#include "ssm/Strategy/Strategy.h"

namespace ssm {

/// Time of `steps` dependent steps on `units` independent tiles of `lanes`.
double scanSeconds(const Problem &problem, const TargetInfo &target,
                   double units, double steps, double lanes, double cores);

/// Time of all steps of a transition that mixes, at `flopsPerStep` for each of
/// the states that it acts on.
double mixingSeconds(const Problem &problem, const TargetInfo &target,
                     double flopsPerStep, double efficiency, double cores);

/// Seconds to move `bytes` through memory, on at least one core.
double memorySeconds(double bytes, const TargetInfo &target, double cores);

/// The same if every line is waited for: the next one is too far away for the
/// prefetcher.
double scatteredSeconds(double bytes, const TargetInfo &target, double cores);

/// Seconds to share `units` tiles among cores: nothing for one tile or one
/// core.
double startSeconds(double units, const TargetInfo &target, double cores);

/// Seconds to materialise the kernel, if the problem needs that.
double kernelSeconds(const Problem &problem, const TargetInfo &target,
                     double cores);

/// Lanes of a tile: up to `vectors` vectors, no more than there are channels.
int64_t tileLanes(const Problem &problem, const TargetInfo &target,
                  int64_t vectors);

/// Tiles of `lanes` channels; none if there are no channels.
double tileCount(const Problem &problem, double lanes);

/// Refusals that convolutions share; an empty string if there is none.
std::string refuseConvolution(const Problem &problem);

/// Parts of the FMA peak that generated code reaches on one core, measured on
/// AVX-512: complex butterflies, sums over taps in and beyond the first cache,
/// products of kernel tables, one state a channel (in registers), several (in
/// the first cache, and summed).
constexpr double kFFTEfficiency = 0.20, kDirectEfficiency = 0.25,
                 kFarDirectEfficiency = 0.08, kKernelEfficiency = 0.4,
                 kScanEfficiency = 0.25, kSummedScanEfficiency = 0.45;

/// Several states that a varying transition has side by side in memory (each
/// lane is loaded alone), and several in a tree whose lanes are leaves.
constexpr double kGatheredScanEfficiency = 0.07, kLeafLanesEfficiency = 0.05;

/// Cycles to sum a vector across its lanes (four shuffles and adds).
constexpr double kLaneSumCycles = 14;

constexpr double kCacheLine = 64; ///< Bytes.

/// The same for transitions that mix: a matrix or an outer product on a state,
/// and on the matrix that a leaf has come to (rows of it in the second cache).
constexpr double kApplyEfficiency = 0.1, kComposeEfficiency = 0.012;

/// Programs that a cloud machine's last cache is taken to be shared by.
constexpr int64_t kSharers = 8;

} // namespace ssm

#endif // SSM_LIB_STRATEGY_COSTMODEL_H
