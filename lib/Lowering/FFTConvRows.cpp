//===- FFTConvRows.cpp - Between operands and work tiles ------------------===//
//
// An operand's steps times the weights into the rows of a work tile, and back.
// Contiguous time is transposed by blocks.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace ssm;

Value FFTConvEmitter::stepOf(TimeRange block, Value i) {
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  return asValue(b, loc, affine(b, loc, sum, {block.begin, OpFoldResult(i)}));
}

OpFoldResult FFTConvEmitter::placeOf(TimeRange block, Value i, bool turned) {
  if (!turned)
    return i;
  return affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) - 1,
                {block.length, OpFoldResult(i)});
}

Tile FFTConvEmitter::blockOf(const Tile &tile, TimeRange block, bool turned,
                             OpFoldResult length) {
  Tile part = tile;
  OpFoldResult begin = block.begin;
  if (turned)
    begin = affine(b, loc,
                   b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) -
                       b.getAffineSymbolExpr(2),
                   {length, block.begin, block.length});
  part.ranges[time] = {begin, block.length, b.getIndexAttr(1)};
  return part;
}

SmallVector<Value> FFTConvEmitter::forEachBlockOf(
    AffineMap map, OpFoldResult count, int64_t most, ValueRange carried,
    function_ref<Values(TimeRange, ValueRange)> body) {
  if (parallel.empty() || !isTimeContiguous(map, time, parallel.back()))
    return share(body({b.getIndexAttr(0), count}, carried));
  return forEachBlock(b, loc, count, most, /*backward=*/false, carried, body,
                      isShared);
}

OpFoldResult FFTConvEmitter::widthOf(const Tile &tile) {
  // A kernel that all lanes share is repeated in each.
  if (!parallel.empty() && tile.keeps(parallel.back()))
    return tile.ranges[parallel.back()].size;
  return b.getIndexAttr(parallel.empty() ? 1 : lanes);
}

Value FFTConvEmitter::mapRow(Value slice, OpFoldResult width, Value t,
                             Value work, ArrayRef<int64_t> parts,
                             ScalarBody body) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> outs;
  for (int64_t part : parts)
    outs.push_back({readPart(b, loc, work, t, part, width), identity});
  // A value without the lane dimension is shared by all lanes.
  AffineMap source = cast<RankedTensorType>(slice.getType()).getRank() == 0
                         ? AffineMap::get(1, 0, {}, b.getContext())
                         : identity;
  Values rows = buildGeneric(b, loc, 1, {{slice, source}}, outs, body);
  for (auto [row, part] : llvm::zip_equal(rows, parts))
    work = writePart(b, loc, work, t, part, width, row);
  return work;
}

Value FFTConvEmitter::loadRow(Value slice, OpFoldResult width, Value t,
                              bool isFuture, Value scale, Value work) {
  // Blocks have no weights, and nothing in the imaginary part.
  Num w{scale, Value()};
  if (!blocks) {
    w = transform.weightOf(t);
    // Times -i.
    if (isFuture)
      w = {w.im, arith::NegFOp::create(b, loc, w.re)};
    if (scale)
      w = {arith::MulFOp::create(b, loc, w.re, scale),
           arith::MulFOp::create(b, loc, w.im, scale)};
  }
  return mapRow(slice, width, t, work, {0, 1},
                [&](OpBuilder &nested, Location at, ValueRange scalars) {
                  NumBuilder num(nested, at, real);
                  Num x = num.load(scalars[0]), row = num.mul(x, w);
                  if (blocks)
                    row.im = num.constant(0).re;
                  // The past may have come to the same row.
                  else if (isFuture)
                    row = num.mulAdd(x, w, {scalars[1], scalars[2]});
                  return Values{row.re, row.im};
                });
}

Value FFTConvEmitter::forEachRow(
    const Operand &operand, const Tile &tile, TimeRange steps, Value work,
    function_ref<Value(Value, Value, Value)> body) {
  bool turned = operand.isTurned;
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  return forEachBlockOf(
      operand.map, steps.length, kBlockSteps, work,
      [&](TimeRange range, ValueRange values) {
        TimeRange source{affine(b, loc, sum, {steps.begin, range.begin}),
                         range.length};
        Tile block = blockOf(tile, source, turned, sizes[time]);
        Indexed from = operand;
        if (!parallel.empty() &&
            isTimeContiguous(from.map, time, parallel.back())) {
          from = packBlock(b, loc, from, block, time, parallel.back());
          block = block.atOrigin();
        }
        return Values{buildFor(
            b, loc, asValue(b, loc, b.getIndexAttr(0)),
            asValue(b, loc, range.length), values[0],
            [&](Value i, Value carried) {
              LoopRange place{placeOf(range, i, turned), b.getIndexAttr(1),
                              b.getIndexAttr(1)};
              Tile at = block.narrow(b, loc, time, place);
              Value slice = extractTile(b, loc, from.value, from.map, at);
              return body(stepOf(range, i), slice, carried);
            })};
      })[0];
}

