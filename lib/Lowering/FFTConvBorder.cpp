//===- FFTConvBorder.cpp - Operands joined with the border rounds ---------===//
//
// The first round reads the signal or the kernel, and the inverse's last writes
// the result:
//
//   for k < n / radix
//     z_j = u_t w^(j n / radix),  t = k + j n / radix     in registers
//     butterfly, twiddles with w^k, rows of the work tile
//
// Rows at t >= L are zero, or go nowhere. How many there are changes once, so
// that the butterflies are two stripes.
//
// Precondition: canJoin. What cannot goes the way of FFTConvRows.cpp.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

using namespace mlir;
using namespace ssm;

/// Steps that are transposed at once for each row of a butterfly: eight blocks
/// of so many and the rows of the work tile that they go to leave the first
/// cache some room.
static constexpr int64_t kBorderSteps = 32;

bool FFTConvEmitter::canJoin(Indexed operand, ArrayRef<Stretch> stretches,
                             const Tile &tile) {
  if (blocks || products || transform.getBorderRadix() == 0 ||
      parallel.empty() || !uses(operand.map, parallel.back()) ||
      getConstantIntValue(tile.ranges[parallel.back()].size) != lanes)
    return false;
  if (stretches.size() != 1 || getConstantIntValue(stretches[0].begin) != 0 ||
      !getConstantIntValue(stretches[0].count))
    return false;
  // Contiguous time is transposed for each row of a butterfly: code that is
  // large already, without copies for stripes and for less than a block.
  SmallVector<Stripe> stripes = splitBorder(stretches[0].count);
  return !isTimeContiguous(operand.map, time, parallel.back()) ||
         (stripes.size() == 1 && stripes[0].end % kBlockSteps == 0);
}

SmallVector<FFTConvEmitter::Stripe>
FFTConvEmitter::splitBorder(OpFoldResult count) {
  int64_t length = *getConstantIntValue(count),
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

Value FFTConvEmitter::loadStripe(const Operand &operand, const Stripe &stripe,
                                 const Tile &tile, Value scale, Value work) {
  bool turned = operand.isTurned;
  OpFoldResult one = b.getIndexAttr(1);
  auto loadRange = [&](TimeRange range, ValueRange carried) -> Values {
    SmallVector<TimeRange> rows;
    SmallVector<Indexed> sources;
    SmallVector<Tile> blocks;
    for (int64_t row = 0; row < stripe.rows; ++row) {
      rows.push_back(rowRange(stripe, range, row));
      blocks.push_back(blockOf(tile, rows.back(), turned, sizes[time]));
      sources.push_back(operand);
      if (!isTimeContiguous(operand.map, time, parallel.back()))
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
          return transform.emitFirstStep(tile, k, slices, scale);
        });
    return {done};
  };
  return forEachBlockOf(operand.map, b.getIndexAttr(stripe.end - stripe.begin),
                        kBorderSteps, work, loadRange)[0];
}

Value FFTConvEmitter::loadJoined(const Operand &operand, const Tile &tile,
                                 Value scale) {
  Value work = transform.makeWork();
  for (const Stripe &stripe : splitBorder(operand.steps[0].count))
    work = loadStripe(operand, stripe, tile, scale, work);
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
          Values results = transform.emitLastStep(work, k, slices);
          for (int64_t row = 0; row < stripe.rows; ++row)
            target(row) = insertTile(b, loc, results[row], target(row), map,
                                     placeAt(row, i));
          return next;
        });
    if (!contiguous) {
      // Threads that write single rows of eight places past the caches wait for
      // memory: twice as long, measured with two. Parts of lines go there one
      // by one: six times as long, by one thread.
      if (isShared || !hasWholeLines())
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
                        kBorderSteps, part, storeRange)[0];
}

Value FFTConvEmitter::storeJoined(Value work, const Tile &tile, Value part) {
  for (const Stripe &stripe : splitBorder(sizes[time]))
    part = storeStripe(stripe, work, tile, part);
  return part;
}
