//===- RecurrenceToConv.h - A recurrence as convolution ---------*- C++ -*-===//
#ifndef SSM_LIB_TRANSFORMS_RECURRENCETOCONV_H
#define SSM_LIB_TRANSFORMS_RECURRENCETOCONV_H

#include "ssm/IR/SSMOps.h"

#include "mlir/IR/Builders.h"

namespace ssm {

/// The result of a recurrence that does not refuse convolution: a long_conv, or
/// with an initial state or a complex signal and a projection what comes after
/// one.
mlir::Value recurrenceToConv(mlir::OpBuilder &b, LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_RECURRENCETOCONV_H
