//===- GPUConvPlan.h - How a GPU convolves ----------------------*- C++ -*-===//
//
// A convolution is a product of transforms, of a window of signal and of the
// kernel. Windows of real numbers have two for each complex point: see
// lib/GPU/FFTConv.cpp. What wraps around spoils the first results of a window,
// as many as the kernel has taps but one: windows overlap by these.
//
//   one window      has the whole signal; a block transforms it
//   overlapping     a block transforms each: for kernels that are shorter than
//                   the signal
//   passes          one window with more points than a block holds: kernels for
//                   columns, rows and columns again go over it in global memory
//
// Read by the emitters and by the unit test.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_GPUCONVPLAN_H
#define SSM_PLAN_GPUCONVPLAN_H

#include "ssm/Plan/GPUFFTPlan.h"
#include "ssm/Plan/GPUMatrixFFTPlan.h"

#include <optional>

namespace ssm {

/// What of a convolution decides. Absent: known at run time only.
struct GPUConvProblem {
  std::optional<int64_t> length, kernels, signals;
  /// That reach a result, of which so many are of the future.
  int64_t taps = 1, future = 0;
  bool isComplex = false;   ///< Signal or kernel.
  bool isAligned = false;   ///< Whether rows and windows are whole accesses.
  bool hasMatrices = false; ///< Transforms are to be products of matrices.
  int64_t multiprocessors = 108;
  int64_t sharedBytes = 48 << 10; ///< That a block may have.
};

struct GPUConvPlan {
  /// The most points of a transform: columns of 256 points twice, and rows.
  static constexpr int64_t kLogMost = 28;

  bool isComplex = false, hasMatrices = false;
  int64_t logAccess = 0; ///< Of the most points of an access of a tensor.
  int64_t logPoints = 9; ///< Of a window's transform.
  /// A window's results from the `overlap`-th on are right; `step` of them are
  /// taken.
  int64_t overlap = 0, step = 0;
  bool isOne = false; ///< Window for a whole signal.
  /// Of a block: signals that it convolves with its kernel, and windows of
  /// each.
  int64_t signals = 1, windows = 1;
  /// Of passes over columns in global memory, the logarithms of their points;
  /// rows are what is left.
  std::vector<int64_t> logColumns;

  /// Nothing if the length is unknown and the kernel long, or a window would
  /// have too many points: products of matrices have no passes.
  static std::optional<GPUConvPlan> forProblem(const GPUConvProblem &problem);
  /// Numbers of the longest window that a block holds, and the most taps for
  /// which such windows overlap.
  static int64_t mostOfBlock(const GPUConvProblem &problem);
  static int64_t mostTaps(const GPUConvProblem &problem) {
    return mostOfBlock(problem) / 4 * 3;
  }

  int64_t points() const { return int64_t(1) << logPoints; }
  int64_t window() const { return isComplex ? points() : 2 * points(); }
  bool hasPasses() const { return !logColumns.empty(); }

  GPUMatrixFFTPlan matrixPlan() const { return {logPoints}; }
  /// The rows of a window in global memory, or all of one that a block holds.
  GPUFFTPlan rowPlan() const;
  /// What a block does in a pass over columns.
  GPUFFTPlan columnPlan(int64_t pass) const;
  /// Points of the rows that a pass over columns leaves apart.
  int64_t logRows(int64_t pass) const;
};

} // namespace ssm

#endif // SSM_PLAN_GPUCONVPLAN_H
