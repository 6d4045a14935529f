//===- FFTEmitter.cpp - Transforms of work tiles --------------------------===//
#include "FFTEmitter.h"
#include "FFTNumbers.h"

#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

/// A spectrum is read past what the machine foresees: a leaf takes 2 KiB of it
/// at once, then rounds before the next one.
static constexpr int64_t kLineBytes = 64, kAheadBytes = 8 << 10;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Value FFTEmitter::index(int64_t value) {
  return asValue(b, loc, b.getIndexAttr(value));
}
Value FFTEmitter::add(Value x, Value y) {
  return arith::AddIOp::create(b, loc, x, y);
}
Value FFTEmitter::sub(Value x, Value y) {
  return arith::SubIOp::create(b, loc, x, y);
}
Value FFTEmitter::mul(Value x, Value y) {
  return arith::MulIOp::create(b, loc, x, y);
}
Value FFTEmitter::shl(Value x, Value bits) {
  return arith::ShLIOp::create(b, loc, x, bits);
}

FFTEmitter::FFTEmitter(OpBuilder &b, Location loc, Type real,
                       const FFTPlan &plan, int64_t lanes, bool isWide)
    : b(b), loc(loc), real(real), plan(plan), leaf(plan.leaf),
      columns(plan.leafColumns()), lanes(lanes), isWide(isWide),
      size(b.getIndexAttr(plan.size())), tablePoints(size) {
  SmallVector<int64_t> blocks;
  for (int64_t level = 0, end = plan.outer.size(); level < end; ++level) {
    blocks.push_back(plan.blockSize(level));
    int64_t radix = plan.outer[level];
    if (runs.empty() || runs.back().radix != radix)
      runs.push_back({radix, b.getIndexAttr(level), {}, {}, {}});
    runs.back().end = b.getIndexAttr(level + 1);
  }
  if (!blocks.empty()) {
    auto type =
        RankedTensorType::get({int64_t(blocks.size())}, b.getIndexType());
    outerBlocks = arith::ConstantOp::create(
        b, loc, DenseIntElementsAttr::get(type, blocks));
  }
  if (plan.levels > 0)
    runs.push_back({plan.radix, b.getIndexAttr(blocks.size()),
                    b.getIndexAttr(plan.numRounds()),
                    b.getIndexAttr(plan.levels * llvm::Log2_64(plan.radix)),
                    b.getIndexAttr(0)});
}

FFTEmitter::FFTEmitter(OpBuilder &b, Location loc, Type real, Value length,
                       int64_t lanes)
    : b(b), loc(loc), real(real), leaf(FFTPlan::kDynamicLeaf), lanes(lanes) {
  // 1. The quarters of the next power of two that hold the length: 3 or 4. Of
  // a small one 3 would leave less than a leaf.
  Value atLeast =
      arith::MaxSIOp::create(b, loc, length, index(FFTPlan::kMinDynamicSize));
  Value last = arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                          sub(atLeast, index(1)));
  Value leading = math::CountLeadingZerosOp::create(b, loc, last);
  Value bits = sub(
      index(64), arith::IndexCastOp::create(b, loc, b.getIndexType(), leading));
  Value quarter = sub(bits, index(2));
  Value begun = arith::ShRUIOp::create(
      b, loc, arith::IndexCastOp::create(b, loc, b.getIndexType(), last),
      quarter);
  Value isSmall =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, quarter,
                            index(llvm::Log2_64(FFTPlan::kMinDynamicSize)));
  Value quarters =
      arith::SelectOp::create(b, loc, isSmall, index(4), add(begun, index(1)));
  tablePoints = size = shl(quarters, quarter);
  // 2. Their factors.
  addDynamicRuns(bits, quarters);
}

/// The border, radix 3 or none, then what is left of `bits` binary digits:
/// radix 8, radix 4 or none, radix 2 or none, leaves.
void FFTEmitter::addDynamicRuns(Value bits, Value quarters) {
  partHasThree = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       quarters, index(3));
  Value odd =
      arith::IndexCastUIOp::create(b, loc, b.getIndexType(), partHasThree);
  // Of four quarters two more bits are left than of three.
  Value rest =
      sub(bits, add(mul(odd, index(2)),
                    index(llvm::Log2_64(FFTPlan::kDynamicRadix * leaf))));
  Value eights = arith::DivUIOp::create(b, loc, rest, index(3)),
        fewBits = arith::RemUIOp::create(b, loc, rest, index(3)),
        fours = arith::ShRUIOp::create(b, loc, fewBits, index(1)),
        twos = arith::AndIOp::create(b, loc, fewBits, index(1));
  partBits = add(rest, index(llvm::Log2_64(leaf)));
  Value inner = asValue(
      b, loc,
      affine(b, loc, b.getAffineSymbolExpr(0).floorDiv(FFTPlan::kDynamicRadix),
             size));
  outerBlocks = tensor::FromElementsOp::create(
      b, loc, ValueRange{asValue(b, loc, size), inner});
  Value level = index(1), outerBits = rest;
  runs.push_back({FFTPlan::kDynamicRadix, b.getIndexAttr(0), level, {}, {}});
  for (auto [radix, count] : {std::pair<int64_t, Value>(3, odd),
                              {8, eights},
                              {4, fours},
                              {2, twos}}) {
    Value end = add(level, count), innerBits = outerBits;
    if (llvm::isPowerOf2_64(radix))
      innerBits = sub(outerBits, mul(count, index(llvm::Log2_64(radix))));
    runs.push_back({radix, level, end, outerBits, innerBits});
    level = end;
    outerBits = innerBits;
  }
  runs.back().innerBits = b.getIndexAttr(0);
}

