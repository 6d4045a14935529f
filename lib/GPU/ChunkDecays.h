//===- ChunkDecays.h - Products of a chunk's transitions --------*- C++ -*-===//
#ifndef SSM_LIB_GPU_CHUNKDECAYS_H
#define SSM_LIB_GPU_CHUNKDECAYS_H

#include "Row.h"
#include "WarpMatrix.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace ssm {

/// A chunk has a block of steps for each warp: see ChunkDecays.cpp.
class ChunkDecays {
public:
  static constexpr int64_t kChunk = 64, kBlock = 16, kBlocks = kChunk / kBlock;

  ChunkDecays(mlir::OpBuilder &b, Kernel &kernel, WarpMatrix &warpMatrix,
              int64_t buffers);
  /// Which of the buffers is stored to and read from here on.
  void useBuffer(mlir::Value number);

  /// What a lane knows of its step, number lane % kBlock of the warp's block,
  /// whose transition is `a`. All lanes of the warp have to be there.
  Parts join(mlir::Value a);
  /// Stores it: barriers have to be in front and behind, of the warp for a's
  /// own block, of which there is one buffer.
  void store(mlir::Value warp, const Parts &joined);
  /// Finds the products that warp has for its own rows.
  void enter(mlir::Value warp);

  /// From here on i is row g or g + 8 of the warp's block. The product from the
  /// block's start to i.
  mlir::Value fromBlock(int64_t down) { return rows[down]; }
  /// a_{j+1} ... a_i, or 0 where j > i, where j is column 2t or 2t + 1 of half
  /// of the warp's block.
  mlir::Value inside(int64_t down, int64_t half, int64_t part);
  /// a_{j+1} ... a_m, where m is the last step of j's block and j column 2t
  /// or 2t + 1 of half a block.
  Parts toBlockEnd(mlir::Value block, int64_t half);
  /// Products of whole blocks: of one, and of those before it.
  mlir::Value ofBlock(mlir::Value block);
  mlir::Value before(mlir::Value block);
  /// Of those from `from` on that are before one, or of those after it.
  mlir::Value between(int64_t from, mlir::Value block);
  mlir::Value after(mlir::Value block);
  /// From a step of the chunk to the end of its block.
  mlir::Value toBlockEnd(mlir::Value step);
  /// The i-th block before one, from 0 on.
  mlir::Value fromLast(mlir::Value block, mlir::Value i);

private:
  /// Of half a block: what the lane's row has.
  struct Half {
    mlir::Value row;       ///< From the half's start to row g.
    mlir::Value inside[2]; ///< From columns 2t and 2t + 1 to row g.
  };
  Half walkBack(llvm::ArrayRef<mlir::Value> a);
  mlir::Value load(mlir::Value memory, mlir::Value index);
  llvm::SmallVector<mlir::Value> load(mlir::Value memory, mlir::Value index,
                                      int64_t count);
  mlir::Value stepPlace(mlir::Value step);
  mlir::Value blockPlace(mlir::Value block);
  mlir::Value multiplyBlocks(mlir::arith::CmpIPredicate counts,
                             mlir::Value block, int64_t from);

  mlir::OpBuilder &b;
  Kernel &k;
  WarpMatrix &warpMatrix;
  /// Transitions; what they have to the end of their blocks; blocks.
  mlir::Value steps, ends, blocks;
  Half halves[2];
  mlir::Value rows[2], across[2];
  mlir::Value buffer; ///< Null: there is one.
};

} // namespace ssm

#endif // SSM_LIB_GPU_CHUNKDECAYS_H
