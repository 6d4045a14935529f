//===- TimeSplit.h - Convolutions whose lanes are parts of time -*- C++ -*-===//
#ifndef SSM_IR_TIMESPLIT_H
#define SSM_IR_TIMESPLIT_H

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Plan/FFTPlan.h"

namespace ssm {

/// Whether a transform for `op` splits into as many blocks as lanes, of whole
/// vectors of steps that lie beside each other in memory, and gains by that: it
/// is long, or there are not as many channels as lanes.
inline bool splitsTime(LongConvOp op, int64_t lanes) {
  constexpr int64_t kFewestLanes = 8, kMostLanes = 64, kShort = 1 << 10,
                    kLong = 1 << 16;
  auto isTimeLast = [&](mlir::AffineMap map) {
    return positionOf(map, op.getTime()) == map.getNumResults() - 1;
  };
  if (lanes < kFewestLanes || lanes > kMostLanes ||
      op.getDirection() != Direction::Forward ||
      !llvm::all_of(op.getIndexingMapsArray(), isTimeLast))
    return false;
  llvm::ArrayRef<int64_t> shape = op.getType().getShape();
  int64_t length = shape.back(),
          taps = op.getKernel().getType().getShape().back(),
          channels = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  bool hasFewChannels =
      !mlir::ShapedType::isDynamic(channels) && channels < lanes;
  return !mlir::ShapedType::isDynamic(length) && taps == length &&
         length >= (hasFewChannels ? kShort : kLong) &&
         length % (lanes * lanes) == 0 &&
         FFTPlan::forAtLeast(length / lanes).size() == length / lanes;
}

} // namespace ssm

#endif // SSM_IR_TIMESPLIT_H
