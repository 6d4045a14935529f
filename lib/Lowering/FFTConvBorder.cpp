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
// that the butterflies are two stripes. Of a length that is known at run time
// only, see FFTConvAnyLength.cpp.
//
// Where time is contiguous a loop over the rows transposes a block of each to a
// buffer first, or from it in the end: one transpose in the code, not one for
// each row.
//
// Precondition: canJoin. What cannot goes the way of FFTConvRows.cpp.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Blocks of a stripe beside which its last, incomplete one is rare, and those
/// beside which a buffer of one is small. The steps of the smallest.
static constexpr int64_t kManyBlocks = 8, kFewBlocks = 4, kFewestSteps = 32;
static constexpr int64_t kLineBytes = 64;

/// Of contiguous time a loop over the rows transposes as many steps at once as
/// the strategy says, or fewer: a buffer for eight rows of them, the operand's
/// and the result's, is an eighth of a work tile at most, and what is less than
/// a block, which takes as long as one, must be rare.
int64_t FFTConvEmitter::stepsAtOnce() {
  int64_t steps = blockSteps;
  std::optional<int64_t> part = getConstantIntValue(borderPart());
  if (!part)
    return steps;
  int64_t columns = *part;
  while (steps > kFewestSteps &&
         (columns < kFewBlocks * steps ||
          (columns % steps != 0 && columns < kManyBlocks * steps)))
    steps /= 2;
  return steps;
}

bool FFTConvEmitter::canJoin(Indexed operand, ArrayRef<Stretch> stretches,
                             const Tile &tile) {
  if (blocks || products || transform.getBorderRadix() == 0 ||
      parallel.empty() || !uses(operand.map, parallel.back()) ||
      getConstantIntValue(tile.ranges[parallel.back()].size) != lanes)
    return false;
  if (stretches.size() != 1 || getConstantIntValue(stretches[0].begin) != 0)
    return false;
  if (!isTimeContiguous(operand.map, time, parallel.back()) ||
      !hasKnownStripes(stretches[0].count))
    return true;
  SmallVector<Stripe> stripes = splitBorder(stretches[0].count);
  int64_t columns = *getConstantIntValue(borderPart()), steps = stepsAtOnce();
  return columns >= kManyBlocks * steps ||
         (stripes.size() == 1 && columns % steps == 0);
}

OpFoldResult FFTConvEmitter::borderPart() {
  return affine(b, loc,
                b.getAffineSymbolExpr(0).floorDiv(transform.getBorderRadix()),
                transform.getSize());
}

//===----------------------------------------------------------------------===//
// Stripes
//===----------------------------------------------------------------------===//

bool FFTConvEmitter::hasKnownStripes(OpFoldResult count) {
  return getConstantIntValue(count) && getConstantIntValue(transform.getSize());
}

SmallVector<FFTConvEmitter::Stripe>
FFTConvEmitter::splitBorder(OpFoldResult count) {
  int64_t length = *getConstantIntValue(count),
          part = *getConstantIntValue(borderPart());
  int64_t full = length / part, rest = length % part;
  OpFoldResult border = b.getIndexAttr(rest);
  SmallVector<Stripe> stripes;
  if (rest > 0)
    stripes.push_back({b.getIndexAttr(0), border, b.getIndexAttr(full + 1)});
  stripes.push_back({border, b.getIndexAttr(part), b.getIndexAttr(full)});
  return stripes;
}

OpFoldResult FFTConvEmitter::lengthOf(const Stripe &stripe) {
  return affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
                {stripe.end, stripe.begin});
}

int64_t FFTConvEmitter::mostRows(const Stripe &stripe) {
  return getConstantIntValue(stripe.rows).value_or(transform.getBorderRadix());
}

