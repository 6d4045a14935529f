//===- TransposeSquares.h - Transposes in vector registers ------*- C++ -*-===//

#ifndef SSM_LIB_PIPELINES_TRANSPOSESQUARES_H
#define SSM_LIB_PIPELINES_TRANSPOSESQUARES_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// Exchanges the blocks of `s` elements of a pair of rows, low and high, of
/// which one lies in the other's place.
void exchangeBlocks(mlir::OpBuilder &b, mlir::Location loc, mlir::Value &low,
                    mlir::Value &high, int64_t s);

/// vector.transpose of a small square to shuffles of its rows.
void populateTransposeSquaresPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_PIPELINES_TRANSPOSESQUARES_H
