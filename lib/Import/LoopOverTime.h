//===- LoopOverTime.h - Slices that move with a loop ------------*- C++ -*-===//

#ifndef SSM_IMPORT_LOOPOVERTIME_H
#define SSM_IMPORT_LOOPOVERTIME_H

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <string>

namespace ssm {

/// What one iteration reads or writes of a tensor: one index of a dimension,
/// `time`, that moves by one with each iteration, forward or backward.
struct TimeSlice {
  mlir::Value tensor;
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
  /// Dimensions of the tensor that the slice lacks.
  llvm::SmallBitVector dropped;
  unsigned time = 0;
  /// The index, of the induction variable d0 and symbols.
  mlir::AffineExpr index;
  llvm::SmallVector<mlir::Value> symbols;
  bool backward = false;

  /// A map to the slice's dimensions as one to those of all iterations' slices
  /// together, which have loop dimension `dim` for time.
  mlir::AffineMap insertTime(mlir::AffineMap map, unsigned dim) const;
};

/// The slice of a tensor.extract, extract_slice, insert or insert_slice, or why
/// it is none.
struct SliceOrReason {
  std::optional<TimeSlice> slice;
  std::string reason;
};
SliceOrReason matchTimeSlice(mlir::scf::ForOp loop, mlir::Operation *op);

/// How many iterations ago `written` was what `read` is now: 0 or 1, where both
/// are the same but for that and at least one index moves; nothing if that is
/// not known or the iteration may not exist.
std::optional<int64_t> findLag(mlir::scf::ForOp loop, mlir::ValueRange read,
                               mlir::ValueRange written);

/// The iterations of a loop, whose step is a positive constant.
struct Iterations {
  mlir::OpFoldResult first, step, count;

  /// Nothing if the loop's iterations are not known to be a sequence.
  static std::optional<Iterations> of(mlir::scf::ForOp loop);

  /// Computes `count`, where the loop has no constant one.
  void buildCount(mlir::OpBuilder &b, mlir::scf::ForOp loop);

  /// Whether a static slice leaves its tensor in some iteration.
  bool leaves(const TimeSlice &slice) const;

  /// All iterations' slices together.
  mlir::Value buildExtract(mlir::OpBuilder &b, const TimeSlice &slice) const;

  /// The tensor with all iterations' slices written.
  mlir::Value buildInsert(mlir::OpBuilder &b, const TimeSlice &slice,
                          mlir::Value sequence, mlir::Value into) const;

  /// Writes all iterations' slices into the memory that the tensor stands for.
  void buildStore(mlir::OpBuilder &b, const TimeSlice &slice,
                  mlir::Value sequence, mlir::Value memory) const;

private:
  mlir::OpFoldResult start(mlir::OpBuilder &b, const TimeSlice &slice) const;
  bool coversAll(const TimeSlice &whole) const;
  TimeSlice widen(mlir::OpBuilder &b, const TimeSlice &slice) const;
};

} // namespace ssm

#endif // SSM_IMPORT_LOOPOVERTIME_H
