//===- Patterns.h - Lowerings of ssm ops to linalg and scf ------*- C++ -*-===//
//
// Each lowering reads the op's `#ssm.strategy` and stays on tensors: what it
// leaves is func, tensor, linalg, arith, math, complex and scf (and
// affine.apply, which `--ssm-lower-to-linalg` expands).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LOWERING_PATTERNS_H
#define SSM_LOWERING_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// Of recurrences, channels beside each other.
struct RecurrenceOptions {
  /// Threads for which a sequential one has work.
  int64_t cores;
  /// Their states lie apart in memory, and what they read is asked for ahead:
  /// by ops of bufferization, which the portable stop has none of.
  bool buffers;
  /// Steps ahead that threads which share rows ask for, of real numbers in
  /// bands of a kilobyte; 0: each follows its part of a row by itself.
  int64_t sharedRowsAhead;
  /// Bytes of the largest result that several threads write through the caches.
  int64_t cached;
  /// Several steps of states ask whether all their powers of two are normal
  /// numbers, which take less then.
  bool normalPowers;
};

/// `ssm.linear_recurrence` with strategy sequential or tree_scan (sequential if
/// it has none).
void populateRecurrenceLowering(mlir::RewritePatternSet &patterns,
                                const RecurrenceOptions &options);

/// Sequential `ssm.linear_recurrence` whose time is contiguous: blocks that are
/// transposed, and their recurrence.
void populateTimeContiguousLowering(mlir::RewritePatternSet &patterns);

/// The same of associative scans (TimeContiguousScan.cpp).
void populateTimeContiguousScanLowering(mlir::RewritePatternSet &patterns);

/// Of scans along lines of time.
struct LineScanOptions {
  /// Threads for which a line that is alone is cut into chunks.
  int64_t cores;
  /// Of the vectors that a block is read by, where transitions vary.
  int64_t lanes;
  /// Bytes before its use that what is read is asked for; 0: by the machine
  /// alone.
  int64_t ahead, complexAhead;
  /// The same of real lines that the last cache, of so many bytes, holds beside
  /// others, and of those of which it holds a part.
  int64_t cachedAhead, partlyCachedAhead, lastCache;
  /// Bytes of the largest result that several threads write through the caches.
  int64_t cached;
};

/// Sequential `ssm.linear_recurrence` of states along contiguous time, by
/// vectors in registers. The only lowering that leaves vector ops.
void populateLineScanLowering(mlir::RewritePatternSet &patterns,
                              const LineScanOptions &options);

/// `ssm.associative_scan` with strategy sequential or tree_scan, likewise.
void populateAssociativeScanLowering(mlir::RewritePatternSet &patterns,
                                     int64_t cores);

/// `ssm.materialize_kernel` by repeated squaring.
void populateMaterializeKernelLowering(mlir::RewritePatternSet &patterns);

/// `ssm.long_conv` with strategy direct_conv (or none).
void populateDirectConvLowering(mlir::RewritePatternSet &patterns);

/// `ssm.long_conv` with strategy fft_conv, for `cores` threads;
/// `looksAhead` has memory asked ahead, which no portable program can, and
/// `isWhole` says that no part of a program will be run ahead of the others.
void populateFFTConvLowering(mlir::RewritePatternSet &patterns, int64_t cores,
                             bool looksAhead, bool isWhole);

/// `ssm.long_conv` of a long signal with strategy fft_conv and its channels
/// last -> one with its time last between transpositions.
void populateFFTConvTurnedLowering(mlir::RewritePatternSet &patterns);

/// Complex `ssm.long_conv` with strategy fft_conv -> real ones.
void populateSplitComplexConvLowering(mlir::RewritePatternSet &patterns);

/// `ssm.nonlinear_recurrence` by a loop over time, or by Newton's method if it
/// has a tolerance.
void populateNonlinearRecurrenceLowering(mlir::RewritePatternSet &patterns);

/// Slices that are all of a new tensor.
void populateWholeSlicePatterns(mlir::RewritePatternSet &patterns);

/// `ssm.discretize` of a diagonal transition by elementwise ops; for an exp
/// that is not better than rounding its argument, the error of that is left
/// out.
void populateDiscretizeLowering(mlir::RewritePatternSet &patterns,
                                bool compensates = true);

/// `ssm.discretize` of a dense transition by elimination.
void populateBilinearSolveLowering(mlir::RewritePatternSet &patterns);

/// Results of static shape that have no element -> tensor.empty.
void populateEmptyResultPatterns(mlir::RewritePatternSet &patterns);

/// `ssm.fft`.
void populateFFTLowering(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LOWERING_PATTERNS_H