Value FFTEmitter::divideByRadix(const Run &run, Value value) {
  if (llvm::isPowerOf2_64(run.radix))
    return arith::ShRUIOp::create(b, loc, value,
                                  index(llvm::Log2_64(run.radix)));
  return arith::DivUIOp::create(b, loc, value, index(run.radix));
}

Value FFTEmitter::blockSize(const Run &run, Value level) {
  if (!llvm::isPowerOf2_64(run.radix))
    return tensor::ExtractOp::create(b, loc, outerBlocks, level);
  Value done = sub(level, asValue(b, loc, run.begin));
  return shl(index(leaf), sub(asValue(b, loc, run.outerBits),
                              mul(done, index(llvm::Log2_64(run.radix)))));
}

Value FFTEmitter::countLeaves() {
  return asValue(b, loc,
                 affine(b, loc, b.getAffineSymbolExpr(0).floorDiv(leaf), size));
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value FFTEmitter::makeWork() {
  return makeWorkTile(b, loc, real, size, numParts(), lanes);
}

SmallVector<Value> FFTEmitter::rowsFrom(Value base, Value stride,
                                        int64_t count) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(i == 0 ? base : add(base, mul(stride, index(i))));
  return rows;
}

SmallVector<Value> FFTEmitter::readRows(Value work, ArrayRef<Value> rows) {
  Values values;
  for (int64_t part = 0, end = countParts(work); part < end; ++part)
    for (Value row : rows)
      values.push_back(
          readPart(b, loc, work, row, part, b.getIndexAttr(lanes)));
  return values;
}

Value FFTEmitter::writeRows(Value work, ArrayRef<Value> rows,
                            ValueRange values) {
  for (auto [i, value] : llvm::enumerate(values))
    work = writePart(b, loc, work, rows[i % rows.size()], i / rows.size(),
                     b.getIndexAttr(lanes), value);
  return work;
}

Value FFTEmitter::clearRows(Value work, Value begin, Value end,
                            ArrayRef<int64_t> parts) {
  return buildFor(b, loc, begin, end, work, [&](Value row, Value cleared) {
    OpFoldResult width = b.getIndexAttr(lanes);
    Value zeros = buildFilled(b, loc, width, real, 0.0);
    for (int64_t part : parts)
      cleared = writePart(b, loc, cleared, row, part, width, zeros);
    return cleared;
  });
}

Value FFTEmitter::clearRows(Value work, Value begin, Value end) {
  return clearRows(work, begin, end,
                   llvm::to_vector(llvm::seq<int64_t>(numParts())));
}

template <typename Body>
SmallVector<Value> FFTEmitter::mapRows(ValueRange rows, ValueRange extra,
                                       Body body) {
  if (isWide)
    return mapNumbers<LooseWideBuilder>(b, loc, real, 4, rows, extra, body);
  return mapNumbers<NumBuilder>(b, loc, real, 2, rows, extra, body);
}

//===----------------------------------------------------------------------===//
// Rounds and leaves
//===----------------------------------------------------------------------===//

Value FFTEmitter::emitRound(Value work, Value base, const Run &run, Value level,
                            bool inverse) {
  Value block = blockSize(run, level);
  Round round{run.radix, base, divideByRadix(run, block),
              sub(asValue(b, loc, tablePoints), block), inverse};
  bool isUnrolled =
      run.radix <= FFTPlan::kMaxUnrolledRadix || llvm::isPowerOf2_64(run.radix);
  return buildFor(b, loc, index(0), round.part, work,
                  [&](Value k, Value carried) {
                    return isUnrolled ? emitStep(carried, round, k)
                                      : emitLoopStep(carried, round, k);
                  });
}

