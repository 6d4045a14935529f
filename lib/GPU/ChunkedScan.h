//===- ChunkedScan.h - Matrix states by products of matrices ----*- C++ -*-===//
#ifndef SSM_LIB_GPU_CHUNKEDSCAN_H
#define SSM_LIB_GPU_CHUNKEDSCAN_H

#include "ChunkDecays.h"
#include "Pointwise.h"
#include "WarpMatrix.h"

namespace ssm {

/// See ChunkedScan.cpp. What computes a chunk's products is in WarpChunks.cpp
/// and GroupChunks.cpp.
class ChunkedScan {
public:
  ChunkedScan(mlir::OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused,
              int64_t decayBuffers);
  virtual ~ChunkedScan() = default;

  Launch emit();

protected:
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

  virtual Chunk loadFirst() = 0;
  /// Stores the results of a chunk and updates the state; the next chunk.
  virtual Chunk emitChunk(const Chunk &chunk, Values &state) = 0;

  void enter(mlir::Value thread);
  bool areWhole();
  mlir::Value isInside(mlir::Value time);
  mlir::Value clamp(mlir::Value time);
  Values at(mlir::Value time, mlir::Value column, mlir::Value state);
  mlir::Value stepOf(mlir::Value inBlock);
  mlir::Value rowOf(int64_t down);
  mlir::Value nextStart();
  void synchronize();
  void enterPart();

  // Steps of the next chunk.
  void
  forUnits(int64_t columns,
           llvm::function_ref<void(mlir::Value, int64_t, mlir::Value)> body);
  mlir::Value placeOf(const KernelTensor &tensor, mlir::Value step,
                      int64_t below, mlir::Value unit);
  mlir::Value timeOf(mlir::Value step, int64_t below = 0);
  void prefetchStep();
  Parts joinSteps();
  void prefetchSignals();
  Values computeSignals();
  mlir::Value zeroBeyondEnd(mlir::Value words, mlir::Value step, int64_t below);

  // Rows of the result.
  void enterRows();
  void prefetchRows();
  void storeRows(const Values &y);

  /// Of the i-th pair of elements of the state that the thread has, in the
  /// order of registers.
  struct Element {
    mlir::Value column, row;
  };
  virtual std::pair<Element, Element> pairOf(int64_t i) = 0;

  mlir::OpBuilder &b;
  Kernel &k;
  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  LinearRecurrenceOp::Dims dims;
  int64_t states;
  KernelTensor input, output;
  WarpMatrix warpMatrix;
  ChunkDecays decays;
  mlir::Value warp;
  /// Step of the present chunk, and of the next one.
  mlir::Value first, coming;

private:
  void findBlock(Launch &launch);
  mlir::Value packSignal();
  mlir::Value resultColumn(int64_t i);
  Values takeUnits(const Values &y, int64_t down);
  void storeRow(int64_t down, llvm::ArrayRef<mlir::Value> elements);
  void forStatePairs(const KernelTensor &tensor,
                     llvm::function_ref<void(mlir::Value, mlir::Value)> body);
  Values loadState();
  void storeFinal(const Values &state);
  Values emitChunks(const Values &state);
  int64_t countElements() const { return states * kColumns / (kWarps * kWarp); }

  unsigned stateDim, columnDim;
  KernelTensor init, final;
  /// The thread's unit of a row of U, and its pairs of a row of results.
  Pointwise ofUnit, ofUnits;
  Mapped transition, signal;
  Values indices;
  mlir::Value firstColumn, unitColumn, resultUnit;
  /// Of the next chunk: the lane's step, and those of its units of U. Beyond
  /// the end, the last one.
  mlir::Value ownTime;
  Values times;
  /// Of the present one: those of the thread's rows of results, likewise.
  mlir::Value rowTimes[2];
};

/// On the tensor cores of a warp, from sm_80 on; and of a group of warps, on
/// sm_90a.
Launch emitWarpChunks(mlir::OpBuilder &b, Kernel &kernel,
                      const FusedRecurrence &fused);
Launch emitGroupChunks(mlir::OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused);

} // namespace ssm

#endif // SSM_LIB_GPU_CHUNKEDSCAN_H
