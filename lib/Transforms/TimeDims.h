//===- TimeDims.h - Which dimensions are time -------------------*- C++ -*-===//
#ifndef SSM_LIB_TRANSFORMS_TIMEDIMS_H
#define SSM_LIB_TRANSFORMS_TIMEDIMS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include <optional>

namespace ssm {

/// Classes of tensor dimensions that one loop runs over, or that differ by
/// padding and slicing only. The classes that an ssm op calls time are time.
class TimeDims {
public:
  explicit TimeDims(mlir::func::FuncOp func);

  /// The dimension of `value` that is time; the first if there are several.
  std::optional<unsigned> of(mlir::Value value) const;
  /// Whether more than one dimension of `value` is time.
  bool isAmbiguous(mlir::Value value) const;
  /// A function argument's dimension of that size, if there is one.
  std::optional<std::pair<mlir::Value, unsigned>>
  argumentOf(mlir::Value value, unsigned dim) const;

private:
  using Key = std::pair<mlir::Value, unsigned>;

  void visit(mlir::Operation *op);
  void visitMaps(mlir::Operation *op,
                 llvm::ArrayRef<std::pair<mlir::Value, mlir::AffineMap>> maps);
  void visitTensorOp(mlir::Operation *op);
  void join(mlir::Value a, unsigned i, mlir::Value b, unsigned j);
  void joinAll(mlir::Value a, mlir::Value b);
  bool isTime(Key key) const;

  llvm::EquivalenceClasses<Key> classes;
  llvm::SmallVector<Key> seeds;
  llvm::DenseSet<Key> leaders;
};

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_TIMEDIMS_H
