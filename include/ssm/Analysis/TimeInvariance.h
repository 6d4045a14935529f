//===- TimeInvariance.h - Values that are constant along a dim --*- C++ -*-===//

#ifndef SSM_ANALYSIS_TIMEINVARIANCE_H
#define SSM_ANALYSIS_TIMEINVARIANCE_H

#include "mlir/IR/Builders.h"

#include <string>

namespace ssm {

/// The value that keeps `value` from being proved constant along dimension
/// `dim` (the same bits at every index), or null if that is proved.
mlir::Value findBlocker(mlir::Value value, unsigned dim);

/// What `value` is at any index of `dim`, along which it is proved constant: a
/// tensor without that dimension, computed from what `value` is computed from.
/// Calls that the proof goes through are inlined, and private functions get an
/// argument more.
mlir::Value dropConstantDim(mlir::OpBuilder &b, mlir::Value value,
                            unsigned dim);

/// "argument #0 of @f" or "the result of 'math.exp' at file.mlir:3:8".
std::string describeValue(mlir::Value value);

} // namespace ssm

#endif // SSM_ANALYSIS_TIMEINVARIANCE_H
