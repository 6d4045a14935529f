//===- FFTConvAnyLength.cpp - Border rounds of any length -----------------===//
//
// A length that is known at run time only makes the rows of a butterfly, and
// the stripes of butterflies that have as many (FFTConvBorder.cpp), values. A
// butterfly has code for all rows then:
//
//   channels last     a row beyond the signal is read as the last one, times
//                     zero, and not written; both stripes are one piece of
//                     code, and what has no rows at all is cleared
//   contiguous time   there are no stripes: of each row, a block has what lies
//                     in the signal, and zeros
//
// A block of contiguous time is whole squares, which are transposed in
// registers. The steps that are left are the end of one more, whose other
// butterflies are computed twice.
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

Value FFTConvEmitter::index(int64_t value) {
  return asValue(b, loc, b.getIndexAttr(value));
}

Value FFTConvEmitter::countRows(const Stripe &stripe) {
  return getConstantIntValue(stripe.rows) ? Value()
                                          : asValue(b, loc, stripe.rows);
}

OpFoldResult FFTConvEmitter::rowOrLast(int64_t row, const Stripe &stripe) {
  OpFoldResult number = b.getIndexAttr(row);
  if (!countRows(stripe) || row == 0)
    return number;
  OpFoldResult last = affine(b, loc, b.getAffineSymbolExpr(0) - 1, stripe.rows);
  return arith::MinUIOp::create(b, loc, asValue(b, loc, number),
                                asValue(b, loc, last))
      .getResult();
}

Value FFTConvEmitter::insertIf(int64_t row, Value count, Value part,
                               function_ref<Value(OpBuilder &)> insert) {
  Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                       index(row), count);
  auto some = [&](OpBuilder &nested, Location at) {
    scf::YieldOp::create(nested, at, insert(nested));
  };
  auto none = [&](OpBuilder &nested, Location at) {
    scf::YieldOp::create(nested, at, part);
  };
  return scf::IfOp::create(b, loc, exists, some, none).getResult(0);
}

//===----------------------------------------------------------------------===//
// Channels last
//===----------------------------------------------------------------------===//

/// The stripes of a signal of `count` steps, but for butterflies without rows,
/// which come last: `body(stripe, where its stripe ends, carried)`.
Value FFTConvEmitter::forEachStripe(
    OpFoldResult count, Value carried,
    function_ref<Value(const Stripe &, Value, Value)> body) {
  Value length = asValue(b, loc, count), part = asValue(b, loc, borderPart());
  Value full = arith::DivUIOp::create(b, loc, length, part),
        rest = arith::RemUIOp::create(b, loc, length, part),
        more = arith::AddIOp::create(b, loc, full, index(1));
  Value hasFull =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, full, index(0));
  Value filled = arith::SelectOp::create(b, loc, hasFull, part, rest);
  return buildFor(
      b, loc, index(0), index(2), carried, [&](Value i, Value partly) {
        Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                              i, index(0));
        auto either = [&](Value first, Value second) -> Value {
          return arith::SelectOp::create(b, loc, isFirst, first, second);
        };
        Stripe stripe{either(index(0), rest), either(rest, filled),
                      either(more, full)};
        return body(stripe, either(rest, part), partly);
      });
}

/// Zeros in all rows of butterflies from `begin` to `end`.
Value FFTConvEmitter::clearButterflies(Value begin, Value end, Value work) {
  Value part = asValue(b, loc, borderPart());
  return buildFor(b, loc, index(0), index(transform.getBorderRadix()), work,
                  [&](Value row, Value cleared) {
                    Value first = arith::MulIOp::create(b, loc, row, part);
                    return transform.clearRows(
                        cleared, arith::AddIOp::create(b, loc, first, begin),
                        arith::AddIOp::create(b, loc, first, end));
                  });
}

//===----------------------------------------------------------------------===//
// Contiguous time
//===----------------------------------------------------------------------===//

FFTConvEmitter::Stripe FFTConvEmitter::stripeOf(TimeRange range,
                                                OpFoldResult count) {
  // One at least: of what has none, the first row is zeros.
  OpFoldResult part = borderPart();
  Value left = asValue(
      b, loc,
      affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
             {count, range.begin}));
  Value some = arith::MaxSIOp::create(b, loc, left, index(1));
  Value rows = arith::CeilDivUIOp::create(b, loc, some, asValue(b, loc, part));
  return {b.getIndexAttr(0), part, rows};
}

