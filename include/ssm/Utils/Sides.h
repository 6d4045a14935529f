//===- Sides.h - The taps of a convolution by side --------------*- C++ -*-===//

#ifndef SSM_UTILS_SIDES_H
#define SSM_UTILS_SIDES_H

#include "ssm/IR/SSMOps.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace ssm {

/// How many taps weigh lags 0, 1, ..., and how many lags -1, -2, ...: a kernel
/// holds the latter first, so that tap `future + d` weighs lag d.
struct Sides {
  mlir::OpFoldResult past, future;

  /// Of a kernel that `op` convolves with. Only two-sided ones have a future.
  static Sides of(mlir::OpBuilder &b, LongConvOp op);

  bool hasFuture() const { return !mlir::isConstantIntValue(future, 0); }
};

} // namespace ssm

#endif // SSM_UTILS_SIDES_H
