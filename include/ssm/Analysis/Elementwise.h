//===- Elementwise.h - Elementwise neighbours of a recurrence ---*- C++ -*-===//

#ifndef SSM_ANALYSIS_ELEMENTWISE_H
#define SSM_ANALYSIS_ELEMENTWISE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ssm {

/// An elementwise op on real numbers, or on the parts of complex ones, seen
/// from the loop dimensions of another op beside it.
struct Elementwise {
  mlir::linalg::GenericOp op;
  /// Maps of the op's inputs over those loop dimensions; null for an input that
  /// the body does not use, or that is the other op's result.
  llvm::SmallVector<mlir::AffineMap> maps;
  /// The map of the op's result.
  mlir::AffineMap result;
  /// Of a consumer, the argument of the body that is the other op's result.
  unsigned argument = 0;

  explicit operator bool() const { return bool(op); }
};

/// The op that computes `value`, whose dimensions are loop dimensions by `map`,
/// for one reader; none if its body knows its place or its inputs are indexed
/// in another way.
Elementwise findProducer(mlir::Value value, mlir::AffineMap map);

/// The only reader of `value` and of real numbers, whose dimensions are loop
/// dimensions by `map`, if all other users of the op that defines it come
/// later.
Elementwise findConsumer(mlir::Value value, mlir::AffineMap map);

} // namespace ssm

#endif // SSM_ANALYSIS_ELEMENTWISE_H
