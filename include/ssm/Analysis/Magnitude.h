//===- Magnitude.h - Bounds on the size of a value's elements ---*- C++ -*-===//

#ifndef SSM_ANALYSIS_MAGNITUDE_H
#define SSM_ANALYSIS_MAGNITUDE_H

#include "mlir/IR/Value.h"

#include <optional>

namespace ssm {

/// An upper bound on |x| over the elements x of `value` (a scalar or a tensor,
/// real or complex), if the operations that compute it prove a finite one:
/// constants, clamps, and elementwise arithmetic by intervals. Rounding of what
/// they compute is not counted: a few units in the last place.
std::optional<double> boundMagnitude(mlir::Value value);

/// A magnitude that some element of `value` is proved to have at least, or
/// nothing: the largest of a constant, the lower end of an interval.
std::optional<double> provedMagnitude(mlir::Value value);

} // namespace ssm

#endif // SSM_ANALYSIS_MAGNITUDE_H
