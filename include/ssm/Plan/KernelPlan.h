//===- KernelPlan.h - How a kernel is materialised --------------*- C++ -*-===//

#ifndef SSM_PLAN_KERNELPLAN_H
#define SSM_PLAN_KERNELPLAN_H

#include <cstdint>

namespace ssm {

/// Lags in a block: the powers of the transition below it are one table, made
/// whatever the length, and each block adds one power to another.
inline constexpr int64_t kKernelBlock = 32;

/// Channels computed side by side, in one tile.
inline constexpr int64_t kKernelLanes = 16;

} // namespace ssm

#endif // SSM_PLAN_KERNELPLAN_H