TimeRange FFTConvEmitter::rowRange(const Stripe &stripe, TimeRange range,
                                   OpFoldResult row) {
  OpFoldResult part = borderPart(), offset;
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1),
             z = b.getAffineSymbolExpr(2);
  if (std::optional<int64_t> steps = getConstantIntValue(part))
    offset = affine(b, loc, x * *steps, row);
  else if (std::optional<int64_t> number = getConstantIntValue(row))
    offset = affine(b, loc, x * *number, part);
  else
    offset = arith::MulIOp::create(b, loc, asValue(b, loc, row),
                                   asValue(b, loc, part))
                 .getResult();
  return {affine(b, loc, x + y + z, {range.begin, stripe.begin, offset}),
          range.length};
}

//===----------------------------------------------------------------------===//
// Rows of contiguous time
//===----------------------------------------------------------------------===//

Tile FFTConvEmitter::packedRow(const Tile &tile, TimeRange range,
                               OpFoldResult row) {
  int64_t most = getConstantIntValue(range.length).value_or(stepsAtOnce());
  Tile packed = tile.atOrigin();
  packed.ranges[time] = {affine(b, loc, b.getAffineSymbolExpr(0) * most, {row}),
                         range.length, b.getIndexAttr(1)};
  return packed;
}

Value FFTConvEmitter::makePacked(AffineMap map, const Tile &tile,
                                 TimeRange range, int64_t rows, Type element) {
  int64_t most = getConstantIntValue(range.length).value_or(stepsAtOnce());
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : dimsOf(map))
    shape.push_back(dim == time ? b.getIndexAttr(rows * most)
                                : tile.ranges[dim].size);
  return tensor::EmptyOp::create(b, loc, shape, element);
}

Value FFTConvEmitter::packRows(const Operand &operand, const Stripe &stripe,
                               TimeRange range, const Tile &tile) {
  unsigned lane = parallel.back();
  AffineMap map = lanesLast(operand.map, lane);
  Value packed = makePacked(map, tile, range, mostRows(stripe),
                            getElementTypeOrSelf(operand.value));
  return buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, stripe.rows),
      packed, [&](Value row, Value filled) {
        RowPart part = partOfRow(stripe, range, row, operand.steps[0].count,
                                 operand.isTurned, tile);
        Tile block = blockOf(tile, part.steps, operand.isTurned, sizes[time])
                         .withAllDims(),
             place = part.place.withAllDims();
        Value source = extractTile(b, loc, operand.value, operand.map, block);
        Value target = extractTile(b, loc, filled, map, place);
        target = transposeTile(b, loc, {source, operand.map}, {target, map},
                               block.atOrigin(), lane, time);
        filled = insertTile(b, loc, target, filled, map, place);
        return part.gap ? clearPacked(filled, map, *part.gap) : filled;
      });
}

Value FFTConvEmitter::unpackRows(Value packed, AffineMap map,
                                 const Stripe &stripe, TimeRange range,
                                 const Tile &tile, Value part) {
  bool turned = op.getDirection() == Direction::Backward;
  return buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, stripe.rows),
      part, [&](Value row, Value written) {
        RowPart present =
            partOfRow(stripe, range, row, sizes[time], turned, tile);
        Tile block =
            blockOf(tile.atOrigin(), present.steps, turned, sizes[time]);
        Value filled =
            extractTile(b, loc, packed, map, present.place.withAllDims());
        return turnBlock({filled, map}, block, written);
      });
}

/// The operand in memory, if it is to be asked for ahead: where the caches do
/// not keep it, and channels of a tile make up a line.
Value FFTConvEmitter::memoryToAsk(const Operand &operand) {
  auto type = cast<RankedTensorType>(operand.value.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  constexpr int64_t kCached = 1 << 20;
  if (!looksAhead || operand.isTurned || lanes * bytes != kLineBytes ||
      stepsAtOnce() % lanes != 0 ||
      !isTimeContiguous(operand.map, time, parallel.back()) ||
      (type.hasStaticShape() && type.getNumElements() * bytes <= kCached))
    return Value();
  auto layout = StridedLayoutAttr::get(
      b.getContext(), ShapedType::kDynamic,
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic));
  return bufferization::ToBufferOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType(), layout),
      operand.value, /*read_only=*/true);
}

