//===- TensorPlace.h - Where a tensor of a stage is -------------*- C++ -*-===//
//
// An argument of the stage's kernel, or a region of the workspace. A slice of a
// tensor, or another shape of it, is a part of the same memory.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_TENSORPLACE_H
#define SSM_LIB_GPU_TENSORPLACE_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <optional>

namespace ssm {

/// A product of sizes: a number, and dynamic ones as a launch has them.
struct SizeProduct {
  int64_t number = 1;
  llvm::SmallVector<int64_t, 2> symbols; ///< In order.

  SizeProduct times(int64_t launchSize) const;
  bool isOne() const { return number == 1 && symbols.empty(); }
  bool operator==(const SizeProduct &other) const {
    return number == other.number && symbols == other.symbols;
  }
};

struct TensorPlace {
  std::optional<unsigned> argument;
  unsigned region = 0;
  /// The last dimension has a multiple of so many elements in memory.
  int64_t padding = 1;
  /// From an element to the next one along each dimension; none if the tensor
  /// is all that is there.
  llvm::SmallVector<SizeProduct> strides = {};
  /// Where it begins: the sum of these.
  llvm::SmallVector<SizeProduct> start = {};

  bool isPart() const { return !strides.empty() || !start.empty(); }
};

/// Whether the op gives a part of a tensor's memory: a slice at places that are
/// known, or another shape.
bool isView(mlir::Operation *op);

/// Places of what a view gives, from that of its tensor of these sizes, which
/// has no padding; nothing if dimensions that it joins are not beside each
/// other. `resultSizes` are the view's.
std::optional<TensorPlace> placeView(mlir::Operation *view,
                                     const TensorPlace &place,
                                     llvm::ArrayRef<int64_t> sizes,
                                     llvm::ArrayRef<int64_t> resultSizes);

/// Of a part of a tensor of these sizes that begins at some offsets.
TensorPlace placeSlice(llvm::ArrayRef<int64_t> offsets,
                       llvm::ArrayRef<int64_t> steps,
                       const llvm::SmallBitVector &dropped,
                       const TensorPlace &place, llvm::ArrayRef<int64_t> sizes);

} // namespace ssm

#endif // SSM_LIB_GPU_TENSORPLACE_H