FFTConvEmitter::RowPart
FFTConvEmitter::partOfRow(const Stripe &stripe, TimeRange range, Value row,
                          OpFoldResult count, bool turned, const Tile &tile) {
  TimeRange steps = rowRange(stripe, range, row);
  Tile place = packedRow(tile, range, row);
  if (!countRows(stripe))
    return {steps, place, std::nullopt};
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  Value left = asValue(b, loc, affine(b, loc, x - y, {count, steps.begin}));
  Value some = arith::MaxSIOp::create(b, loc, left, index(0));
  OpFoldResult present =
      arith::MinSIOp::create(b, loc, some, asValue(b, loc, range.length))
          .getResult();
  OpFoldResult missing = affine(b, loc, x - y, {range.length, present});
  auto behind = [&](OpFoldResult count) {
    return affine(b, loc, x + y, {place.ranges[time].offset, count});
  };
  Tile gap = place;
  (turned ? place : gap).ranges[time].offset =
      behind(turned ? missing : present);
  place.ranges[time].size = steps.length = present;
  gap.ranges[time].size = missing;
  return {steps, place, gap};
}

Value FFTConvEmitter::clearPacked(Value packed, AffineMap map,
                                  const Tile &gap) {
  Tile whole = gap.withAllDims();
  Value rows = extractTile(b, loc, packed, map, whole);
  Value zero = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(getElementTypeOrSelf(packed)));
  Value zeros = linalg::FillOp::create(b, loc, zero, rows).getResult(0);
  return insertTile(b, loc, zeros, packed, map, whole);
}

Value FFTConvEmitter::forEachSquares(
    Value carried, function_ref<Value(TimeRange, Value)> body) {
  OpFoldResult length = borderPart();
  AffineExpr n = b.getAffineSymbolExpr(0), i = b.getAffineSymbolExpr(1),
             whole = n - n % kSquare;
  int64_t most = stepsAtOnce();
  auto valueOf = [&](AffineExpr expr, ArrayRef<OpFoldResult> symbols) {
    return asValue(b, loc, affine(b, loc, expr, symbols));
  };
  AffineExpr count = whole.ceilDiv(most);
  Value blocks = valueOf(count, length),
        all = valueOf(count + (n % kSquare).ceilDiv(kSquare), length);
  return buildFor(
      b, loc, index(0), all, carried, [&](Value block, Value filled) {
        Value isWhole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                              block, blocks);
        auto either = [&](Value x, Value y) -> Value {
          return arith::SelectOp::create(b, loc, isWhole, x, y);
        };
        auto least = [&](int64_t x, Value y) -> Value {
          return arith::MinSIOp::create(b, loc, index(x), y);
        };
        Value rest = valueOf(whole - i * most, {length, OpFoldResult(block)});
        Value steps =
            either(least(most, rest), least(kSquare, asValue(b, loc, length)));
        Value begin = either(valueOf(n * most, OpFoldResult(block)),
                             valueOf(n - i, {length, OpFoldResult(steps)}));
        return body({begin, steps}, filled);
      });
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

Value FFTConvEmitter::loadAnyLength(const Operand &operand, const Tile &tile,
                                    Value scale, Value work) {
  OpFoldResult count = operand.steps[0].count;
  if (isTimeContiguous(operand.map, time, parallel.back()))
    return forEachSquares(work, [&](TimeRange range, Value filled) {
      return loadRange(operand, stripeOf(range, count), tile, range,
                       memoryToAsk(operand), scale, filled);
    });
  return forEachStripe(
      count, work, [&](const Stripe &stripe, Value end, Value filled) {
        filled = clearButterflies(asValue(b, loc, stripe.end), end, filled);
        return loadStripe(operand, stripe, tile, scale, filled);
      });
}

Value FFTConvEmitter::storeAnyLength(Value work, const Tile &tile, Value part) {
  OpFoldResult count = sizes[time];
  if (isTimeContiguous(resultMap, time, parallel.back()))
    return forEachSquares(part, [&](TimeRange range, Value written) {
      return storeRange(stripeOf(range, count), work, tile, range, written);
    });
  return forEachStripe(count, part,
                       [&](const Stripe &stripe, Value, Value written) {
                         return storeStripe(stripe, work, tile, written);
                       });
}
