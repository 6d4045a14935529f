//===- CostModel.h - Parts that estimates share -----------------*- C++ -*-===//

#ifndef SSM_LIB_STRATEGY_COSTMODEL_H
#define SSM_LIB_STRATEGY_COSTMODEL_H

#include "ssm/Strategy/Strategy.h"

namespace ssm {

/// Time of `steps` dependent steps on `units` independent tiles of `lanes`.
double scanSeconds(const Problem &problem, const TargetInfo &target,
                   double units, double steps, double lanes, double cores);

/// Seconds to move `bytes` through memory, on at least one core.
double memorySeconds(double bytes, const TargetInfo &target, double cores);

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
/// AVX-512: complex butterflies, sums over taps, products of kernel tables, one
/// state a channel (in registers), several (in the first cache, and summed).
constexpr double kFFTEfficiency = 0.20, kDirectEfficiency = 0.25,
                 kKernelEfficiency = 0.4, kScanEfficiency = 0.25,
                 kSummedScanEfficiency = 0.05;

} // namespace ssm

#endif // SSM_LIB_STRATEGY_COSTMODEL_H
