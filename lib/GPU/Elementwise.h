//===- Elementwise.h - What has no recurrence -------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_ELEMENTWISE_H
#define SSM_LIB_GPU_ELEMENTWISE_H

#include "Pointwise.h"

namespace ssm {

/// A thread for each access of the value, which is computed elementwise from
/// arguments, over its own dimensions.
Launch emitElementwise(mlir::OpBuilder &b, const KernelFrame &frame,
                       mlir::Value value);

} // namespace ssm

#endif // SSM_LIB_GPU_ELEMENTWISE_H
