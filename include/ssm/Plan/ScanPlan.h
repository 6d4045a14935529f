//===- ScanPlan.h - How scans are cut ---------------------------*- C++ -*-===//
//
// Read by the lowerings and by the cost model.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_SCANPLAN_H
#define SSM_PLAN_SCANPLAN_H

#include <cstdint>

namespace ssm {

/// Fewer channels than half a vector: pieces of time fill the lanes instead.
inline constexpr int64_t kFewChannels = 8;

/// Steps of a line that are in registers together, see Lowering/LineScan.cpp.
inline constexpr int64_t kLineBlock = 64;

} // namespace ssm

#endif // SSM_PLAN_SCANPLAN_H
