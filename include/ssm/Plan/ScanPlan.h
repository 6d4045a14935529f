//===- ScanPlan.h - How scans of a few channels are cut ---------*- C++ -*-===//
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

/// The pieces of a block of contiguous time and the steps of each, see
/// Lowering/SplitTime.cpp.
inline constexpr int64_t kSegments = 16, kSegmentSteps = 64;
inline constexpr int64_t kSegmentBlock = kSegments * kSegmentSteps;

} // namespace ssm

#endif // SSM_PLAN_SCANPLAN_H
