//===- FFTConvRuns.cpp - A thread's tiles, one after the other ------------===//
//
// The last round of a tile and the first round of the next one touch the same
// rows of the work tile, and take the same twiddle factors. So they are one
// loop:
//
//   first round of tile 0
//   for each tile i
//     rounds between, product
//     for k < n / radix
//       last round's butterfly k of tile i      reads the rows, stores results
//       first round's butterfly k of tile i + 1 reads the signal, writes the
//       rows
//   last round of the last tile
//
// What the last round has read lies in the first cache when the first round
// overwrites it: one way through the second and the last cache less each way.
// And results go to memory past the caches while the signal comes from there,
// beside the arithmetic of two butterflies.
//
// Precondition: canJoin of both, channels last, more tiles than threads.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "TileLoop.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ssm;

/// Rows of channels that are written past the caches: through them, a work tile
/// that the second cache holds takes 1.00 to 1.04 times as long in runs.
bool FFTConvEmitter::canRun(ArrayRef<TileAxis> axes) {
  auto isChannelsLast = [&](AffineMap map) {
    return !parallel.empty() && !isTimeContiguous(map, time, parallel.back());
  };
  if (!isChannelsLast(streamed.map) || !isChannelsLast(resultMap) ||
      !writesLinesApart() || leavesIdle(axes))
    return false;
  Tile tile = tileAt(b, loc, axes, wholeOp(),
                     SmallVector<OpFoldResult>(axes.size(), b.getIndexAttr(0)));
  Stretch all{b.getIndexAttr(0), sizes[time]};
  return canJoin(streamed, streamed.steps, tile) &&
         canJoin({Value(), resultMap}, all, tile) &&
         getConstantIntValue(streamed.steps[0].count) ==
             getConstantIntValue(sizes[time]);
}

std::optional<FFTConvEmitter::Runs>
FFTConvEmitter::splitRuns(ArrayRef<TileAxis> axes) {
  if (!canRun(axes))
    return std::nullopt;

  // 1. A run for each thread, by the first axis that has several tiles.
  Runs runs;
  for (const TileAxis &axis : axes) {
    std::optional<int64_t> count = getConstantIntValue(axis.count),
                           size = getConstantIntValue(axis.size);
    if (!count || !size)
      return std::nullopt;
    if (cores == 1 || !runs.outer.empty() || *count == 1) {
      runs.inner.push_back(axis);
      runs.tiles *= *count;
      continue;
    }
    if (*count % cores != 0)
      return std::nullopt;
    int64_t perRun = *count / cores;
    runs.outer.push_back({axis.dim, axis.begin, b.getIndexAttr(cores),
                          b.getIndexAttr(perRun * *size), /*kept=*/false});
    runs.inner.push_back({axis.dim, b.getIndexAttr(0), b.getIndexAttr(perRun),
                          axis.size, axis.kept});
    runs.tiles *= perRun;
  }
  if (runs.tiles < 2 || (cores > 1 && runs.outer.empty()))
    return std::nullopt;

  // 2. A spectrum that stays in the second cache beside the work tile serves
  // all of its tiles in turn; else tiles that lie beside each other follow.
  if (fitsTwoTiles()) {
    SmallVector<TileAxis> spectra, others;
    for (const TileAxis &axis : runs.inner)
      (uses(filter.map, axis.dim) ? spectra : others).push_back(axis);
    runs.inner = spectra;
    runs.inner.append(others);
  }
  return runs;
}

FFTConvEmitter::Place FFTConvEmitter::placeIn(const Runs &runs, const Tile &run,
                                              Value number) {
  SmallVector<OpFoldResult> indices;
  int64_t after = runs.tiles;
  for (const TileAxis &axis : runs.inner) {
    AffineExpr rest = b.getAffineSymbolExpr(0);
    if (after < runs.tiles)
      rest = rest % after;
    after /= *getConstantIntValue(axis.count);
    indices.push_back(
        affine(b, loc, rest.floorDiv(after), OpFoldResult(number)));
  }
  return {tileAt(b, loc, runs.inner, run, indices),
          tileAt(b, loc, runs.inner, wholeOp(), indices)};
}

SmallVector<Value> FFTConvEmitter::emitSeam(Value work, const Tile &done,
                                            Value part, const Tile &next) {
  bool turnedBack = op.getDirection() == Direction::Backward;
  Values carried{work, part};
  for (const Stripe &stripe : splitBorder(sizes[time])) {
    TimeRange range{b.getIndexAttr(0), lengthOf(stripe)};
    SmallVector<Tile> results = stripeRows(stripe, range, done.atOrigin(),
                                           turnedBack, /*packed=*/false),
                      steps = stripeRows(stripe, range, next, streamed.isTurned,
                                         /*packed=*/false);
    carried = buildFor(
        b, loc, asValue(b, loc, range.begin), asValue(b, loc, range.length),
        carried, [&](Value k, ValueRange args) -> Values {
          Value written = args[1];
          if (mostRows(stripe) > 0)
            written = storeButterfly(args[0], results, stripe, range, resultMap,
                                     k, written);
          return {loadButterfly(streamed, steps, stripe, range,
                                streamed.isTurned, k, Value(), args[0]),
                  written};
        });
  }
  return carried;
}

Value FFTConvEmitter::emitRun(const Runs &runs, const Tile &run,
                              std::optional<TileAxis> laneAxis, Value part) {
  Value zero = asValue(b, loc, b.getIndexAttr(0)),
        one = asValue(b, loc, b.getIndexAttr(1)),
        count = asValue(b, loc, b.getIndexAttr(runs.tiles)),
        last = asValue(b, loc, b.getIndexAttr(runs.tiles - 1));
  Value first = loadJoined(streamed, placeIn(runs, run, zero).tile, Value());
  return buildFor(
      b, loc, zero, count, {first, part},
      [&](Value i, ValueRange args) -> Values {
        auto [tile, local] = placeIn(runs, run, i);
        Value work = transform.withoutBorder().emitConvolution(
            args[0], spectrumOf(tile, laneAxis));
        Tile place = local.withAllDims();
        Value results = extractTile(b, loc, args[1], resultMap, place);
        Value isLast =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, i, last);
        auto border = scf::IfOp::create(
            b, loc, TypeRange{work.getType(), results.getType()}, isLast,
            /*withElseRegion=*/true);
        {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(border.thenBlock());
          scf::YieldOp::create(
              b, loc, ValueRange{work, storeJoined(work, tile, results)});
          b.setInsertionPointToStart(border.elseBlock());
          Value number = arith::AddIOp::create(b, loc, i, one);
          scf::YieldOp::create(
              b, loc,
              emitSeam(work, tile, results, placeIn(runs, run, number).tile));
        }
        return {border.getResult(0), insertTile(b, loc, border.getResult(1),
                                                args[1], resultMap, place)};
      })[1];
}

Value FFTConvEmitter::emitRuns(const Runs &runs,
                               std::optional<TileAxis> laneAxis, Value out) {
  return forEachSharedTile(
      runs.outer, out, [&](const Tile &run, ValueRange shared) {
        Tile whole = run.withAllDims();
        Value part = extractTile(b, loc, shared[0], resultMap, whole);
        return SmallVector<TileResult>{
            {emitRun(runs, run, laneAxis, part), resultMap, whole}};
      })[0];
}
