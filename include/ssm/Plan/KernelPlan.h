//===- KernelPlan.h - How a kernel is materialised --------------*- C++ -*-===//

#ifndef SSM_PLAN_KERNELPLAN_H
#define SSM_PLAN_KERNELPLAN_H

#include <cstdint>

namespace ssm {

/// Lags in a block: the powers of the transition below it are one table, made
/// whatever the length, and each block adds one power to another.
inline constexpr int64_t kKernelBlock = 32;

/// The same where lags lie side by side in memory, and in the lanes: four
/// vectors of AVX-512.
inline constexpr int64_t kLagBlock = 64;

/// Channels computed side by side, in one tile, where those do.
inline constexpr int64_t kKernelLanes = 16;

} // namespace ssm

#endif // SSM_PLAN_KERNELPLAN_H
