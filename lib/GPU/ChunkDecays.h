//===- ChunkDecays.h - Products of a chunk's transitions --------*- C++ -*-===//
#ifndef SSM_LIB_GPU_CHUNKDECAYS_H
#define SSM_LIB_GPU_CHUNKDECAYS_H

#include "Row.h"

namespace ssm {

/// In shared memory: see ChunkDecays.cpp.
class ChunkDecays {
public:
  static constexpr int64_t kChunk = 64, kBlock = 16, kBlocks = kChunk / kBlock;

  ChunkDecays(mlir::OpBuilder &b, Kernel &kernel);

  void setStep(mlir::Value step, mlir::Value a) { steps.store(step, {a}); }
  /// Barriers have to be in front and behind.
  void compute();

  /// a_{j+1} ... a_i where j and i are in one block, j by its place in it.
  mlir::Value inside(mlir::Value i, mlir::Value j) {
    return within.load(place(i, j))[0];
  }
  /// The product from the start of i's block to i.
  mlir::Value fromBlock(mlir::Value i) {
    return within.load(place(i, k.constant(kBlock)))[0];
  }
  /// a_{j+1} ... up to the start of a block behind j; block kBlocks is the end.
  mlir::Value toBlock(mlir::Value block, mlir::Value j) {
    return across.load(k.add(k.mul(block, k.constant(kColumns)), j))[0];
  }
  /// The product from the start of the chunk to that of a block.
  mlir::Value fromStart(mlir::Value block) {
    return toBlock(block, k.constant(kChunk));
  }

private:
  /// Columns of the matrix of products, and one for each block.
  static constexpr int64_t kColumns = kChunk + kBlocks;

  mlir::Value place(mlir::Value i, mlir::Value j) {
    return k.add(k.mul(i, k.constant(kBlock + 1)), j);
  }
  void walkDown(mlir::Value column);

  mlir::OpBuilder &b;
  Kernel &k;
  SharedArray steps, within, across;
};

} // namespace ssm

#endif // SSM_LIB_GPU_CHUNKDECAYS_H
