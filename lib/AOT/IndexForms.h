//===- IndexForms.h - What divides an index, and how it moves ---*- C++ -*-===//
#ifndef SSM_LIB_AOT_INDEXFORMS_H
#define SSM_LIB_AOT_INDEXFORMS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"

namespace ssm {

/// A number that divides sum_i indices_i strides_i; 0 divides only 0.
int64_t divisorOf(llvm::ArrayRef<mlir::OpFoldResult> indices,
                  mlir::MemRefType type);

/// How much a number grows with a variable, if that is a constant.
using Slope = std::optional<int64_t>;

Slope sum(Slope x, Slope y);

/// The slope of sum_i indices_i strides_i.
Slope slopeOf(llvm::ArrayRef<mlir::OpFoldResult> indices, mlir::MemRefType type,
              mlir::Value variable);

} // namespace ssm

#endif // SSM_LIB_AOT_INDEXFORMS_H
