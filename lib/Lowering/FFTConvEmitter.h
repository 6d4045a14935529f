//===- FFTConvEmitter.h - ssm.long_conv by transforms -----------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_FFTCONVEMITTER_H
#define SSM_LIB_LOWERING_FFTCONVEMITTER_H

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"

#include "FFTEmitter.h"
#include "MatrixFFT.h"
#include "TimeLoop.h"

#include "ssm/Utils/Num.h"

namespace ssm {

class FFTConvEmitter {
public:
  /// A convolution for `cores` threads.
  FFTConvEmitter(mlir::OpBuilder &b, LongConvOp op, StrategyAttr strategy,
                 int64_t cores, bool looksAhead, bool isWhole);
  mlir::Value emit();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  FFTEmitter makeTransform(StrategyAttr strategy);
  /// The tables of the transform, its weights beside.
  void emitTables();
  /// The transform of a work tile; the same, times `spectrum`, and back.
  mlir::Value emitForward(mlir::Value work);
  mlir::Value emitConvolution(mlir::Value work, mlir::Value spectrum);
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
  /// The axes of the tiles, the outermost first.
  llvm::SmallVector<TileAxis> tileAxes(std::optional<TileAxis> laneAxis);
  /// Whether threads can write tiles of channels beside each other. Rows of
  /// such tiles share pages: through the caches, each thread's prefetches would
  /// take the other's lines.
  bool writesLinesApart();
  /// Whether a tile's row of a result, channels last, is not part of a line.
  bool hasWholeLines();
  mlir::Value emitTiles(std::optional<TileAxis> laneAxis, mlir::Value out);
  /// What the inverse transform has to be divided by, for the filter.
  mlir::Value emitScale();
  /// The result's part of a tile; without a spectrum, the filter is transformed
  /// beside the signal.
  mlir::Value emitTile(const Tile &tile, mlir::Value spectrum,
                       mlir::Value part);
  /// Whether a second cache holds two work tiles, of a known size.
  bool fitsTwoTiles();
  /// Whether a tile of the filter is best transformed beside the signal's.
  bool transformsBeside(std::optional<TileAxis> laneAxis);
  mlir::Value emitSpectra(std::optional<TileAxis> laneAxis);
  /// Steps of an operand and the rows of a work tile that they go to: `count`
  /// of them, the first to row 0; or, of the future, the last to row n-1.
  struct Stretch {
    mlir::OpFoldResult begin, count;
    bool isFuture = false;
  };
  llvm::SmallVector<Stretch> cutTaps();
  /// An operand with those of its steps that matter.
  struct Operand : Indexed {
    llvm::SmallVector<Stretch> steps;
    /// Whether they are taken from the last to the first.
    bool isTurned = false;
  };
  bool filterHasLanes() {
    return !parallel.empty() && uses(filter.map, parallel.back());
  }
  int64_t countFilterLanes();
  void narrowTo(const TileAxis &axis);
  void setLanes(int64_t count) {
    lanes = count;
    transform.setLanes(count);
  }
  /// The operand times `scale` and the weights, in a work tile.
  mlir::Value load(const Operand &operand, const Tile &tile, mlir::Value scale);
  mlir::OpFoldResult widthOf(const Tile &tile);
  /// Runs `body(i, row, work)` on each of an operand's steps.
  mlir::Value forEachRow(
      const Operand &operand, const Tile &tile, TimeRange steps,
      mlir::Value work,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value, mlir::Value)>
          body);
  mlir::Value store(mlir::Value work, const Tile &tile, mlir::Value part);
  /// Writes `body(i, row)` over each row of `steps` in a part of the result
  /// that has `length` of them.
  mlir::Value
  storeRows(const Tile &tile, TimeRange steps, mlir::OpFoldResult length,
            mlir::Value part,
            llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body);

