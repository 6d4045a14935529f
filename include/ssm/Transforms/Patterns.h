//===- Patterns.h - Rewrites within the language ----------------*- C++ -*-===//
#ifndef SSM_TRANSFORMS_PATTERNS_H
#define SSM_TRANSFORMS_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// recurrence -> kernel + convolution; with `onlyChosen`, where the strategy is
/// fft_conv or direct_conv.
void populateRecurrenceToConvPatterns(mlir::RewritePatternSet &patterns,
                                      bool onlyChosen = true);

/// recurrence -> associative scan.
void populateRecurrenceToScanPatterns(mlir::RewritePatternSet &patterns);

/// Multi-input and multi-output maps -> contractions around the recurrence.
/// What is between the two has time last with `timeLast`, else where the signal
/// and the result have it.
void populateHoistContractionsPatterns(mlir::RewritePatternSet &patterns,
                                       bool timeLast = false);

/// Contractions after a recurrence -> its output map, where that spares it
/// states in memory.
void populateAbsorbOutputsPatterns(mlir::RewritePatternSet &patterns);

/// What a recurrence reads -> what that is made of: an outer product is signal
/// and input map. Of the two the signal has the dimensions of the result, so
/// that outputs come first.
void populateAbsorbInputsPatterns(mlir::RewritePatternSet &patterns);

/// exp(x y) -> 2^(x (y log2 e)), where y lacks loops of its linalg op.
void populateScaleExponentsPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_TRANSFORMS_PATTERNS_H
