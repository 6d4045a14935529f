//===- ConvToRecurrence.h - A kernel's convolution as recurrence -*- C++ -*-==//
#ifndef SSM_LIB_TRANSFORMS_CONVTORECURRENCE_H
#define SSM_LIB_TRANSFORMS_CONVTORECURRENCE_H

#include "ssm/IR/SSMOps.h"

#include "mlir/IR/Builders.h"

namespace ssm {

/// The recurrence that computes a convolution with a materialised kernel; null
/// if the kernel is another one, or cut.
mlir::Value convToRecurrence(mlir::OpBuilder &b, LongConvOp op);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_CONVTORECURRENCE_H
