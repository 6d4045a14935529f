//===- Producer.h - Elementwise producers of operands -----------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_PRODUCER_H
#define SSM_LIB_LOWERING_PRODUCER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ssm {

/// An elementwise op on real numbers that computes an operand and nothing else.
struct Producer {
  mlir::linalg::GenericOp op;
  /// Maps of the op's inputs over the loop dimensions of the operand's map;
  /// null for an input that the body does not use.
  llvm::SmallVector<mlir::AffineMap> maps;

  explicit operator bool() const { return bool(op); }
};

/// The producer of `value`, whose dimensions are loop dimensions by `map`; none
/// if its body knows its place or its inputs are indexed in another way.
Producer findProducer(mlir::Value value, mlir::AffineMap map);

} // namespace ssm

#endif // SSM_LIB_LOWERING_PRODUCER_H
