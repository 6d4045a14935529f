//===- FFTConvBorder.cpp - Operands joined with the border rounds ---------===//
//
// The first round reads the signal and the inverse's last writes the result,
// both times the weights:
//
//   for k < n / radix
//     z_j = u_t w^t,  t = k + j n / radix     in registers
//     butterfly, twiddles, rows of the work tile
//
// Rows at t >= L are zero, or go nowhere. How many there are changes once, so
// that the butterflies are two stripes.
//
// Precondition: canJoin. The kernel's spectrum, computed once, goes the way of
// FFTConvRows.cpp.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

using namespace mlir;
using namespace ssm;

bool FFTConvEmitter::canJoin(const Tile &tile) {
  if (transform.getBorderRadix() == 0 || parallel.empty() ||
      !uses(signalMap, parallel.back()) ||
      getConstantIntValue(tile.ranges[parallel.back()].size) != lanes)
    return false;
  // Contiguous time is transposed for each row of a butterfly: code that is
  // large already, without copies for stripes and for less than a block.
  bool contiguous = isTimeContiguous(signalMap, time, parallel.back()) ||
                    isTimeContiguous(resultMap, time, parallel.back());
  SmallVector<Stripe> stripes = splitBorder();
  return !contiguous ||
         (stripes.size() == 1 && stripes[0].end % kBlockSteps == 0);
}

SmallVector<FFTConvEmitter::Stripe> FFTConvEmitter::splitBorder() {
  int64_t length = *getConstantIntValue(sizes[time]),
          size = *getConstantIntValue(transform.getSize()),
          part = size / transform.getBorderRadix();
  int64_t full = length / part, rest = length % part;
  SmallVector<Stripe> stripes;
  if (rest > 0)
    stripes.push_back({0, rest, full + 1});
  stripes.push_back({rest, part, full});
  return stripes;
}

TimeRange FFTConvEmitter::rowRange(const Stripe &stripe, TimeRange range,
                                   int64_t row) {
  int64_t part =
      *getConstantIntValue(transform.getSize()) / transform.getBorderRadix();
  AffineExpr begin = b.getAffineSymbolExpr(0) + stripe.begin + row * part;
  return {affine(b, loc, begin, range.begin), range.length};
}

SmallVector<Num> FFTConvEmitter::weightsOf(ArrayRef<TimeRange> rows, Value i) {
  SmallVector<Num> factors;
  for (const TimeRange &row : rows) {
    Value t = stepOf(row, i);
    factors.push_back({tensor::ExtractOp::create(b, loc, weights[0], t),
                       tensor::ExtractOp::create(b, loc, weights[1], t)});
  }
  return factors;
}

Value FFTConvEmitter::loadStripe(const Stripe &stripe, const Tile &tile,
                                 Value work) {
  bool turned = isTurned(op.getSignal());
  OpFoldResult one = b.getIndexAttr(1);
  auto loadRange = [&](TimeRange range, ValueRange carried) -> Values {
    SmallVector<TimeRange> rows;
    SmallVector<Indexed> sources;
    SmallVector<Tile> blocks;
    for (int64_t row = 0; row < stripe.rows; ++row) {
      rows.push_back(rowRange(stripe, range, row));
      blocks.push_back(blockOf(tile, rows.back(), turned, sizes[time]));
      sources.push_back({op.getSignal(), signalMap});
      if (!isTimeContiguous(signalMap, time, parallel.back()))
        continue;
      sources.back() = packBlock(b, loc, sources.back(), blocks.back(), time,
                                 parallel.back());
      blocks.back() = blocks.back().atOrigin();
    }
    Value done = buildFor(
        b, loc, asValue(b, loc, b.getIndexAttr(0)),
        asValue(b, loc, range.length), carried[0], [&](Value i, Value tile) {
          LoopRange place{placeOf(range, i, turned), one, one};
          Values slices;
          for (auto [source, block] : llvm::zip_equal(sources, blocks))
            slices.push_back(extractTile(b, loc, source.value, source.map,
                                         block.narrow(b, loc, time, place)));
          Value k = stepOf(rowRange(stripe, range, 0), i);
          return transform.emitFirstStep(tile, k, slices, weightsOf(rows, i));
        });
    return {done};
  };
  return forEachBlockOf(signalMap, b.getIndexAttr(stripe.end - stripe.begin),
                        work, loadRange)[0];
}

Value FFTConvEmitter::loadJoined(const Tile &tile) {
  Value work = transform.makeWork();
  for (const Stripe &stripe : splitBorder())
    work = loadStripe(stripe, tile, work);
  return work;
}

Value FFTConvEmitter::storeStripe(const Stripe &stripe, Value work,
                                  const Tile &tile, Value part) {
  bool turned = op.getDirection() == Direction::Backward;
  bool contiguous = isTimeContiguous(resultMap, time, parallel.back());
  OpFoldResult one = b.getIndexAttr(1);
  auto storeRange = [&](TimeRange range, ValueRange carried) -> Values {
    SmallVector<TimeRange> rows;
    SmallVector<Tile> blocks;
    // Contiguous time is written to blocks of its own and then transposed.
    Values targets(carried);
    if (contiguous)
      targets.clear();
    AffineMap map =
        contiguous ? lanesLast(resultMap, parallel.back()) : resultMap;
    for (int64_t row = 0; row < stripe.rows; ++row) {
      rows.push_back(rowRange(stripe, range, row));
      blocks.push_back(
          blockOf(tile.atOrigin(), rows.back(), turned, sizes[time]));
      if (contiguous)
        targets.push_back(makeBlock(map, blocks.back()));
    }
    auto placeAt = [&](int64_t row, Value i) {
      Tile block = contiguous ? blocks[row].atOrigin() : blocks[row];
      return block.narrow(b, loc, time, {placeOf(range, i, turned), one, one});
    };
    targets = buildFor(
        b, loc, asValue(b, loc, b.getIndexAttr(0)),
        asValue(b, loc, range.length), targets, [&](Value i, ValueRange args) {
          Values next(args), slices;
          auto target = [&](int64_t row) -> Value & {
            return next[contiguous ? row : 0];
          };
          for (int64_t row = 0; row < stripe.rows; ++row)
            slices.push_back(
                extractTile(b, loc, target(row), map, placeAt(row, i)));
          Value k = stepOf(rowRange(stripe, range, 0), i);
          Values results =
              transform.emitLastStep(work, k, slices, weightsOf(rows, i));
          for (int64_t row = 0; row < stripe.rows; ++row)
            target(row) = insertTile(b, loc, results[row], target(row), map,
                                     placeAt(row, i));
          return next;
        });
    if (!contiguous) {
      // Threads that write single rows of eight places past the caches wait for
      // memory: twice as long, measured with two.
      if (isShared)
        targets[0].getDefiningOp()->setAttr(kCachedAttrName, b.getUnitAttr());
      return targets;
    }
    Value whole = carried[0];
    for (auto [block, filled] : llvm::zip_equal(blocks, targets))
      whole = turnBlock({filled, map}, block, whole);
    return Values{whole};
  };
  if (stripe.rows == 0)
    return part;
  return forEachBlockOf(resultMap, b.getIndexAttr(stripe.end - stripe.begin),
                        part, storeRange)[0];
}

Value FFTConvEmitter::storeJoined(Value work, const Tile &tile, Value part) {
  for (const Stripe &stripe : splitBorder())
    part = storeStripe(stripe, work, tile, part);
  return part;
}
