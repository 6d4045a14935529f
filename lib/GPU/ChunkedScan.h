//===- ChunkedScan.h - Matrix states by products of matrices ----*- C++ -*-===//
#ifndef SSM_LIB_GPU_CHUNKEDSCAN_H
#define SSM_LIB_GPU_CHUNKEDSCAN_H

#include "ChunkDecays.h"
#include "Pointwise.h"
#include "WarpMatrix.h"

namespace ssm {

/// See ChunkedScan.cpp. What a chunk does with the rows of the result and with
/// the state is in ChunkRows.cpp.
class ChunkedScan {
public:
  ChunkedScan(mlir::OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused);

  Launch emit();

private:
  static constexpr int64_t kChunk = ChunkDecays::kChunk;
  static constexpr int64_t kBlock = ChunkDecays::kBlock;
  static constexpr int64_t kColumns = kChunkColumns;
  static constexpr int64_t kBlocks = ChunkDecays::kBlocks;
  /// Each has a block of steps.
  static constexpr int64_t kWarps = kBlocks;

  using Values = llvm::SmallVector<mlir::Value>;

  /// A chunk in registers: what a thread has of C, B and U in units, and what
  /// ChunkDecays knows of its step.
  struct Chunk {
    Values outputs, inputs, signals, decays;

    std::array<Values *, 4> parts() {
      return {&outputs, &inputs, &signals, &decays};
    }
  };

  void findBlock(Launch &launch);
  void enter(mlir::Value thread);
  bool areWhole();
  mlir::Value isInside(mlir::Value time);
  mlir::Value clamp(mlir::Value time);
  Values at(mlir::Value time, mlir::Value column, mlir::Value state);
  mlir::Value stepOf(mlir::Value inBlock);
  mlir::Value rowOf(int64_t down);

  // Steps of the next chunk.
  void
  forUnits(int64_t columns,
           llvm::function_ref<void(mlir::Value, int64_t, mlir::Value)> body);
  mlir::Value placeOf(const KernelTensor &tensor, mlir::Value step,
                      int64_t below, mlir::Value unit);
  mlir::Value timeOf(mlir::Value step, int64_t below = 0);
  Values loadInputs();
  void copyOutputs();
  Values takeOutputs();
  void prefetchStep();
  Parts joinSteps();
  void prefetchSignals();
  Values computeSignals();
  mlir::Value packSignal();
  void storeUnits(SharedTile &tile, int64_t columns,
                  llvm::ArrayRef<mlir::Value> units);

  // Rows of the result.
  WarpMatrix::Words outputWords(const Chunk &chunk, int64_t tile);
  Values multiplyOutputs(const Chunk &chunk, mlir::Value block);
  void
  addBlock(Values &y, llvm::ArrayRef<mlir::Value> products, mlir::Value block,
           llvm::function_ref<mlir::Value(int64_t, int64_t, int64_t)> weight);
  Values readState(const Chunk &chunk);
  Values computeRows(const Chunk &chunk, Values y);
  mlir::Value pairColumn(int64_t unit, int64_t part);
  mlir::Value resultColumn(int64_t i);
  Values takeUnits(const Values &y, int64_t down);
  void storeRows(const Values &y);

  // Elements of the state that the thread has.
  int64_t countTiles() const { return states / 16 / kWarps; }
  mlir::Value stateRow(int64_t tile, int64_t half);
  void forStatePairs(const KernelTensor &tensor,
                     llvm::function_ref<void(mlir::Value, mlir::Value)> body);
  Values loadState();
  void storeState(const Values &state);
  WarpMatrix::Words inputWords(int64_t tile, mlir::Value step,
                               llvm::ArrayRef<Parts> weights);
  Values updateState(const Values &state);
  void storeFinal(const Values &state);

  mlir::Value nextStart();
  void synchronize();
  void enterPart();
  Chunk loadFirst();
  Chunk emitChunk(const Chunk &chunk, Values &state);
  Values emitChunks(const Values &state);

  mlir::OpBuilder &b;
  Kernel &k;
  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  LinearRecurrenceOp::Dims dims;
  unsigned stateDim, columnDim;
  int64_t states;
  KernelTensor input, output, init, final;
  /// The thread's unit of a row of U, and its pairs of a row of results.
  Pointwise ofUnit, ofUnits;
  Mapped transition, signal;
  WarpMatrix warpMatrix;
  /// C, and X in the same memory; B; U.
  SharedTile outputs, stateTile, inputs, signals;
  ChunkDecays decays;
  llvm::SmallVector<mlir::Value> indices;
  mlir::Value warp, firstColumn, unitColumn, resultUnit;
  /// Step of the present chunk, and of the next one.
  mlir::Value first, coming;
  /// Of the next one: the lane's step, and those of its units of U. Beyond the
  /// end, the last one.
  mlir::Value ownTime;
  Values times;
};

} // namespace ssm

#endif // SSM_LIB_GPU_CHUNKEDSCAN_H