  /// Blocks of time, see FFTConvBlocks.cpp: how far the kernel reaches back and
  /// ahead, and the steps of a block.
  struct Blocks {
    int64_t past, future, steps;
  };
  static std::optional<Blocks> cutTime(LongConvOp op, StrategyAttr strategy);
  mlir::Value emitBlocks(std::optional<TileAxis> laneAxis, mlir::Value out);
  TileResult emitPair(const Tile &tile, mlir::Value spectrum, mlir::Value out);
  mlir::Value loadBlock(const Tile &tile, mlir::Value begin, mlir::Value work,
                        int64_t part);

  /// Tiles one after the other, see FFTConvRuns.cpp: the axes of the runs that
  /// threads take, and those of the tiles of a run.
  struct Runs {
    llvm::SmallVector<TileAxis> outer, inner;
    int64_t tiles = 1;
  };
  bool canRun(llvm::ArrayRef<TileAxis> axes);
  std::optional<Runs> splitRuns(llvm::ArrayRef<TileAxis> axes);
  mlir::Value emitRuns(const Runs &runs, std::optional<TileAxis> laneAxis,
                       mlir::Value out);
  /// A tile of a run, in the operands and in the run's part of the result.
  struct Place {
    Tile tile, local;
  };
  Place placeIn(const Runs &runs, const Tile &run, mlir::Value number);
  mlir::Value emitRun(const Runs &runs, const Tile &run,
                      std::optional<TileAxis> laneAxis, mlir::Value part);
  Values emitSeam(mlir::Value work, const Tile &done, mlir::Value part,
                  const Tile &next);

  /// Tiles of one channel whose lanes are parts of time, see FFTConvSplit.cpp.
  void emitSplitTables();
  /// Factors of the first round for a block of its butterflies: those of its
  /// first one, and rows of what the others turn on.
  struct SplitFactors {
    llvm::SmallVector<Values> far;
    llvm::SmallVector<Indexed> near;
  };
  SplitFactors readSplitFactors(mlir::Value block);
  Tile splitSteps(const Tile &tile, mlir::Value block, int64_t j);
  mlir::Value makeSplitBlock();
  Values readSplitBlock(mlir::Value blocks);
  /// `to` with one part of a block as it is in `from` the other way round: rows
  /// of the work tile if `toRows`, else of a split block.
  mlir::Value turnSquare(mlir::Value from, mlir::Value to, mlir::Value block,
                         int64_t part, bool toRows);
  mlir::Value forEachSplitBlock(
      mlir::Value carried,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body);
  void askForSteps(const Operand &operand, const Tile &tile, mlir::Value block);
  mlir::Value loadSplit(const Operand &operand, const Tile &tile,
                        mlir::Value scale);
  mlir::Value storeSplit(mlir::Value work, const Tile &tile, mlir::Value part);

