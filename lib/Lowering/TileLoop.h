//===- TileLoop.h - Loops over tiles ----------------------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TILELOOP_H
#define SSM_LIB_LOWERING_TILELOOP_H

#include "Tile.h"

namespace ssm {

/// One loop dimension walked by tiles: `count` tiles of `size` from `begin`,
/// which is counted from that of the axis of the same dimension before it, if
/// there is one.
struct TileAxis {
  unsigned dim;
  mlir::OpFoldResult begin, count, size;
  /// Whether the tile's values keep the dimension.
  bool kept;
};

/// A tile of a result, to be written where the tile lies.
struct TileResult {
  mlir::Value value;
  mlir::AffineMap map;
  Tile tile;
};

/// Splits `size` into axes of full tiles of `lanes` and of what is left over.
/// An axis that is known to be empty is left out.
llvm::SmallVector<TileAxis> splitLanes(mlir::OpBuilder &b, mlir::Location loc,
                                       unsigned dim, mlir::OpFoldResult size,
                                       int64_t lanes);

/// An axis of single indices.
TileAxis unitAxis(mlir::OpBuilder &b, unsigned dim, mlir::OpFoldResult size);

/// The tile at `indices` of the axes, in `whole`, which gives the ranges of the
/// loop dimensions that no axis walks.
Tile tileAt(mlir::OpBuilder &b, mlir::Location loc,
            llvm::ArrayRef<TileAxis> axes, const Tile &whole,
            mlir::ArrayRef<mlir::OpFoldResult> indices);

/// Runs `body` for every tile in parallel. `whole` gives the ranges of the loop
/// dimensions that no axis walks. The body returns one tile per out.
llvm::SmallVector<mlir::Value>
forEachTile(mlir::OpBuilder &b, mlir::Location loc,
            llvm::ArrayRef<TileAxis> axes, const Tile &whole,
            mlir::ValueRange outs,
            llvm::function_ref<llvm::SmallVector<TileResult>(
                mlir::OpBuilder &, const Tile &, mlir::ValueRange)>
                body);

/// `for i in lower .. upper` with values carried along.
llvm::SmallVector<mlir::Value>
buildFor(mlir::OpBuilder &b, mlir::Location loc, mlir::Value lower,
         mlir::Value upper, mlir::ValueRange carried,
         llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                           mlir::ValueRange)>
             body);

/// The same with one value.
mlir::Value
buildFor(mlir::OpBuilder &b, mlir::Location loc, mlir::Value lower,
         mlir::Value upper, mlir::Value carried,
         llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body);

/// `if condition`; both branches return values of these types.
llvm::SmallVector<mlir::Value>
buildIf(mlir::OpBuilder &b, mlir::Location loc, mlir::TypeRange types,
        mlir::Value condition,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> thenBranch,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> elseBranch);

/// Says of the loop that returned `results` that no iteration touches what
/// another one writes, and that they are worth threads.
void markIndependent(mlir::ValueRange results);

/// Has the loop over tiles that returned `results` write them through the
/// caches, if one of `type`, of static shape, has `mostBytes` at most.
void keepInCaches(mlir::ValueRange results, mlir::RankedTensorType type,
                  int64_t mostBytes);

/// A tile that covers all of every loop dimension and keeps none.
Tile wholeTile(mlir::OpBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> sizes);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TILELOOP_H
