//===- TimeSplit.h - Convolutions whose lanes are parts of time -*- C++ -*-===//
#ifndef SSM_IR_TIMESPLIT_H
#define SSM_IR_TIMESPLIT_H

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Plan/FFTPlan.h"

#include <algorithm>

namespace ssm {

/// Whether a transform for `op`, which is forward in time and has as many taps
/// as steps, splits into as many blocks as lanes, of whole vectors of steps.
inline bool fillsTimeSplit(LongConvOp op, int64_t lanes) {
  constexpr int64_t kFewestLanes = 8, kMostLanes = 64;
  if (lanes < kFewestLanes || lanes > kMostLanes ||
      op.getDirection() != Direction::Forward)
    return false;
  auto stepsOf = [&](mlir::RankedTensorType type, mlir::AffineMap map) {
    return type.getDimSize(*positionOf(map, op.getTime()));
  };
  llvm::SmallVector<mlir::AffineMap> maps = op.getIndexingMapsArray();
  int64_t length = stepsOf(op.getType(), maps[2]);
  return !mlir::ShapedType::isDynamic(length) &&
         stepsOf(op.getKernel().getType(), maps[1]) == length &&
         length % (lanes * lanes) == 0 &&
         FFTPlan::forAtLeast(length / lanes).size() == length / lanes;
}

/// Whether it does so with steps that lie beside each other in memory, and
/// gains by that: it is long, or there are not as many channels as lanes.
inline bool splitsTime(LongConvOp op, int64_t lanes) {
  constexpr int64_t kShort = 1 << 10, kLong = 1 << 16;
  auto isTimeLast = [&](mlir::AffineMap map) {
    return positionOf(map, op.getTime()) == map.getNumResults() - 1;
  };
  if (!fillsTimeSplit(op, lanes) ||
      !llvm::all_of(op.getIndexingMapsArray(), isTimeLast))
    return false;
  llvm::ArrayRef<int64_t> shape = op.getType().getShape();
  int64_t channels = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  bool hasFewChannels =
      !mlir::ShapedType::isDynamic(channels) && channels < lanes;
  return shape.back() >= (hasFewChannels ? kShort : kLong);
}

/// Whether it does so once operands with a vector of channels last have been
/// turned, and gains by that: the work tile of the vector is larger than the
/// last cache. Of more channels, the turned ones would be no less than it.
inline bool turnsForTimeSplit(LongConvOp op, int64_t lanes) {
  constexpr int64_t kLargeBytes = int64_t(1) << 26;
  llvm::SmallVector<mlir::AffineMap> maps = op.getIndexingMapsArray();
  unsigned lane = dimsOf(maps[2]).back();
  mlir::RankedTensorType type = op.getType();
  if (lane == op.getTime() || dimsOf(maps[0]).back() != lane ||
      !uses(maps[1], lane) || !type.hasStaticShape() ||
      type.getShape().back() != lanes || !fillsTimeSplit(op, lanes))
    return false;
  int64_t length = type.getDimSize(*positionOf(maps[2], op.getTime())),
          rowBytes =
              2 * lanes * std::max(type.getElementTypeBitWidth(), 32u) / 8;
  return type.getNumElements() == lanes * length &&
         length >= kLargeBytes / rowBytes;
}

} // namespace ssm

#endif // SSM_IR_TIMESPLIT_H
