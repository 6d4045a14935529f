//===- LoopMemory.h - Loops on memory as loops on tensors -------*- C++ -*-===//

#ifndef SSM_IMPORT_LOOPMEMORY_H
#define SSM_IMPORT_LOOPMEMORY_H

#include "mlir/Analysis/AliasAnalysis.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <string>

namespace ssm {

/// A copy of a loop, before it, whose loads and stores are on tensors: those
/// that it writes are results after those of the loop.
struct TensorLoop {
  mlir::scf::ForOp loop;
  /// The memory that the results from number `firstWritten` on go to.
  llvm::SmallVector<mlir::Value> written;
  unsigned firstWritten = 0;
  /// Ops before the loop that are of use to it only.
  llvm::SmallVector<mlir::Operation *> prelude;
  /// Why there is none, or empty.
  std::string reason;

  static TensorLoop copy(mlir::scf::ForOp loop, mlir::AliasAnalysis &aliases);
  void erase();
};

} // namespace ssm

#endif // SSM_IMPORT_LOOPMEMORY_H
