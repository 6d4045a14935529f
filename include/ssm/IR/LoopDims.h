//===- LoopDims.h - Loop dimensions of an indexed op ------------*- C++ -*-===//
//
// Sizes of the loop dimensions of an `IndexedOpInterface` op, read off the
// shapes of its operands and results through its indexing maps.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_IR_LOOPDIMS_H
#define SSM_IR_LOOPDIMS_H

#include "ssm/IR/SSMOps.h"

#include "mlir/IR/OpDefinition.h"

namespace ssm {

/// Position of loop dimension `dim` among the map's results, or nothing if the
/// map does not use it. An attribute of an op that is not verified yet may hold
/// any number.
std::optional<unsigned> positionOf(mlir::AffineMap map, uint64_t dim);

/// Whether the map uses loop dimension `dim`.
inline bool uses(mlir::AffineMap map, uint64_t dim) {
  return positionOf(map, dim).has_value();
}

/// The loop dimensions that a projected permutation uses, in its order.
llvm::SmallVector<unsigned> dimsOf(mlir::AffineMap map);

/// Size of every loop dimension, from the operands first: a constant if any
/// value knows it, else the runtime size of an operand's dimension. A dimension
/// that no operand has stays null.
llvm::SmallVector<mlir::OpFoldResult> getLoopSizes(mlir::OpBuilder &builder,
                                                   IndexedOpInterface op);

/// Static size of every loop dimension, `ShapedType::kDynamic` if unknown.
llvm::SmallVector<int64_t> getStaticLoopSizes(IndexedOpInterface op);

/// Sizes of the dimensions that `map` uses, in its order.
llvm::SmallVector<mlir::OpFoldResult>
applyMap(mlir::AffineMap map, llvm::ArrayRef<mlir::OpFoldResult> loopSizes);

/// Bits of an element's real (or only) part.
unsigned getElementWidth(mlir::Type element);

/// The element type, or the type of its real part if it is complex.
mlir::Type getRealType(mlir::Type element);

/// The real type that arithmetic on values of these element types is done in:
/// the widest of theirs, and f32 at least.
mlir::Type getWorkingType(mlir::TypeRange elements);

} // namespace ssm

#endif // SSM_IR_LOOPDIMS_H
