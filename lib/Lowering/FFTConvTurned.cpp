//===- FFTConvTurned.cpp - Long signals with their channels last ----------===//
//
// A work tile of a vector of channels is as many times larger than that of one
// channel, whose lanes are parts of time (FFTConvSplit.cpp). Where the last
// cache holds the second but not the first, the operands are turned:
//
//   v = u, h = k, with time last          in parallel, by blocks of steps
//   z = h * v                             a channel after the other
//   y = z, with channels last             in parallel, by blocks of steps
//
// A turn reads and writes the signal once; a pass over the tile that it saves
// reads and writes four times as many bytes.
//
// Precondition: turnsForTimeSplit (TimeSplit.h).
//
//===----------------------------------------------------------------------===//
#include "Transpose.h"

#include "TileLoop.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/IR/TimeSplit.h"
#include "ssm/Lowering/Patterns.h"

using namespace mlir;
using namespace ssm;

/// `operand` in the order of `to`, by squares of `lane` and `time`.
static Value turn(OpBuilder &b, Location loc, Indexed operand, AffineMap to,
                  ArrayRef<OpFoldResult> sizes, unsigned lane, unsigned time) {
  if (operand.map == to)
    return operand.value;
  Value empty = tensor::EmptyOp::create(
      b, loc, applyMap(to, sizes),
      cast<RankedTensorType>(operand.value.getType()).getElementType());
  SmallVector<TileAxis> axes;
  for (unsigned dim : dimsOf(to))
    if (dim != time && dim != lane)
      axes.push_back(unitAxis(b, dim, sizes[dim]));
  axes.append(splitLanes(b, loc, time, sizes[time], kBlockSteps));
  return forEachTile(
      b, loc, axes, wholeTile(b, sizes), empty,
      [&](OpBuilder &nested, const Tile &tile, ValueRange shared) {
        Tile block = tile.withAllDims();
        Value from =
            extractTile(nested, loc, operand.value, operand.map, block);
        Value part = extractTile(nested, loc, shared[0], to, block);
        Value turned = transposeTile(nested, loc, {from, operand.map},
                                     {part, to}, block.atOrigin(), lane, time);
        return SmallVector<TileResult>{{turned, to, block}};
      })[0];
}

namespace {
struct TurnLongConv : OpRewritePattern<LongConvOp> {
  // Before its lowering with the channels last.
  explicit TurnLongConv(MLIRContext *context)
      : OpRewritePattern(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (!strategy || strategy.getKind() != StrategyKind::FFTConv ||
        strategy.getMatrix() || strategy.getPoints() > 0 ||
        isa<ComplexType>(op.getType().getElementType()) ||
        !turnsForTimeSplit(op, strategy.getLanes()))
      return rewriter.notifyMatchFailure(op, "not a long signal of whole "
                                             "vectors of channels last");
    Location loc = op.getLoc();
    unsigned time = op.getTime();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    unsigned lane = dimsOf(maps[2]).back();
    SmallVector<OpFoldResult> sizes = getLoopSizes(rewriter, op);
    auto timeLast = [&](AffineMap map) { return lanesLast(map, time); };
    SmallVector<AffineMap> turnedMaps = llvm::map_to_vector(maps, timeLast);
    Value signal = turn(rewriter, loc, {op.getSignal(), maps[0]}, turnedMaps[0],
                        sizes, lane, time),
          kernel = turn(rewriter, loc, {op.getKernel(), maps[1]}, turnedMaps[1],
                        sizes, lane, time);
    auto turned = cast<LongConvOp>(rewriter.clone(*op));
    turned.getSignalMutable().assign(signal);
    turned.getKernelMutable().assign(kernel);
    turned.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(turnedMaps));
    turned.getResult().setType(RankedTensorType::get(
        applyPermutationMap<int64_t>(turnedMaps[2], getStaticLoopSizes(op)),
        op.getType().getElementType()));
    rewriter.replaceOp(op,
                       turn(rewriter, loc, {turned.getResult(), turnedMaps[2]},
                            maps[2], sizes, lane, time));
    return success();
  }
};
} // namespace

void ssm::populateFFTConvTurnedLowering(RewritePatternSet &patterns) {
  patterns.add<TurnLongConv>(patterns.getContext());
}
