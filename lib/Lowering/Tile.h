//===- Tile.h - A tile of an op's iteration space ---------------*- C++ -*-===//
//
// Every lowering computes an op tile by tile. A tile fixes most loop dimensions
// at one index and keeps a few (the lanes, the state's dimensions) as
// dimensions of the tensors that hold its values. This file turns a tile into
// slices of the op's operands and results; it is the only place that knows how
// a layout becomes offsets.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_TILE_H
#define SSM_LIB_LOWERING_TILE_H

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace ssm {

/// The part of one loop dimension that a tile covers.
struct LoopRange {
  mlir::OpFoldResult offset, size, stride;
};

/// A tile: a range for every loop dimension, and the loop dimensions that its
/// values keep, outermost first. A dimension that is not kept has size one.
struct Tile {
  llvm::SmallVector<LoopRange> ranges;
  llvm::SmallVector<unsigned> kept;

  bool keeps(unsigned dim) const { return llvm::is_contained(kept, dim); }

  /// The same tile with loop dimension `dim` at one index.
  Tile at(unsigned dim, mlir::OpFoldResult index) const;

  /// The same part of a tensor that holds nothing else.
  Tile atOrigin() const;

  /// The same tile, whose values keep every dimension.
  Tile withAllDims() const;

  /// The part of the tile that has `range`, counted from the tile's own offset,
  /// in loop dimension `dim`.
  Tile narrow(mlir::OpBuilder &b, mlir::Location loc, unsigned dim,
              const LoopRange &range) const;

  /// Map from the kept dimensions to those that `map` uses, in its order: the
  /// indexing map of a slice inside a linalg op over the tile.
  mlir::AffineMap sliceMap(mlir::AffineMap map) const;

  /// Sizes of the kept dimensions.
  llvm::SmallVector<mlir::OpFoldResult> keptSizes() const;
};

/// Bytes of a cache line.
inline constexpr int64_t kLine = 64;

/// Bytes of an element in memory.
int64_t bytesOf(mlir::Type element);
/// Bytes of a tensor of static shape.
std::optional<int64_t> bytesOf(mlir::RankedTensorType type);

/// The tile's slice of `value`, whose dimensions are loop dimensions by `map`.
mlir::Value extractTile(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value value, mlir::AffineMap map,
                        const Tile &tile);

/// `dest` with the tile's slice replaced by `slice`.
mlir::Value insertTile(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value slice, mlir::Value dest, mlir::AffineMap map,
                       const Tile &tile);

/// `type` with rows that are a line longer, if they are whole kilobytes. Such
/// rows share places of the first cache, and by the last bits of its address a
/// store to one seems to be what a load from the next has to wait for.
mlir::RankedTensorType spreadRows(mlir::RankedTensorType type);
/// The tensor of this type that is a part of `rows`, and `rows` with it.
mlir::Value takeRows(mlir::OpBuilder &b, mlir::Location loc, mlir::Value rows,
                     mlir::RankedTensorType type);
mlir::Value putRows(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                    mlir::Value rows);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TILE_H