  /// The same joined with the first round and the last, where tiles are full
  /// and the transform allows it.
  bool canJoin(Indexed operand, llvm::ArrayRef<Stretch> stretches,
               const Tile &tile);
  int64_t stepsAtOnce();
  mlir::Value loadJoined(const Operand &operand, const Tile &tile,
                         mlir::Value scale);
  mlir::Value storeJoined(mlir::Value work, const Tile &tile, mlir::Value part);
  /// Butterflies k of the border round that have as many rows in the signal.
  struct Stripe {
    mlir::OpFoldResult begin, end, rows;
  };
  /// Those of a signal of `count` steps.
  llvm::SmallVector<Stripe> splitBorder(mlir::OpFoldResult count);
  bool hasKnownStripes(mlir::OpFoldResult count);
  mlir::OpFoldResult lengthOf(const Stripe &stripe);
  /// The rows of a stripe, or as many as there can be.
  int64_t mostRows(const Stripe &stripe);
  /// Steps from one row of a butterfly to the next.
  mlir::OpFoldResult borderPart();
  mlir::Value memoryToAsk(const Operand &operand);
  void askAhead(mlir::Value memory, const Operand &operand,
                const Stripe &stripe, TimeRange range, const Tile &tile,
                mlir::Value i);
  /// The rows that the butterflies in `range` of a stripe touch, in the operand
  /// or packed.
  llvm::SmallVector<Tile> stripeRows(const Stripe &stripe, TimeRange range,
                                     const Tile &tile, bool turned,
                                     bool packed);
  mlir::Value loadButterfly(Indexed source, llvm::ArrayRef<Tile> rows,
                            const Stripe &stripe, TimeRange range, bool turned,
                            mlir::Value i, mlir::Value scale, mlir::Value work);
  mlir::Value storeButterfly(mlir::Value work, llvm::ArrayRef<Tile> rows,
                             const Stripe &stripe, TimeRange range,
                             mlir::AffineMap map, mlir::Value i,
                             mlir::Value part);
  mlir::Value loadRange(const Operand &operand, const Stripe &stripe,
                        const Tile &tile, TimeRange range, mlir::Value memory,
                        mlir::Value scale, mlir::Value work);
  mlir::Value loadStripe(const Operand &operand, const Stripe &stripe,
                         const Tile &tile, mlir::Value scale, mlir::Value work);
  mlir::Value storeRange(const Stripe &stripe, mlir::Value work,
                         const Tile &tile, TimeRange range, mlir::Value part);
  mlir::Value storeStripe(const Stripe &stripe, mlir::Value work,
                          const Tile &tile, mlir::Value part);
  /// The steps that are row `row` of the butterflies in `range` of a stripe.
  TimeRange rowRange(const Stripe &stripe, TimeRange range,
                     mlir::OpFoldResult row);
  /// Of contiguous time the rows are packed, lanes last: one after the other,
  /// where row `row` is a tile.
  Tile packedRow(const Tile &tile, TimeRange range, mlir::OpFoldResult row);
  mlir::Value makePacked(mlir::AffineMap map, const Tile &tile, TimeRange range,
                         int64_t rows, mlir::Type element);
  mlir::Value packRows(const Operand &operand, const Stripe &stripe,
                       TimeRange range, const Tile &tile);
  mlir::Value unpackRows(mlir::Value packed, mlir::AffineMap map,
                         const Stripe &stripe, TimeRange range,
                         const Tile &tile, mlir::Value part);

  /// Of a length that is known at run time only, see FFTConvAnyLength.cpp.
  mlir::Value loadAnyLength(const Operand &operand, const Tile &tile,
                            mlir::Value scale, mlir::Value work);
  mlir::Value storeAnyLength(mlir::Value work, const Tile &tile,
                             mlir::Value part);
  mlir::Value forEachStripe(
      mlir::OpFoldResult count, mlir::Value carried,
      llvm::function_ref<mlir::Value(const Stripe &, mlir::Value, mlir::Value)>
          body);
  mlir::Value clearButterflies(mlir::Value begin, mlir::Value end,
                               mlir::Value work);
  /// Runs `body` on blocks of butterflies, whole squares if there are as many.
  mlir::Value
  forEachSquares(mlir::Value carried,
                 llvm::function_ref<mlir::Value(TimeRange, mlir::Value)> body);
  /// The butterflies with the rows that those in `range` have.
  Stripe stripeOf(TimeRange range, mlir::OpFoldResult count);
  /// The steps that row `row` of a packed block has, where they are, and where
  /// there is nothing.
  struct RowPart {
    TimeRange steps;
    Tile place;
    std::optional<Tile> gap;
  };
  RowPart partOfRow(const Stripe &stripe, TimeRange range, mlir::Value row,
                    mlir::OpFoldResult count, bool turned, const Tile &tile);
  mlir::Value clearPacked(mlir::Value packed, mlir::AffineMap map,
                          const Tile &gap);
  /// How many rows there are; nothing where that is known.
  mlir::Value countRows(const Stripe &stripe);
  /// Row `row`, or the last one if there are fewer.
  mlir::OpFoldResult rowOrLast(int64_t row, const Stripe &stripe);
  /// `part`, or what `insert` makes of it if there is such a row.
  mlir::Value
  insertIf(int64_t row, mlir::Value count, mlir::Value part,
           llvm::function_ref<mlir::Value(mlir::OpBuilder &)> insert);
  mlir::Value index(int64_t value);