Value FFTConvEmitter::load(const Operand &operand, const Tile &tile,
                           Value scale) {
  OpFoldResult width = widthOf(tile);
  bool full = getConstantIntValue(width) == lanes;
  Value work = transform.makeWork();
  work = transform.clearRows(
      work, asValue(b, loc, full ? operand.steps[0].count : b.getIndexAttr(0)),
      asValue(b, loc, transform.getSize()));
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1),
             z = b.getAffineSymbolExpr(2);
  for (const Stretch &stretch : operand.steps)
    if (getConstantIntValue(stretch.count) != 0)
      work = forEachRow(operand, tile, {stretch.begin, stretch.count}, work,
                        [&](Value i, Value row, Value carried) {
                          OpFoldResult t = i;
                          if (stretch.isFuture)
                            t = affine(b, loc, x + z - y,
                                       {t, stretch.count, transform.getSize()});
                          return loadRow(row, width, asValue(b, loc, t),
                                         stretch.isFuture, scale, carried);
                        });
  return work;
}

Value FFTConvEmitter::storeRow(
    Value work, ArrayRef<int64_t> parts, OpFoldResult width, Value t,
    Value slice, function_ref<Value(NumBuilder &, ValueRange)> body) {
  unsigned rank = parallel.empty() ? 0 : 1;
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Indexed> ins;
  for (int64_t part : parts)
    ins.push_back({readPart(b, loc, work, t, part, width, rank), identity});
  return buildGeneric(b, loc, rank, ins, {{slice, identity}},
                      [&](OpBuilder &nested, Location at, ValueRange scalars) {
                        NumBuilder num(nested, at, real);
                        return Values{num.store({body(num, scalars), Value()},
                                                op.getType().getElementType())};
                      })[0];
}

Value FFTConvEmitter::makeBlock(AffineMap map, const Tile &block) {
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : dimsOf(map))
    shape.push_back(block.ranges[dim].size);
  return tensor::EmptyOp::create(b, loc, shape, op.getType().getElementType());
}

Value FFTConvEmitter::turnBlock(Indexed filled, const Tile &block, Value part) {
  Tile whole = block.withAllDims();
  Value target = extractTile(b, loc, part, resultMap, whole);
  target = transposeTile(b, loc, filled, {target, resultMap}, whole.atOrigin(),
                         parallel.back(), time);
  return insertTile(b, loc, target, part, resultMap, whole);
}

Value FFTConvEmitter::storeRows(const Tile &tile, TimeRange steps,
                                OpFoldResult length, Value part,
                                function_ref<Value(Value, Value)> body) {
  bool turned = op.getDirection() == Direction::Backward;
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  Tile origin = tile.atOrigin();
  return forEachBlockOf(
      resultMap, steps.length, kBlockSteps, part,
      [&](TimeRange range, ValueRange carried) {
        TimeRange target{affine(b, loc, sum, {steps.begin, range.begin}),
                         range.length};
        Tile block = blockOf(origin, target, turned, length);
        bool contiguous = !parallel.empty() &&
                          isTimeContiguous(resultMap, time, parallel.back());
        Indexed rows = {carried[0], resultMap};
        Tile place = block;
        if (contiguous) {
          rows.map = lanesLast(resultMap, parallel.back());
          place = block.atOrigin();
          rows.value = makeBlock(rows.map, block);
        }
        Value filled = buildFor(
            b, loc, asValue(b, loc, b.getIndexAttr(0)),
            asValue(b, loc, range.length), rows.value,
            [&](Value i, ValueRange args) {
              Tile local = place.narrow(b, loc, time,
                                        {placeOf(range, i, turned),
                                         b.getIndexAttr(1), b.getIndexAttr(1)});
              Value slice = extractTile(b, loc, args[0], rows.map, local);
              Value row = body(stepOf(range, i), slice);
              return Values{insertTile(b, loc, row, args[0], rows.map, local)};
            })[0];
        if (!contiguous)
          return Values{filled};
        return Values{turnBlock({filled, rows.map}, block, carried[0])};
      })[0];
}

Value FFTConvEmitter::store(Value work, const Tile &tile, Value part) {
  OpFoldResult width = widthOf(tile);
  return storeRows(tile, {b.getIndexAttr(0), sizes[time]}, sizes[time], part,
                   [&](Value t, Value slice) {
                     Num w = transform.weightOf(t);
                     return storeRow(work, {0, 1}, width, t, slice,
                                     [&](NumBuilder &num, ValueRange z) {
                                       return num.addf(num.mulf(z[0], w.re),
                                                       num.mulf(z[1], w.im));
                                     });
                   });
}