SmallVector<Value>
FFTEmitter::forEachLeaf(ValueRange tiles,
                        function_ref<Values(ValueRange, Value)> body) {
  Value leaves = countLeaves();
  auto visit = [&](Value begin, Value count, ValueRange carried) {
    return buildFor(
        b, loc, index(0), count, carried,
        [&](Value i, ValueRange args) { return body(args, add(begin, i)); });
  };
  if (!isShared || blocks == 1)
    return visit(index(0), leaves, tiles);
  Value perBlock = arith::DivUIOp::create(b, loc, leaves, index(blocks));
  Values done =
      buildFor(b, loc, index(0), index(blocks), tiles,
               [&](Value block, ValueRange carried) {
                 return visit(mul(block, perBlock), perBlock, carried);
               });
  markIndependent(done);
  return done;
}

Value FFTEmitter::emitStep(Value work, const Round &round, Value k) {
  int64_t radix = round.radix;
  SmallVector<Value> rows = rowsFrom(add(round.base, k), round.part, radix);
  SmallVector<Values> w = readTwiddles(round, k);
  Values values =
      mapRows(readRows(work, rows), {}, [&](auto &num, auto z, auto) {
        auto twist = [&] {
          for (int64_t q = 0; q < radix; ++q)
            if (!w[q].empty())
              z[q] = num.mul(z[q], makeNumber(num, w[q]));
        };
        if (round.inverse)
          twist();
        emitButterfly(num, z, round.inverse);
        if (!round.inverse)
          twist();
      });
  return writeRows(work, rows, values);
}

Value FFTEmitter::countRounds(const Run &run, Value leafNumber) {
  Value begin = asValue(b, loc, run.begin), end = asValue(b, loc, run.end);
  if (llvm::isPowerOf2_64(run.radix)) {
    Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), leafNumber);
    Value zeros = arith::IndexCastOp::create(
        b, loc, b.getIndexType(),
        math::CountTrailingZerosOp::create(b, loc, wide));
    // Of them, those of the blocks inside are not this run's.
    if (getConstantIntValue(run.innerBits) != 0) {
      Value inner = asValue(b, loc, run.innerBits);
      zeros = sub(arith::MaxUIOp::create(b, loc, zeros, inner), inner);
    }
    Value rounds =
        arith::DivUIOp::create(b, loc, zeros, index(llvm::Log2_64(run.radix)));
    return arith::MinUIOp::create(b, loc, rounds, sub(end, begin));
  }
  Value base = mul(leafNumber, index(leaf));
  return buildFor(b, loc, begin, end, index(0), [&](Value level, Value count) {
    Value rest = arith::RemUIOp::create(b, loc, base, blockSize(run, level));
    Value begins =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rest, index(0));
    Value one = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), begins);
    return add(count, one);
  });
}

Value FFTEmitter::emitRoundsBefore(Value work, Value leafNumber) {
  Value base = mul(leafNumber, index(leaf));
  for (const Run &run : runs) {
    Value end = asValue(b, loc, run.end);
    work = buildFor(b, loc, sub(end, countRounds(run, leafNumber)), end, work,
                    [&](Value level, Value carried) {
                      return emitRound(carried, base, run, level,
                                       /*inverse=*/false);
                    });
  }
  return work;
}

Value FFTEmitter::emitRoundsAfter(Value work, Value leafNumber) {
  Value next = add(leafNumber, index(1));
  Value end = mul(next, index(leaf));
  for (const Run &run : llvm::reverse(runs)) {
    Value last = sub(asValue(b, loc, run.end), index(1));
    work = buildFor(b, loc, index(0), countRounds(run, next), work,
                    [&](Value i, Value carried) {
                      Value level = sub(last, i);
                      Value base = sub(end, blockSize(run, level));
                      return emitRound(carried, base, run, level,
                                       /*inverse=*/true);
                    });
  }
  return work;
}

/// The round within a leaf: butterflies of `columns` points each. For the
/// inverse, the twiddle factors come first.
static void emitColumns(NumBuilder &num, MutableArrayRef<Num> z,
                        int64_t columns, bool inverse) {
  int64_t size = z.size(), rest = size / columns;
  for (int64_t k = 0; k < rest && columns > 1; ++k) {
    SmallVector<Num> column;
    for (int64_t q = 0; q < columns; ++q) {
      Num x = z[k + q * rest];
      column.push_back(inverse ? rotate(num, x, q * k, size, true) : x);
    }
    emitButterfly(num, MutableArrayRef<Num>(column), inverse);
    for (auto [q, x] : llvm::enumerate(column))
      z[k + q * rest] = inverse ? x : rotate(num, x, q * k, size, false);
  }
}
/// Leaves of wide numbers are small, and whole.
static void emitColumns(LooseWideBuilder &, MutableArrayRef<Wide>, int64_t,
                        bool) {}

bool FFTEmitter::asksAhead(Value spectrum) {
  return looksAhead && (isLarge() || !plan) && countLanes(spectrum) == lanes &&
         lanes * real.getIntOrFloatBitWidth() == 8 * kLineBytes;
}