  /// Row `i` of a block: its step, and its place among those of the block.
  mlir::Value stepOf(TimeRange block, mlir::Value i);
  mlir::OpFoldResult placeOf(TimeRange block, mlir::Value i, bool turned);
  /// The tile's part in a block of steps, with its place in time.
  Tile blockOf(const Tile &tile, TimeRange block, bool turned,
               mlir::OpFoldResult length);
  /// `slice` through `body` into the first lanes of parts of row `t`.
  mlir::Value mapRow(mlir::Value slice, mlir::OpFoldResult width, mlir::Value t,
                     mlir::Value work, llvm::ArrayRef<int64_t> parts,
                     ScalarBody body);
  mlir::Value loadRow(mlir::Value slice, mlir::OpFoldResult width,
                      mlir::Value t, bool isFuture, mlir::Value scale,
                      mlir::Value work);
  /// What `body` makes of parts of row `t`, over `slice`.
  mlir::Value storeRow(
      mlir::Value work, llvm::ArrayRef<int64_t> parts, mlir::OpFoldResult width,
      mlir::Value t, mlir::Value slice,
      llvm::function_ref<mlir::Value(NumBuilder &, mlir::ValueRange)> body);
  /// An uninitialised block of results, with the lanes last.
  mlir::Value makeBlock(mlir::AffineMap map, const Tile &block);
  /// `part` with such a block written to its place.
  mlir::Value turnBlock(Indexed filled, const Tile &block, mlir::Value part);
  /// Steps taken together: `most` of them, transposed at once, or all in a loop
  /// that `body` returns. No step depends on another.
  Values
  forEachBlockOf(mlir::AffineMap map, mlir::OpFoldResult count, int64_t most,
                 mlir::ValueRange carried,
                 llvm::function_ref<Values(TimeRange, mlir::ValueRange)> body);
  unsigned tileDim() { return op.getNumLoops(); }
  unsigned laneInTileDim() { return op.getNumLoops() + 1; }
  unsigned pairDim() { return op.getNumLoops() + 2; }
  unsigned partDim() { return op.getNumLoops() + 3; }
  Tile wholeOp();
  /// The tile's part of the filter's transform.
  mlir::Value spectrumOf(const Tile &tile, std::optional<TileAxis> laneAxis);
  /// The tile of the spectra that belongs to one of the filter's channels.
  Tile spectrumTile(const Tile &tile, std::optional<TileAxis> laneAxis);

  mlir::OpBuilder &b;
  LongConvOp op;
  mlir::Location loc;
  int64_t lanes, cores, blockSteps;
  bool looksAhead, isWhole, isSplit, isShared = false;
  unsigned time;
  mlir::Type real;
  mlir::AffineMap resultMap;
  llvm::SmallVector<mlir::OpFoldResult> sizes;
  llvm::SmallVector<unsigned> parallel;
  std::optional<Blocks> blocks;
  /// What is transformed once, for all tiles that share its spectrum, and what
  /// is transformed in each tile: the kernel and the signal, or the other way
  /// round.
  Operand filter, streamed;
  /// Computes the transform, where the strategy asks for products of matrices;
  /// `transform` then has the work tile and the weights only.
  std::optional<MatrixFFT> products;
  FFTEmitter transform;
  /// The filter's spectra, those of the tiles that are computed now.
  mlir::Value spectra;
  mlir::AffineMap spectrumMap;
  /// Of a split transform.
  mlir::Value nearFactors;
  Values farFactors;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_FFTCONVEMITTER_H
