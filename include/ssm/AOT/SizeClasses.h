//===- SizeClasses.h - Which tensor sizes must be equal ---------*- C++ -*-===//
//
// A union-find over the dimensions of all ranked tensors in a function, and
// over the index values that measure or create them. Two dimensions share a
// class if the program is only meaningful when they are equal, e.g. because an
// elementwise operation reads both. A class may also hold a constant.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_AOT_SIZECLASSES_H
#define SSM_AOT_SIZECLASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace ssm {

class SizeClasses {
public:
  /// Two constants that meet in one class, and the operation where they meet.
  struct Conflict {
    mlir::Operation *op;
    int64_t lhs, rhs;
  };

  explicit SizeClasses(mlir::func::FuncOp func);

  /// Identifies the class of a dimension.
  unsigned classOf(mlir::Value tensor, unsigned dim);

  /// The constant that every member of a class equals, if one is known.
  std::optional<int64_t> constantOf(unsigned classId) const;

  const llvm::SmallVector<Conflict> &conflicts() const { return found; }

private:
  /// A dimension of a tensor, or (with dim = indexValue) an index value.
  using Key = std::pair<mlir::Value, unsigned>;
  static constexpr unsigned indexValue = ~0u;

  unsigned find(Key key);
  void unite(Key a, Key b, mlir::Operation *op);
  void uniteConstant(Key key, int64_t size, mlir::Operation *op);
  void uniteShapes(mlir::Value a, mlir::Value b, mlir::Operation *op);
  void uniteSizes(mlir::Value tensor, llvm::ArrayRef<mlir::OpFoldResult> sizes,
                  mlir::Operation *op);
  void visit(mlir::Operation *op);
  void visitTensorOp(mlir::Operation *op);
  void visitIndexingMaps(mlir::Operation *op, mlir::ArrayAttr maps);
  void visitRegions(mlir::Operation *op);

  llvm::DenseMap<Key, unsigned> ids;
  llvm::SmallVector<unsigned> parent;
  llvm::SmallVector<std::optional<int64_t>> constant;
  llvm::SmallVector<Conflict> found;
};

} // namespace ssm

#endif // SSM_AOT_SIZECLASSES_H
