//===- KernelEmitter.h - Kernels as products of two tables ------*- C++ -*-===//
//
// Lags are cut into blocks of S: with l = h S + r,
//
//   K_l = sum_state (c^T A^(h S)) * (A^r b),
//
// a product of two tables, the first advanced once per block. How they are
// formed depends on the transition's structure. A tile's lanes are channels, or
// lags where those lie side by side in the result.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_KERNELEMITTER_H
#define SSM_LIB_LOWERING_KERNELEMITTER_H

#include "ssm/IR/SSMOps.h"
#include "ssm/Plan/KernelPlan.h"

#include "TileLoop.h"

namespace ssm {

/// The kernel of one op, tile by tile of its channels.
class KernelEmitter {
public:
  virtual ~KernelEmitter() = default;
  mlir::Value emit();

protected:
  using Values = llvm::SmallVector<mlir::Value>;

  /// What a tile computes with; values are parts over its kept dimensions.
  struct Tables {
    /// c^T A^(h S) for the block at hand.
    Values high;
    /// A^r b for r < S, over [S, kept...], or [kept..., S] if lags are the
    /// lanes: parts of type `sumType`.
    Values low;
    /// What `advance` multiplies by, A^S.
    Values step;
  };

  KernelEmitter(mlir::OpBuilder &b, MaterializeKernelOp op, bool lagsAreLanes);

  virtual Tables makeTables(const Tile &tile) = 0;
  /// `high` in parts of type `sumType`.
  virtual Values round(const Tile &tile, mlir::ValueRange high) = 0;
  /// `high` of the next block.
  virtual Values advance(const Tile &tile, mlir::ValueRange high,
                         mlir::ValueRange step) = 0;

  /// A table over [S, kept...] whose row r < S is `row(current)`, and current =
  /// `next(current)` after each.
  Values makeRows(const Tile &tile, Values &current,
                  llvm::function_ref<Values(mlir::ValueRange)> row,
                  llvm::function_ref<Values(mlir::ValueRange)> next);
  Values emptyParts(llvm::ArrayRef<mlir::OpFoldResult> sizes, unsigned count,
                    mlir::Type type);
  static llvm::SmallVector<Indexed> over(mlir::ValueRange values,
                                         mlir::AffineMap map);

  mlir::OpBuilder &b;
  MaterializeKernelOp op;
  mlir::Location loc;
  /// The real type of operands, at least 32 bits wide, and of the sums.
  mlir::Type real, sumType;
  bool complexPowers, lagsAreLanes;
  /// S.
  int64_t block;
  unsigned lag;
  llvm::SmallVector<unsigned> parallel, state;
  llvm::SmallVector<mlir::OpFoldResult> sizes;

private:
  /// The result's tile, all lags.
  mlir::Value emitTile(const Tile &tile, mlir::Value out);
  mlir::Value emitBlocks(const Tile &tile, const Tables &tables, Values &high,
                         int64_t count, mlir::OpFoldResult begin,
                         mlir::OpFoldResult size, mlir::Value out);
  /// Sums over the states, over (lag, lanes), of the blocks that begin with
  /// these powers.
  llvm::SmallVector<Values> sumBlocks(const Tile &tile,
                                      llvm::ArrayRef<Values> high,
                                      mlir::ValueRange low);
  /// The same for `numRows` lags from `r` on of each block, or for all of them
  /// if they are the lanes.
  Values sumStates(const Tile &tile, llvm::ArrayRef<Values> high,
                   mlir::ValueRange low, mlir::Value r);
  Values multiplyRows(llvm::ArrayRef<Values> high, llvm::ArrayRef<Values> low,
                      mlir::ValueRange sums);
  /// Writes the first `size` lags of a block into the tile's result.
  mlir::Value storeBlock(const Tile &tile, mlir::ValueRange sums,
                         mlir::OpFoldResult begin, mlir::OpFoldResult size,
                         mlir::Value out);

  /// Rows of lanes computed at a time, for as many blocks as registers allow.
  int64_t numRows;
  mlir::AffineMap resultMap;
  bool complexSum;
};

/// Powers of a diagonal transition.
std::unique_ptr<KernelEmitter> makeDiagonalKernel(mlir::OpBuilder &b,
                                                  MaterializeKernelOp op);

/// Krylov bases of a transition that mixes.
std::unique_ptr<KernelEmitter> makeKrylovKernel(mlir::OpBuilder &b,
                                                MaterializeKernelOp op);

} // namespace ssm

#endif // SSM_LIB_LOWERING_KERNELEMITTER_H
