//===- FFTConvBlocks.cpp - A short kernel, block by block of time ---------===//
//
// A kernel that reaches p steps back and f ahead makes S = n - p - f outputs of
// n steps of the signal: those of a circular convolution of n points that no
// step has wrapped around to. So, for each pair of blocks of S steps, in
// parallel,
//
//   1 rows 0 .. n of the real and of the imaginary part are the steps from p
//     before the first and the second block on; zero outside of the signal
//   2 transform, multiply, transform back: the kernel is real, and the two
//     parts stay apart
//   3 rows p .. n - f are the two blocks of the result
//
// That is overlap-save. It needs no weights, and less than half of the
// transforms of a long signal that is not cut. The signal's length need not be
// known: n is.
//
// Precondition: long_conv_c6, a bound on the kernel's reach that is below n.
// Reference: Stockham, "High-speed convolution and correlation" (1966).
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Sides.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace ssm;

std::optional<FFTConvEmitter::Blocks>
FFTConvEmitter::cutTime(LongConvOp op, StrategyAttr strategy) {
  if (strategy.getPoints() == 0)
    return std::nullopt;
  AffineMap kernelMap = op.getIndexingMapsArray()[1];
  int64_t taps =
      op.getKernel().getType().getDimSize(*positionOf(kernelMap, op.getTime()));
  if (ShapedType::isDynamic(taps))
    taps = strategy.getTaps();
  bool isTwoSided = op.getDirection() == Direction::TwoSided;
  int64_t future = isTwoSided ? taps / 2 : 0;
  int64_t past = std::max<int64_t>(taps - future - 1, 0);
  return Blocks{past, future, strategy.getPoints() - past - future};
}

Value FFTConvEmitter::emitBlocks(std::optional<TileAxis> laneAxis, Value out) {
  SmallVector<TileAxis> axes;
  for (unsigned dim : parallel)
    if (!(laneAxis && dim == laneAxis->dim))
      axes.push_back(unitAxis(b, dim, sizes[dim]));
  OpFoldResult pairs = affine(
      b, loc, b.getAffineSymbolExpr(0).ceilDiv(2 * blocks->steps), sizes[time]);
  axes.push_back(unitAxis(b, pairDim(), pairs));
  // Tiles beside each other in memory are computed one after the other.
  if (laneAxis)
    axes.insert(axes.end() -
                    isTimeContiguous(streamed.map, time, laneAxis->dim),
                *laneAxis);
  return forEachSharedTile(axes, out, [&](const Tile &tile, ValueRange shared) {
    Value spectrum = spectrumOf(tile, laneAxis);
    return SmallVector<TileResult>{emitPair(tile, spectrum, shared[0])};
  })[0];
}

TileResult FFTConvEmitter::emitPair(const Tile &tile, Value spectrum,
                                    Value out) {
  // 1. The steps of the first block and the second, which may have none.
  int64_t steps = blocks->steps;
  Value zero = asValue(b, loc, b.getIndexAttr(0)),
        most = asValue(b, loc, b.getIndexAttr(steps)),
        length = asValue(b, loc, sizes[time]);
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  Values begins, counts;
  for (int64_t i = 0; i < 2; ++i) {
    begins.push_back(asValue(b, loc,
                             affine(b, loc, x * 2 * steps + i * steps,
                                    tile.ranges[pairDim()].offset)));
    Value left = arith::SubIOp::create(b, loc, length, begins[i]);
    counts.push_back(arith::MaxSIOp::create(
        b, loc, zero, arith::MinSIOp::create(b, loc, left, most)));
  }

  // 2. One transform of both.
  Value work = transform.makeWork();
  for (int64_t part = 0; part < 2; ++part)
    work = loadBlock(tile, begins[part], work, part);
  work = emitConvolution(work, spectrum);

  // 3. Their rows.
  OpFoldResult both =
      affine(b, loc, x + y, {OpFoldResult(counts[0]), OpFoldResult(counts[1])});
  Tile whole = blockOf(tile.withAllDims(), {OpFoldResult(begins[0]), both},
                       op.getDirection() == Direction::Backward, sizes[time]);
  Value part = extractTile(b, loc, out, resultMap, whole);
  OpFoldResult width = widthOf(tile);
  for (int64_t i = 0; i < 2; ++i)
    part = storeRows(
        tile, {b.getIndexAttr(i * steps), OpFoldResult(counts[i])}, both, part,
        [&](Value t, Value slice) {
          OpFoldResult row = affine(b, loc, x + blocks->past, OpFoldResult(t));
          return storeRow(work, i, width, asValue(b, loc, row), slice,
                          [](NumBuilder &, ValueRange z) { return z[0]; });
        });
  return {part, resultMap, whole};
}

/// A part of the rows: the block whose first output is step `begin`.
Value FFTConvEmitter::loadBlock(const Tile &tile, Value begin, Value work,
                                int64_t part) {
  Value zero = asValue(b, loc, b.getIndexAttr(0)),
        points = asValue(b, loc, transform.getSize());
  Value first = arith::SubIOp::create(
      b, loc, begin, asValue(b, loc, b.getIndexAttr(blocks->past)));
  // Rows from `low` to `high` are steps of the signal.
  Value before = arith::SubIOp::create(b, loc, zero, first);
  Value low = arith::MaxSIOp::create(b, loc, zero, before);
  Value left =
      arith::SubIOp::create(b, loc, asValue(b, loc, sizes[time]), first);
  Value high = arith::MaxSIOp::create(
      b, loc, low, arith::MinSIOp::create(b, loc, left, points));
  OpFoldResult width = widthOf(tile);
  if (getConstantIntValue(width) == lanes) {
    work = transform.clearRows(work, zero, low, part);
    work = transform.clearRows(work, high, points, part);
  } else {
    work = transform.clearRows(work, zero, points, part);
  }
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  TimeRange steps{
      affine(b, loc, x + y, {OpFoldResult(first), OpFoldResult(low)}),
      affine(b, loc, x - y, {OpFoldResult(high), OpFoldResult(low)})};
  return forEachRow(
      streamed, tile, steps, work, [&](Value i, Value row, Value carried) {
        Value t = arith::AddIOp::create(b, loc, i, low);
        return mapRow(row, width, t, carried, part,
                      [&](OpBuilder &nested, Location at, ValueRange scalars) {
                        return Values{
                            NumBuilder(nested, at, real).load(scalars[0]).re};
                      });
      });
}
