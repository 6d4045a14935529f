//===- F64Math.h - Functions of f64 without a library -----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_F64MATH_H
#define SSM_LIB_GPU_F64MATH_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// exp, expm1, log, log1p, sin, cos and tanh of f64 become arithmetic: see
/// F64Math.cpp.
void populateF64Math(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_GPU_F64MATH_H
