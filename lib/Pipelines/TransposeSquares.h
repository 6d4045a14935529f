//===- TransposeSquares.h - Transposes in vector registers ------*- C++ -*-===//

#ifndef SSM_LIB_PIPELINES_TRANSPOSESQUARES_H
#define SSM_LIB_PIPELINES_TRANSPOSESQUARES_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// vector.transpose of a small square to shuffles of its rows.
void populateTransposeSquaresPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_PIPELINES_TRANSPOSESQUARES_H
