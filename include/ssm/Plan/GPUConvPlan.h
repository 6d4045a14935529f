//===- GPUConvPlan.h - How a GPU convolves ----------------------*- C++ -*-===//
//
// A block transforms a row of complex points, 16 in the registers of each
// thread. It takes rounds of butterflies of 16 points, and a last one of what
// is left; between two rounds points change threads through shared memory.
// Round r has blocks of N / 16^r points, and a butterfly takes every s-th point
// of one. The last round's butterflies, of 2 to 16 points, are of neighbours.
//
// Read by the emitter and by the unit test.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_GPUCONVPLAN_H
#define SSM_PLAN_GPUCONVPLAN_H

#include <algorithm>
#include <cstdint>

namespace ssm {

struct GPUConvPlan {
  static constexpr int64_t kPoints = 16; ///< Of a thread.
  /// Shared memory of a block has 48 KiB, of which 4096 points fill 32.
  static constexpr int64_t kMaxPoints = 4096;

  int64_t points = 512; ///< Of a transform: a power of two.
  /// Signals that a block convolves with its kernel, one after the other.
  int64_t signals = 1;

  /// `length` is at most kMaxPoints. Unknown numbers of rows are 0.
  static GPUConvPlan forProblem(int64_t length, int64_t kernels,
                                int64_t signals, int64_t multiprocessors);

  int64_t threads() const { return points / kPoints; }
  int64_t numRounds() const;
  int64_t blockSize(int64_t round) const { return points >> (4 * round); }
  int64_t radix(int64_t round) const {
    return std::min(blockSize(round), kPoints);
  }
  /// Distance of a thread's points in a round.
  int64_t stride(int64_t round) const {
    return std::max<int64_t>(blockSize(round) / kPoints, 1);
  }
  /// The first of them.
  int64_t firstPoint(int64_t round, int64_t thread) const {
    int64_t s = stride(round);
    return thread / s * (kPoints * s) + thread % s;
  }
  /// Where a point is in shared memory, so that the lanes of half a warp access
  /// 16 different pairs of banks in every round.
  static int64_t swizzle(int64_t point) { return point ^ (point / 16 % 16); }
};

} // namespace ssm

#endif // SSM_PLAN_GPUCONVPLAN_H