/// Asks for lines of the block after `range`, a part of them in each of its
/// butterflies: all of them do.
void FFTConvEmitter::askAhead(Value memory, const Operand &operand,
                              const Stripe &stripe, TimeRange range,
                              const Tile &tile, Value i) {
  int64_t steps = stepsAtOnce(), run = steps / lanes;
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  for (int64_t row = 0; row < mostRows(stripe); ++row) {
    OpFoldResult begin = rowRange(stripe, range, b.getIndexAttr(row)).begin;
    Values place;
    for (unsigned dim : dimsOf(operand.map)) {
      OpFoldResult at = tile.ranges[dim].offset;
      if (dim == time)
        at = affine(b, loc, x + steps + y % run * lanes,
                    {begin, OpFoldResult(i)});
      else if (dim == parallel.back())
        at = affine(b, loc, x + y.floorDiv(run), {at, OpFoldResult(i)});
      place.push_back(asValue(b, loc, at));
    }
    memref::PrefetchOp::create(b, loc, memory, place, /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
  }
}

SmallVector<Tile> FFTConvEmitter::stripeRows(const Stripe &stripe,
                                             TimeRange range, const Tile &tile,
                                             bool turned, bool packed) {
  SmallVector<Tile> rows;
  for (int64_t row = 0; row < mostRows(stripe); ++row) {
    OpFoldResult number = rowOrLast(row, stripe);
    rows.push_back(packed ? packedRow(tile, range, number)
                          : blockOf(tile, rowRange(stripe, range, number),
                                    turned, sizes[time]));
  }
  return rows;
}

/// Butterfly `i` of `range` takes its steps from the rows of a stripe.
Value FFTConvEmitter::loadButterfly(Indexed source, ArrayRef<Tile> rows,
                                    const Stripe &stripe, TimeRange range,
                                    bool turned, Value i, Value scale,
                                    Value work) {
  OpFoldResult one = b.getIndexAttr(1);
  LoopRange place{placeOf(range, i, turned), one, one};
  Values slices;
  for (const Tile &row : rows)
    slices.push_back(extractTile(b, loc, source.value, source.map,
                                 row.narrow(b, loc, time, place)));
  Value k = stepOf(rowRange(stripe, range, b.getIndexAttr(0)), i);
  return transform.emitFirstStep(work, k, slices, scale, countRows(stripe));
}

/// The butterflies in `range` of a stripe; `memory` is the operand's, to ask
/// for the block after it.
Value FFTConvEmitter::loadRange(const Operand &operand, const Stripe &stripe,
                                const Tile &tile, TimeRange range, Value memory,
                                Value scale, Value work) {
  bool turned = operand.isTurned;
  Indexed source = operand;
  bool contiguous = isTimeContiguous(operand.map, time, parallel.back());
  if (contiguous && mostRows(stripe) > 0)
    source = {packRows(operand, stripe, range, tile),
              lanesLast(operand.map, parallel.back())};
  SmallVector<Tile> rows = stripeRows(stripe, range, tile, turned, contiguous);
  return buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, range.length),
      work, [&](Value i, Value filled) {
        if (memory &&
            getConstantIntValue(range.length).value_or(stepsAtOnce()) ==
                stepsAtOnce())
          askAhead(memory, operand, stripe, range, tile, i);
        return loadButterfly(source, rows, stripe, range, turned, i, scale,
                             filled);
      });
}

Value FFTConvEmitter::loadStripe(const Operand &operand, const Stripe &stripe,
                                 const Tile &tile, Value scale, Value work) {
  Value memory = mostRows(stripe) > 0 ? memoryToAsk(operand) : Value();
  return forEachBlockOf(operand.map, lengthOf(stripe), stepsAtOnce(), work,
                        [&](TimeRange range, ValueRange carried) -> Values {
                          return {loadRange(operand, stripe, tile, range,
                                            memory, scale, carried[0])};
                        })[0];
}