/// Asks for the lines of a spectrum that the leaf `kAheadBytes` behind will
/// multiply with.
void FFTEmitter::askAhead(Value spectrum, Value base) {
  int64_t ahead = kAheadBytes / (numParts() * kLineBytes);
  auto type = cast<RankedTensorType>(spectrum.getType());
  auto layout = StridedLayoutAttr::get(
      b.getContext(), ShapedType::kDynamic,
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic));
  Value memory = bufferization::ToBufferOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType(), layout),
      spectrum, /*read_only=*/true);
  for (Value row : rowsFrom(add(base, index(ahead)), index(1), leaf))
    for (int64_t part = 0; part < numParts(); ++part)
      memref::PrefetchOp::create(b, loc, memory,
                                 ValueRange{row, index(part), index(0)},
                                 /*isWrite=*/false, /*localityHint=*/3,
                                 /*isDataCache=*/true);
}

Value FFTEmitter::emitLeaf(Value work, Value spectrum, Value base) {
  SmallVector<Value> rows = rowsFrom(base, index(1), leaf);
  if (spectrum && asksAhead(spectrum))
    askAhead(spectrum, base);
  Values factors;
  SmallVector<Values> shared;
  if (spectrum && countLanes(spectrum) == lanes) {
    factors = readRows(spectrum, rows);
  } else if (spectrum) {
    for (Value row : rows) {
      Values &parts = shared.emplace_back();
      for (int64_t part = 0; part < numParts(); ++part)
        parts.push_back(tensor::ExtractOp::create(
            b, loc, spectrum, ValueRange{row, index(part), index(0)}));
    }
  }
  Values values =
      mapRows(readRows(work, rows), factors, [&](auto &num, auto z, auto k) {
        emitColumns(num, z, columns, /*inverse=*/false);
        int64_t rest = leaf / columns;
        for (int64_t begin = 0; begin < leaf; begin += rest) {
          auto beside = z.slice(begin, rest);
          emitButterfly(num, beside, /*inverse=*/false);
          if (!spectrum)
            continue;
          for (int64_t i = begin; i < begin + rest; ++i)
            z[i] = num.mul(z[i],
                           shared.empty() ? k[i] : makeNumber(num, shared[i]));
          emitButterfly(num, beside, /*inverse=*/true);
        }
        if (spectrum)
          emitColumns(num, z, columns, /*inverse=*/true);
      });
  return writeRows(work, rows, values);
}

Value FFTEmitter::emitForward(Value work) {
  if (splitsBorder())
    return withoutBorder().emitForward(emitBorder(work, /*inverse=*/false));
  return forEachLeaf(work, [&](ValueRange carried, Value i) -> Values {
    Value down = emitRoundsBefore(carried[0], i);
    return {emitLeaf(down, Value(), mul(i, index(leaf)))};
  })[0];
}

Value FFTEmitter::emitConvolution(Value work, Value spectrum) {
  if (splitsBorder()) {
    Value down = emitBorder(work, /*inverse=*/false);
    return emitBorder(withoutBorder().emitConvolution(down, spectrum),
                      /*inverse=*/true);
  }
  return forEachLeaf(work, [&](ValueRange carried, Value i) -> Values {
    Value down = emitRoundsBefore(carried[0], i);
    Value done = emitLeaf(down, spectrum, mul(i, index(leaf)));
    return {emitRoundsAfter(done, i)};
  })[0];
}

Value FFTEmitter::emitConvolutionBeside(Value work, Value filter) {
  return forEachLeaf(
      {work, filter}, [&](ValueRange carried, Value i) -> Values {
        Value base = mul(i, index(leaf));
        Value spectrum =
            emitLeaf(emitRoundsBefore(carried[1], i), Value(), base);
        Value done = emitLeaf(emitRoundsBefore(carried[0], i), spectrum, base);
        return {emitRoundsAfter(done, i), spectrum};
      })[0];
}

Value FFTEmitter::emitPosition(Value frequency) {
  Values carried = {frequency, index(0)};
  for (const Run &run : runs)
    carried =
        buildFor(b, loc, asValue(b, loc, run.begin), asValue(b, loc, run.end),
                 carried, [&](Value level, ValueRange args) {
                   Value part = divideByRadix(run, blockSize(run, level));
                   Value rest = divideByRadix(run, args[0]);
                   Value digit = sub(args[0], mul(rest, index(run.radix)));
                   return Values{rest, add(args[1], mul(digit, part))};
                 });
  Value rest = carried[0];
  if (columns > 1) {
    Value row = arith::DivUIOp::create(b, loc, rest, index(columns)),
          column = arith::RemUIOp::create(b, loc, rest, index(columns));
    rest = add(mul(column, index(leaf / columns)), row);
  }
  return add(rest, carried[1]);
}
