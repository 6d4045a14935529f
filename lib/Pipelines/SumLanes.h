//===- SumLanes.h - Sums across the lanes of vectors ------------*- C++ -*-===//
#ifndef SSM_LIB_PIPELINES_SUMLANES_H
#define SSM_LIB_PIPELINES_SUMLANES_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// Sums of a vector's elements, or of each row's of a matrix, that may be added
/// in any order; `benefit` ahead of upstream's lowering.
void populateSumLanesPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_PIPELINES_SUMLANES_H