Value FFTConvEmitter::loadJoined(const Operand &operand, const Tile &tile,
                                 Value scale) {
  Value work = transform.makeWork();
  OpFoldResult count = operand.steps[0].count;
  if (!hasKnownStripes(count))
    return loadAnyLength(operand, tile, scale, work);
  for (const Stripe &stripe : splitBorder(count))
    work = loadStripe(operand, stripe, tile, scale, work);
  return work;
}

/// Butterfly `i` of `range` writes the rows of a stripe in `part`.
Value FFTConvEmitter::storeButterfly(Value work, ArrayRef<Tile> rows,
                                     const Stripe &stripe, TimeRange range,
                                     AffineMap map, Value i, Value part) {
  OpFoldResult one = b.getIndexAttr(1);
  bool turned = op.getDirection() == Direction::Backward;
  LoopRange place{placeOf(range, i, turned), one, one};
  SmallVector<Tile> places = llvm::map_to_vector(
      rows, [&](const Tile &row) { return row.narrow(b, loc, time, place); });
  Value count = countRows(stripe);
  Values slices;
  for (const Tile &at : places)
    slices.push_back(count ? tensor::EmptyOp::create(
                                 b, loc, lanes, op.getType().getElementType())
                           : extractTile(b, loc, part, map, at));
  Value k = stepOf(rowRange(stripe, range, b.getIndexAttr(0)), i);
  Values results = transform.emitLastStep(work, k, slices);
  for (auto [j, row] : llvm::enumerate(results)) {
    auto insert = [&, row = row, j = j](OpBuilder &nested) {
      return insertTile(nested, loc, row, part, map, places[j]);
    };
    part = count && j > 0 ? insertIf(j, count, part, insert) : insert(b);
  }
  return part;
}

Value FFTConvEmitter::storeRange(const Stripe &stripe, Value work,
                                 const Tile &tile, TimeRange range,
                                 Value part) {
  bool turned = op.getDirection() == Direction::Backward;
  bool contiguous = isTimeContiguous(resultMap, time, parallel.back());
  // Contiguous time is written to a block of its own and then transposed.
  AffineMap map =
      contiguous ? lanesLast(resultMap, parallel.back()) : resultMap;
  Value target = contiguous ? makePacked(map, tile, range, mostRows(stripe),
                                         op.getType().getElementType())
                            : part;
  SmallVector<Tile> rows =
      stripeRows(stripe, range, tile.atOrigin(), turned, contiguous);
  target = buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, range.length),
      target, [&](Value i, Value filled) {
        return storeButterfly(work, rows, stripe, range, map, i, filled);
      });
  if (contiguous)
    return unpackRows(target, map, stripe, range, tile, part);
  // Threads that write single rows of eight places past the caches wait for
  // memory: twice as long, measured with two. Parts of lines go there one by
  // one: six times as long, by one thread.
  if (isShared || !hasWholeLines())
    target.getDefiningOp()->setAttr(kCachedAttrName, b.getUnitAttr());
  return target;
}

Value FFTConvEmitter::storeStripe(const Stripe &stripe, Value work,
                                  const Tile &tile, Value part) {
  if (mostRows(stripe) == 0)
    return part;
  return forEachBlockOf(
      resultMap, lengthOf(stripe), stepsAtOnce(), part,
      [&](TimeRange range, ValueRange carried) -> Values {
        return {storeRange(stripe, work, tile, range, carried[0])};
      })[0];
}

Value FFTConvEmitter::storeJoined(Value work, const Tile &tile, Value part) {
  if (!hasKnownStripes(sizes[time]))
    return storeAnyLength(work, tile, part);
  for (const Stripe &stripe : splitBorder(sizes[time]))
    part = storeStripe(stripe, work, tile, part);
  return part;
}
