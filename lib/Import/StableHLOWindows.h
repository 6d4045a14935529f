//===- StableHLOWindows.h - Windows at places that are data -----*- C++ -*-===//
#ifndef SSM_LIB_IMPORT_STABLEHLOWINDOWS_H
#define SSM_LIB_IMPORT_STABLEHLOWINDOWS_H

#include "StableHLO.h"

#include <array>

namespace ssm {

/// Windows of a whole tensor, at places that are vectors of a tensor of
/// indices, and the tensor of all of them: what a gather reads and a scatter
/// writes.
struct IndexedWindows {
  llvm::SmallVector<int64_t> windowDims; ///< Of all windows: those of one.
  llvm::SmallVector<int64_t> single; ///< Of the whole: 1 in a window, left out
  llvm::SmallVector<int64_t> batching; ///< as these, which are in the indices
  llvm::SmallVector<int64_t> indexBatching; ///< at these dimensions.
  llvm::SmallVector<int64_t> starts; ///< Of the whole: places of a vector.
  int64_t vectorDim = 0;             ///< Of the indices: their vectors.
  llvm::SmallVector<int64_t> sizes;  ///< Of a window, in the whole.

  /// The dimensions that an attribute has under these names, in the order of
  /// the lists above.
  static IndexedWindows read(llvm::StringRef text,
                             const std::array<llvm::StringRef, 5> &names);
  /// Whether the whole's dimension is one of a window.
  bool isWindow(int64_t dim) const;
  /// Whether the dimensions, not the sizes, fit the types.
  bool fits(mlir::RankedTensorType whole, mlir::RankedTensorType indices,
            mlir::RankedTensorType windows) const;
  /// Sizes of the indices without their vectors.
  llvm::SmallVector<int64_t> batchShape(mlir::RankedTensorType indices) const;
};

} // namespace ssm

#endif // SSM_LIB_IMPORT_STABLEHLOWINDOWS_H
