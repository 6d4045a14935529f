//===- StageCut.h - The stages of a function --------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_STAGECUT_H
#define SSM_LIB_GPU_STAGECUT_H

#include "Pointwise.h"

#include "ssm/Analysis/ProductForm.h"

namespace ssm {

/// What is computed together: a recurrence, a product of matrices, a reduction
/// of rows or a loop over time, or none, and the elementwise ops around it.
struct Stage {
  mlir::Operation *anchor = nullptr;
  llvm::SetVector<mlir::Value> results; ///< Values that it stores.

  /// The last anchor that results are computed from, or null; and an op of the
  /// stage, which says when it runs among those with the same one.
  mlir::Operation *last = nullptr, *op = nullptr;
};

/// Whether a stage is around the op.
bool isAnchor(mlir::Operation *op);

/// Whether the op replaces a part of a tensor, at a place that is known.
bool isAssembly(mlir::Operation *op);

/// Whether the function is a sequence of stages, or of parts put together.
bool hasStages(mlir::func::FuncOp function);

/// What is stored for the result of such an op: a tensor, if it has elements,
/// and then parts of it.
struct Assembly {
  explicit Assembly(mlir::Value value);
  llvm::SmallVector<mlir::Value> findRead();

  mlir::Value base; ///< Null: none.
  llvm::SmallVector<mlir::tensor::InsertSliceOp> parts;
};

/// The tensors whose elements an op reads.
llvm::SmallVector<mlir::Value> findRead(mlir::Operation *op);

class StageCut {
public:
  explicit StageCut(mlir::func::FuncOp whole) : whole(whole) {}

  /// Returns why there is none, or null.
  const char *cut();

  /// In the order in which they run.
  llvm::ArrayRef<Stage> all() const { return stages; }
  /// Whether the stage has the value from memory.
  bool isLeaf(mlir::Value value, const Stage &stage) const;
  /// Whether parts of a value, or the value in another shape, are read: its
  /// rows then follow each other without padding.
  static bool hasParts(mlir::Value value);

private:
  mlir::Operation *findLast(mlir::Value value) const;
  bool fits(mlir::Value value, mlir::Operation *anchor) const;
  void store(mlir::Value value);
  void demand(mlir::Value value, const Stage &stage);
  bool readsFrom(mlir::Operation *anchor, const Stage &stage) const;
  void joinReductions();

  mlir::func::FuncOp whole;
  std::vector<Stage> stages;
  llvm::SetVector<mlir::Value> stored;
  llvm::DenseSet<mlir::Value> homes; ///< Values that a stage stores.
  mutable llvm::DenseMap<mlir::Value, mlir::Operation *> lasts;
};

} // namespace ssm

#endif // SSM_LIB_GPU_STAGECUT_H
