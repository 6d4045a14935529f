//===- CombinerEvaluator.h - A combiner on numbers --------------*- C++ -*-===//

#ifndef SSM_LIB_ANALYSIS_COMBINEREVALUATOR_H
#define SSM_LIB_ANALYSIS_COMBINEREVALUATOR_H

#include "ssm/IR/SSMOps.h"

namespace ssm {

/// A tuple of scalars: numbers as float or integer attributes, complex ones as
/// an array of two.
using Scalars = llvm::SmallVector<mlir::Attribute>;

/// Computes the region of a scan by constant folding.
class CombinerEvaluator {
public:
  explicit CombinerEvaluator(AssociativeScanOp op);
  ~CombinerEvaluator();

  /// left * right, or nothing if an op has no folder; `getObstacle` says why.
  std::optional<Scalars> combine(llvm::ArrayRef<mlir::Attribute> left,
                                 llvm::ArrayRef<mlir::Attribute> right);
  llvm::StringRef getObstacle() const { return obstacle; }

private:
  mlir::Attribute lookup(mlir::Value value);
  bool evaluate(mlir::Operation &op);

  /// Folders may change an op in place: they get one of our own.
  mlir::Operation *clone;
  llvm::DenseMap<mlir::Value, mlir::Attribute> values;
  std::string obstacle;
};

} // namespace ssm

#endif // SSM_LIB_ANALYSIS_COMBINEREVALUATOR_H
