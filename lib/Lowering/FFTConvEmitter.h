//===- FFTConvEmitter.h - ssm.long_conv by transforms -----------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_FFTCONVEMITTER_H
#define SSM_LIB_LOWERING_FFTCONVEMITTER_H

#include "ssm/IR/SSMOps.h"

#include "FFTEmitter.h"
#include "TimeLoop.h"

namespace ssm {

class FFTConvEmitter {
public:
  /// A convolution for `cores` threads.
  FFTConvEmitter(mlir::OpBuilder &b, LongConvOp op, int64_t lanes,
                 int64_t cores);
  mlir::Value emit();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  FFTEmitter makeTransform();
  /// Runs `body` for every tile. Threads share each tile's rounds where whole
  /// tiles would leave many of them idle.
  Values forEachSharedTile(llvm::ArrayRef<TileAxis> axes, mlir::ValueRange outs,
                           llvm::function_ref<llvm::SmallVector<TileResult>(
                               const Tile &, mlir::ValueRange)>
                               body);
  bool leavesIdle(llvm::ArrayRef<TileAxis> axes);
  /// `results` of a loop whose iterations threads share where they share tiles.
  Values share(Values results);
  /// Tiles of one width: unit axes, then the lanes (if there is such a dim).
  mlir::Value emitTiles(std::optional<TileAxis> laneAxis, mlir::Value out);
  Values emitSpectra(std::optional<TileAxis> laneAxis);
  /// Steps of an operand and the rows of a work tile that they go to: `count`
  /// of them, the first to row 0; or, of the future, the last to row n-1.
  struct Stretch {
    mlir::OpFoldResult begin, count;
    bool isFuture = false;
  };
  /// The operand times `scale` and the weights, in a work tile.
  Values load(Indexed operand, const Tile &tile,
              llvm::ArrayRef<Stretch> stretches, mlir::Value scale);
  Values loadStretch(Indexed operand, const Tile &tile, const Stretch &stretch,
                     mlir::OpFoldResult width, mlir::Value scale,
                     mlir::ValueRange work);
  mlir::Value store(mlir::ValueRange work, const Tile &tile, mlir::Value part);

  /// The same joined with the first round and the last, where tiles are full
  /// and the transform allows it.
  bool canJoin(const Tile &tile);
  Values loadJoined(const Tile &tile);
  mlir::Value storeJoined(mlir::ValueRange work, const Tile &tile,
                          mlir::Value part);
  /// Butterflies k of the border round that have as many rows in the signal.
  struct Stripe {
    int64_t begin, end, rows;
  };
  llvm::SmallVector<Stripe> splitBorder();
  Values loadStripe(const Stripe &stripe, const Tile &tile,
                    mlir::ValueRange work);
  mlir::Value storeStripe(const Stripe &stripe, mlir::ValueRange work,
                          const Tile &tile, mlir::Value part);
  /// The steps that are row `row` of the butterflies in `range` of a stripe.
  TimeRange rowRange(const Stripe &stripe, TimeRange range, int64_t row);
  /// The weights of step `i` of each range.
  llvm::SmallVector<Num> weightsOf(llvm::ArrayRef<TimeRange> rows,
                                   mlir::Value i);

  /// The steps of a block, first to last, are those of `value` backward.
  bool isTurned(mlir::Value value) {
    return value == op.getSignal() && op.getDirection() == Direction::Backward;
  }
  /// Row `i` of a block: its step, and its place among those of the block.
  mlir::Value stepOf(TimeRange block, mlir::Value i);
  mlir::OpFoldResult placeOf(TimeRange block, mlir::Value i, bool turned);
  /// The tile's part in a block of steps, with its place in time.
  Tile blockOf(const Tile &tile, TimeRange block, bool turned);
  Values loadRow(mlir::Value slice, mlir::OpFoldResult width, mlir::Value t,
                 bool isFuture, mlir::Value scale, mlir::ValueRange work);
  mlir::Value storeRow(mlir::ValueRange work, mlir::OpFoldResult width,
                       mlir::Value t, mlir::Value slice);
  /// An uninitialised block of results, with the lanes last.
  mlir::Value makeBlock(mlir::AffineMap map, const Tile &block);
  /// `part` with such a block written to its place.
  mlir::Value turnBlock(Indexed filled, const Tile &block, mlir::Value part);
  /// Steps taken together: what is transposed at once, or all in a loop that
  /// `body` returns. No step depends on another.
  Values
  forEachBlockOf(mlir::AffineMap map, mlir::OpFoldResult count,
                 mlir::ValueRange carried,
                 llvm::function_ref<Values(TimeRange, mlir::ValueRange)> body);
  unsigned tileDim() { return op.getNumLoops(); }
  unsigned laneInTileDim() { return op.getNumLoops() + 1; }
  Tile wholeOp();
  void noteTileNumber(Tile &tile, std::optional<TileAxis> laneAxis);

  mlir::OpBuilder &b;
  LongConvOp op;
  mlir::Location loc;
  int64_t lanes, cores;
  bool isShared = false;
  unsigned time;
  mlir::Type real;
  mlir::AffineMap signalMap, kernelMap, resultMap;
  llvm::SmallVector<mlir::OpFoldResult> sizes;
  llvm::SmallVector<Stretch> taps;
  llvm::SmallVector<unsigned> parallel;
  FFTEmitter transform;
  Values weights;
  mlir::AffineMap spectrumMap;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_FFTCONVEMITTER_H
