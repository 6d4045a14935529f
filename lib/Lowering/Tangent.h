//===- Tangent.h - Derivatives of tensor code -------------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TANGENT_H
#define SSM_LIB_LOWERING_TANGENT_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace ssm {

/// Forward-mode derivatives of straight-line tensor code, for several seeds at
/// once: the tangent of a tensor<...> is a tensor<seeds x ...>. A value without
/// a tangent does not depend on what was seeded.
class TangentBuilder {
public:
  TangentBuilder(mlir::OpBuilder &b, mlir::Location loc,
                 mlir::OpFoldResult numSeeds)
      : b(b), loc(loc), numSeeds(numSeeds) {}

  void seed(mlir::Value value, mlir::Value tangent) {
    tangents[value] = tangent;
  }
  /// Null if there is none.
  mlir::Value get(mlir::Value value) const { return tangents.lookup(value); }

  /// Emits the tangents of the op's results. Fails on an op that depends on a
  /// seed and has no rule, or only together with the value that a reduction has
  /// so far.
  mlir::LogicalResult emit(mlir::Operation *op);

  /// Why `emit` failed.
  llvm::StringRef getRefusal() const { return refusal; }

private:
  mlir::LogicalResult emitStructured(mlir::Operation *op);
  mlir::LogicalResult emitElementwise(mlir::Operation *op);
  mlir::Value zeros(mlir::Value like);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::OpFoldResult numSeeds;
  llvm::DenseMap<mlir::Value, mlir::Value> tangents;
  std::string refusal;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_TANGENT_H
