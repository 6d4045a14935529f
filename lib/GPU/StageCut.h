//===- StageCut.h - The stages of a function --------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_STAGECUT_H
#define SSM_LIB_GPU_STAGECUT_H

#include "Pointwise.h"

#include "ssm/Analysis/ProductForm.h"

namespace ssm {

/// What is computed together: a recurrence or a product of matrices, or none,
/// and the elementwise ops around it.
struct Stage {
  mlir::Operation *anchor = nullptr;
  llvm::SetVector<mlir::Value> results; ///< Values that it stores.
};

/// Whether a stage is around the op.
bool isAnchor(mlir::Operation *op);

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

private:
  void addRoot(mlir::Value value);
  void demandLeaves(Stage &stage);

  mlir::func::FuncOp whole;
  std::vector<Stage> stages;
};

} // namespace ssm

#endif // SSM_LIB_GPU_STAGECUT_H
