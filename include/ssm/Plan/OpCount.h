//===- OpCount.h - What a loop does, counted --------------------*- C++ -*-===//
//
// No rates: those are the target's, see Strategy/CostModel.h.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_OPCOUNT_H
#define SSM_PLAN_OPCOUNT_H

#include <cstdint>

namespace ssm {

/// A loop over tiles that do not wait for each other.
struct OpCount {
  const char *loop = "";
  double tiles = 1;  ///< The parallel width.
  double depth = 0;  ///< FMAs of a tile that wait for each other.
  double flops = 0;  ///< Real operations of all tiles, idle lanes included.
  double cycles = 0; ///< Cycles of a tile besides: gathers, shuffles.
  double bytes = 0;  ///< Moved by all tiles.
  /// What of the FMA peak the code that is generated reaches, and the width of
  /// the elements that the peak is for.
  double efficiency = 1;
  int64_t elementBytes = 4;
  double starts = 1; ///< Parallel loops that these are.
};

} // namespace ssm

#endif // SSM_PLAN_OPCOUNT_H
