//===- F32Math.h - Functions of f32 without a library -----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_F32MATH_H
#define SSM_LIB_GPU_F32MATH_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// log1p of f32 as arithmetic: see F32Math.cpp.
void populateF32Math(mlir::RewritePatternSet &patterns);
/// log1p(exp(-|x|)), as long as its parts are still ops of their own.
void populateSoftplus(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_GPU_F32MATH_H
