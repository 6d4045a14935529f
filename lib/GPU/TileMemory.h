//===- TileMemory.h - Tiles of time in shared memory ------------*- C++ -*-===//
//
// A block has two tiles of steps at a time, each in a buffer. What it has for
// each step and channel of a tile, a part of the buffer, is seen in two ways:
//
//   own     a thread has `width` neighbouring channels of one step in each
//           round, as an access of global memory has them
//   scan    the lanes of a channel have its steps, one each in a turn
//
// Both ways take all banks: see TileMemory.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_TILEMEMORY_H
#define SSM_LIB_GPU_TILEMEMORY_H

#include "Kernel.h"

namespace ssm {

class TileMemory {
public:
  /// `place` is the number of the thread's first channel in the block, `lane`
  /// that of the thread in a channel.
  TileMemory(mlir::OpBuilder &b, Kernel &kernel, const GPUScanPlan &plan,
             mlir::Value place, mlir::Value lane);

  /// Takes so many bytes of each buffer; the first of them.
  int64_t take(int64_t bytes);
  /// Ends taking.
  void allocate();

  /// The first byte of a tile's buffer, which it has for two tiles.
  mlir::Value bufferOf(mlir::Value tile);
  mlir::Value address(mlir::Value byte, int64_t further);
  /// Scalars that follow each other, in accesses of 16 bytes at most.
  llvm::SmallVector<mlir::Value> load(mlir::Type type, int64_t count,
                                      mlir::Value byte, int64_t further);

  /// A scalar for each step and channel.
  struct Part {
    mlir::Type type;
    int64_t first; ///< Byte of a buffer.

    int64_t bytes() const { return type.getIntOrFloatBitWidth() / 8; }
  };
  Part takePart(mlir::Type type);

  int64_t numTurns() const { return plan.steps / plan.lanes; }
  int64_t numRounds() const { return numTurns() / turnsOfRound(); }
  /// Turns that follow each other, from a multiple of their number on.
  int64_t countTogether() const { return std::min<int64_t>(numTurns(), 4); }
  /// In the tile, and the first of the thread's in the block.
  mlir::Value ownStep(int64_t round);
  mlir::Value ownChannel();

  /// Of the thread's i-th channel.
  mlir::Value loadOwn(const Part &part, mlir::Value buffer, int64_t round,
                      int64_t i);
  void storeOwn(const Part &part, mlir::Value buffer, int64_t round, int64_t i,
                mlir::Value x);
  /// One of the thread's channels, by its number in the block, at the i-th of
  /// the turns from `first` on.
  struct Turn {
    mlir::Value channel, first;
    int64_t i;
  };
  /// Of all lanes; of the thread's own.
  llvm::SmallVector<mlir::Value> loadTurn(const Part &part, mlir::Value buffer,
                                          const Turn &turn);
  void storeTurn(const Part &part, mlir::Value buffer, const Turn &turn,
                 mlir::Value x);

private:
  struct Place {
    mlir::Value byte;
    int64_t further;
  };
  Place ownPlace(const Part &part, mlir::Value buffer, int64_t round,
                 int64_t i);
  Place turnPlace(const Part &part, mlir::Value buffer, const Turn &turn);
  int64_t turnsOfRound() const { return plan.width / plan.channels; }
  int64_t countRoundBytes(const Part &part) const {
    return part.bytes() * plan.threads * plan.width;
  }
  int64_t logBanks(const Part &part) const;
  int64_t swizzle(const Part &part, int64_t number) const;
  mlir::Value swizzle(const Part &part, mlir::Value number);

  mlir::OpBuilder &b;
  Kernel &k;
  const GPUScanPlan &plan;
  int64_t channels, bufferBytes = 0;
  mlir::Value memory, place, lane;
};

} // namespace ssm

#endif // SSM_LIB_GPU_TILEMEMORY_H
