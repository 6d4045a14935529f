//===- FFTEmitter.cpp - Transforms of work tiles --------------------------===//
#include "FFTEmitter.h"

#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

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
    : b(b), loc(loc), real(real), leaf(plan.leaf), lanes(lanes), isWide(isWide),
      size(b.getIndexAttr(plan.size())),
      levels(b.getIndexAttr(plan.numRounds())) {
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
    runs.push_back({plan.radix, b.getIndexAttr(blocks.size()), levels,
                    b.getIndexAttr(plan.levels * llvm::Log2_64(plan.radix)),
                    b.getIndexAttr(0)});
}

FFTEmitter::FFTEmitter(OpBuilder &b, Location loc, Type real, Value length,
                       int64_t lanes)
    : b(b), loc(loc), real(real), leaf(FFTPlan::kDynamicLeaf), lanes(lanes) {
  // 1. The quarters of the next power of two that hold the length: 3 or 4.
  Value atLeast =
      arith::MaxSIOp::create(b, loc, length, index(FFTPlan::kMinDynamicSize));
  Value last = arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                          sub(atLeast, index(1)));
  Value leading = math::CountLeadingZerosOp::create(b, loc, last);
  Value bits = sub(
      index(64), arith::IndexCastOp::create(b, loc, b.getIndexType(), leading));
  Value quarter = sub(bits, index(2));
  Value quarters = add(
      arith::ShRUIOp::create(
          b, loc, arith::IndexCastOp::create(b, loc, b.getIndexType(), last),
          quarter),
      index(1));
  size = shl(quarters, quarter);

  // 2. Radix 3 or none, then what is left: radix 2 up to twice, radix 8,
  // leaves.
  Value isThree = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        quarters, index(3));
  Value before =
      arith::IndexCastUIOp::create(b, loc, b.getIndexType(), isThree);
  // Of four quarters two more bits are left than of three.
  Value rest =
      sub(bits, add(mul(before, index(2)), index(llvm::Log2_64(leaf))));
  Value single = arith::RemUIOp::create(b, loc, rest, index(3)),
        triple = arith::DivUIOp::create(b, loc, rest, index(3));
  outerBlocks = tensor::FromElementsOp::create(b, loc, asValue(b, loc, size));
  runs.push_back({3, b.getIndexAttr(0), before, {}, {}});
  Value after = add(before, single), threes = mul(triple, index(3));
  levels = add(after, triple);
  runs.push_back({2, before, after, rest, threes});
  runs.push_back(
      {FFTPlan::kDynamicRadix, after, levels, threes, b.getIndexAttr(0)});
}

FFTEmitter FFTEmitter::withLanes(int64_t newLanes) const {
  FFTEmitter other = *this;
  other.lanes = newLanes;
  return other;
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
// Tables
//===----------------------------------------------------------------------===//

RootsOfUnity &FFTEmitter::getRoots() {
  if (!roots)
    roots.emplace(b, loc, real,
                  affine(b, loc, b.getAffineSymbolExpr(0) * 4, size));
  return *roots;
}

/// `parts` at `position` of tables.
static SmallVector<Value> insertParts(OpBuilder &b, Location loc,
                                      ValueRange parts, ValueRange tables,
                                      Value position) {
  SmallVector<Value> written;
  for (auto [part, table] : llvm::zip_equal(parts, tables))
    written.push_back(tensor::InsertOp::create(b, loc, part, table, position));
  return written;
}

static SmallVector<Value> emptyTables(OpBuilder &b, Location loc, Type real,
                                      ArrayRef<OpFoldResult> shape,
                                      unsigned count) {
  SmallVector<Value> tables;
  for (unsigned i = 0; i < count; ++i)
    tables.push_back(tensor::EmptyOp::create(b, loc, shape, real));
  return tables;
}

SmallVector<Value> FFTEmitter::emitWeights() {
  RootsOfUnity &table = getRoots();
  Values weights = emptyTables(b, loc, real, size, 2);
  weights = buildFor(b, loc, index(0), asValue(b, loc, size), weights,
                     [&](Value t, ValueRange args) {
                       Num w = table.lookUp(t);
                       return insertParts(b, loc, {w.re, w.im}, args, t);
                     });
  if (isLarge())
    markIndependent(weights);
  return weights;
}

void FFTEmitter::emitTwiddles() {
  RootsOfUnity &table = getRoots();
  OpFoldResult count = affine(b, loc, b.getAffineSymbolExpr(0) - leaf, size);
  twiddles = emptyTables(b, loc, real, count, isWide ? 4 : 2);
  WideBuilder wide(b, loc, real);
  auto conjugate = [&](Value j) -> Values {
    if (!isWide) {
      Num w = table.lookUp(j);
      return {w.re, arith::NegFOp::create(b, loc, w.im)};
    }
    Wide w = table.lookUpWide(j);
    return wide.toParts({w.re, wide.neg(w.im)});
  };
  for (const Run &run : runs) {
    // exp(-2 pi i q k / block) is root 4 q k size / block, conjugated.
    auto fillRow = [&](Value k, Value unit, Value first, ValueRange row) {
      return buildFor(b, loc, index(1), index(run.radix), row,
                      [&](Value q, ValueRange args) {
                        return insertParts(b, loc,
                                           conjugate(mul(mul(q, k), unit)),
                                           args, sub(add(first, q), index(1)));
                      });
    };
    twiddles = buildFor(
        b, loc, asValue(b, loc, run.begin), asValue(b, loc, run.end), twiddles,
        [&](Value level, ValueRange carried) {
          Value block = blockSize(run, level), all = asValue(b, loc, size);
          Value begin = sub(all, block);
          Value unit =
              mul(index(4), arith::DivUIOp::create(b, loc, all, block));
          Values filled =
              buildFor(b, loc, index(0), divideByRadix(run, block), carried,
                       [&](Value k, ValueRange row) {
                         Value first = add(begin, mul(k, index(run.radix - 1)));
                         return fillRow(k, unit, first, row);
                       });
          if (isLarge())
            markIndependent(filled);
          return filled;
        });
    if (run.radix <= FFTPlan::kMaxUnrolledRadix ||
        llvm::isPowerOf2_64(run.radix))
      continue;
    Value unit = mul(index(4), divideByRadix(run, asValue(b, loc, size)));
    OpFoldResult points = b.getIndexAttr(run.radix);
    Values own = emptyTables(b, loc, real, points, 2);
    own = buildFor(b, loc, index(0), index(run.radix), own,
                   [&](Value j, ValueRange args) {
                     Num w = table.lookUp(mul(j, unit));
                     return insertParts(b, loc, {w.re, w.im}, args, j);
                   });
    radixRoots.push_back({run.radix, own});
  }
}

SmallVector<Value> FFTEmitter::readTwiddle(Value position, bool inverse) {
  Values parts;
  for (auto [i, table] : llvm::enumerate(twiddles)) {
    Value part = tensor::ExtractOp::create(b, loc, table, position);
    bool isImaginary = i >= twiddles.size() / 2;
    if (inverse && isImaginary)
      part = arith::NegFOp::create(b, loc, part);
    parts.push_back(part);
  }
  return parts;
}

SmallVector<SmallVector<Value>> FFTEmitter::readTwiddles(const Round &round,
                                                         Value k) {
  SmallVector<Values> w(round.radix);
  Value first = add(round.firstTwiddle, mul(k, index(round.radix - 1)));
  for (int64_t q = 1; q < round.radix; ++q)
    w[q] = readTwiddle(add(first, index(q - 1)), round.inverse);
  return w;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Value> FFTEmitter::makeWork() {
  return emptyTables(b, loc, real, {size, b.getIndexAttr(lanes)},
                     isWide ? 4 : 2);
}

SmallVector<Value> FFTEmitter::rowsFrom(Value base, Value stride,
                                        int64_t count) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(i == 0 ? base : add(base, mul(stride, index(i))));
  return rows;
}

/// Row slices, part by part.
SmallVector<Value> FFTEmitter::readRows(ValueRange work, ArrayRef<Value> rows) {
  Values values;
  auto type = RankedTensorType::get({lanes}, real);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  for (Value part : work)
    for (Value row : rows)
      values.push_back(tensor::ExtractSliceOp::create(
          b, loc, type, part, ArrayRef<OpFoldResult>{row, zero},
          ArrayRef<OpFoldResult>{one, b.getIndexAttr(lanes)},
          ArrayRef<OpFoldResult>{one, one}));
  return values;
}

SmallVector<Value> FFTEmitter::writeRows(ValueRange work, ArrayRef<Value> rows,
                                         ValueRange values) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Values written;
  unsigned next = 0;
  for (Value part : work) {
    for (Value row : rows)
      part = tensor::InsertSliceOp::create(
          b, loc, values[next++], part, ArrayRef<OpFoldResult>{row, zero},
          ArrayRef<OpFoldResult>{one, b.getIndexAttr(lanes)},
          ArrayRef<OpFoldResult>{one, one});
    written.push_back(part);
  }
  return written;
}

SmallVector<Value> FFTEmitter::clearRows(ValueRange work, Value begin,
                                         Value end) {
  return buildFor(b, loc, begin, end, work, [&](Value row, ValueRange args) {
    Value zeros = buildFilled(b, loc, {b.getIndexAttr(lanes)}, real, 0.0);
    return writeRows(args, row, Values(args.size(), zeros));
  });
}

static Num makeNumber(NumBuilder &, ArrayRef<Value> parts) {
  return {parts[0], parts[1]};
}
static Wide makeNumber(LooseWideBuilder &wide, ArrayRef<Value> parts) {
  return wide.fromParts(parts);
}
static SmallVector<Value> getParts(NumBuilder &, Num x) { return {x.re, x.im}; }
static SmallVector<Value> getParts(LooseWideBuilder &wide, Wide x) {
  return wide.toParts(x);
}

/// Runs `body` on rows of numbers in place; `extra` rows are read beside them.
template <typename Builder, typename Body>
static SmallVector<Value> mapNumbers(OpBuilder &b, Location loc, Type real,
                                     unsigned numParts, ValueRange rows,
                                     ValueRange extra, Body body) {
  using Number = decltype(makeNumber(std::declval<Builder &>(), {}));
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> ins, outs;
  for (Value value : extra)
    ins.push_back({value, identity});
  for (Value value : rows)
    outs.push_back({value, identity});
  return buildGeneric(
      b, loc, 1, ins, outs,
      [&](OpBuilder &nested, Location at, ValueRange args) {
        Builder num(nested, at, real);
        auto group = [&](ValueRange scalars) {
          SmallVector<Number> numbers;
          for (size_t i = 0, n = scalars.size() / numParts; i < n; ++i) {
            SmallVector<Value> parts;
            for (unsigned part = 0; part < numParts; ++part)
              parts.push_back(scalars[part * n + i]);
            numbers.push_back(makeNumber(num, parts));
          }
          return numbers;
        };
        SmallVector<Number> x = group(args.take_front(ins.size()));
        SmallVector<Number> z = group(args.drop_front(ins.size()));
        body(num, MutableArrayRef<Number>(z), ArrayRef<Number>(x));
        SmallVector<Value> values(args.size() - ins.size());
        for (auto [i, number] : llvm::enumerate(z))
          for (auto [part, value] : llvm::enumerate(getParts(num, number)))
            values[part * z.size() + i] = value;
        return values;
      });
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

SmallVector<Value> FFTEmitter::emitRound(ValueRange work, Value base,
                                         const Run &run, Value level,
                                         bool inverse) {
  Value block = blockSize(run, level);
  Round round{run.radix, base, divideByRadix(run, block),
              sub(asValue(b, loc, size), block), inverse};
  bool isUnrolled =
      run.radix <= FFTPlan::kMaxUnrolledRadix || llvm::isPowerOf2_64(run.radix);
  return buildFor(b, loc, index(0), round.part, work,
                  [&](Value k, ValueRange args) {
                    return isUnrolled ? emitStep(args, round, k)
                                      : emitLoopStep(args, round, k);
                  });
}

SmallVector<Value>
FFTEmitter::forEachLeaf(ValueRange work,
                        function_ref<Values(ValueRange, Value)> body) {
  Value leaves = countLeaves();
  auto visit = [&](Value begin, Value count, ValueRange values) {
    return buildFor(
        b, loc, index(0), count, values,
        [&](Value i, ValueRange args) { return body(args, add(begin, i)); });
  };
  if (!isShared || blocks == 1)
    return visit(index(0), leaves, work);
  Value perBlock = arith::DivUIOp::create(b, loc, leaves, index(blocks));
  Values done = buildFor(b, loc, index(0), index(blocks), work,
                         [&](Value block, ValueRange args) {
                           return visit(mul(block, perBlock), perBlock, args);
                         });
  markIndependent(done);
  return done;
}

SmallVector<Value> FFTEmitter::emitStep(ValueRange work, const Round &round,
                                        Value k) {
  int64_t radix = round.radix;
  SmallVector<Value> rows = rowsFrom(add(round.base, k), round.part, radix);
  SmallVector<Values> w = readTwiddles(round, k);
  Values values =
      mapRows(readRows(work, rows), {}, [&](auto &num, auto z, auto) {
        auto twist = [&] {
          for (int64_t q = 1; q < radix; ++q)
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

/// Sums and differences of rows j and radix - j: tables of real and imaginary
/// parts whose row j holds the sum, row radix - j the difference, row 0 z_0.
SmallVector<Value> FFTEmitter::emitPairs(ValueRange work, const Round &round,
                                         Value k) {
  SmallVector<OpFoldResult> shape = {b.getIndexAttr(round.radix),
                                     b.getIndexAttr(lanes)};
  Values pairs = {tensor::EmptyOp::create(b, loc, shape, real),
                  tensor::EmptyOp::create(b, loc, shape, real)};
  Value origin = add(round.base, k);
  pairs = writeRows(pairs, index(0), readRows(work, origin));
  return buildFor(
      b, loc, index(1), index((round.radix + 1) / 2), pairs,
      [&](Value j, ValueRange args) {
        Value opposite = sub(index(round.radix), j);
        SmallVector<Value> rows = {add(origin, mul(j, round.part)),
                                   add(origin, mul(opposite, round.part))};
        Values values = mapNumbers<NumBuilder>(
            b, loc, real, 2, readRows(work, rows), {},
            [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num>) {
              Num sum = num.add(z[0], z[1]);
              z[1] = num.sub(z[0], z[1]);
              z[0] = sum;
            });
        return writeRows(args, {j, opposite}, values);
      });
}

/// sum_j cos(2 pi jq/p) a_j and sum_j sin(2 pi jq/p) b_j over the pairs: rows
/// of real and of imaginary parts. Long sums are cut into short ones, whose
/// rounding errors are smaller.
SmallVector<Value> FFTEmitter::emitCombination(ValueRange pairs, int64_t radix,
                                               Value q) {
  constexpr int64_t kShort = 8;
  const Values *table = nullptr;
  for (auto &[points, own] : radixRoots)
    if (points == radix)
      table = &own;
  Value zeros = buildFilled(b, loc, {b.getIndexAttr(lanes)}, real, 0.0);
  Values none(4, zeros);
  auto addProduct = [&](Value j, ValueRange sums) {
    Value i = arith::RemUIOp::create(b, loc, mul(j, q), index(radix));
    Value cosine = tensor::ExtractOp::create(b, loc, (*table)[0], i);
    Value sine = tensor::ExtractOp::create(b, loc, (*table)[1], i);
    Values rows = readRows(pairs, {j, sub(index(radix), j)});
    return mapNumbers<NumBuilder>(
        b, loc, real, 2, sums, rows,
        [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num> pair) {
          z[0] = num.mulAdd({cosine, Value()}, pair[0], z[0]);
          z[1] = num.mulAdd({sine, Value()}, pair[1], z[1]);
        });
  };
  int64_t end = (radix + 1) / 2;
  Value numShort = index(llvm::divideCeil(end - 1, kShort));
  return buildFor(
      b, loc, index(0), numShort, none, [&](Value part, ValueRange sums) {
        Value begin = add(mul(part, index(kShort)), index(1));
        Value stop = arith::MinUIOp::create(b, loc, add(begin, index(kShort)),
                                            index(end));
        Values shortSum = buildFor(b, loc, begin, stop, none, addProduct);
        return mapNumbers<NumBuilder>(
            b, loc, real, 2, sums, shortSum,
            [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num> x) {
              for (auto [total, value] : llvm::zip_equal(z, x))
                total = num.add(total, value);
            });
      });
}

SmallVector<Value> FFTEmitter::emitLoopStep(ValueRange work, const Round &round,
                                            Value k) {
  int64_t radix = round.radix;
  Values pairs = emitPairs(work, round, k);
  Value origin = add(round.base, k);
  Values total =
      buildFor(b, loc, index(1), index((radix + 1) / 2),
               readRows(pairs, index(0)), [&](Value j, ValueRange sums) {
                 return mapNumbers<NumBuilder>(
                     b, loc, real, 2, sums, readRows(pairs, j),
                     [&](NumBuilder &num, MutableArrayRef<Num> z,
                         ArrayRef<Num> x) { z[0] = num.add(z[0], x[0]); });
               });
  Values written = writeRows(work, origin, total);
  return buildFor(
      b, loc, index(1), index((radix + 1) / 2), written,
      [&](Value q, ValueRange args) {
        Value opposite = sub(index(radix), q);
        Value first =
            sub(add(round.firstTwiddle, mul(k, index(radix - 1))), index(1));
        Values below = readTwiddle(add(first, q), false),
               above = readTwiddle(add(first, opposite), false);
        Values values = mapNumbers<NumBuilder>(
            b, loc, real, 2, emitCombination(pairs, radix, q),
            readRows(pairs, index(0)),
            [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num> x) {
              Num even = num.add(x[0], z[0]), odd = z[1];
              z[0] = num.mul(
                  {num.addf(even.re, odd.im), num.subf(even.im, odd.re)},
                  makeNumber(num, below));
              z[1] = num.mul(
                  {num.subf(even.re, odd.im), num.addf(even.im, odd.re)},
                  makeNumber(num, above));
            });
        SmallVector<Value> rows = {add(origin, mul(q, round.part)),
                                   add(origin, mul(opposite, round.part))};
        return writeRows(args, rows, values);
      });
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
  return buildFor(
      b, loc, begin, end, index(0), [&](Value level, ValueRange count) {
        Value rest =
            arith::RemUIOp::create(b, loc, base, blockSize(run, level));
        Value begins = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                             rest, index(0));
        Value one =
            arith::IndexCastUIOp::create(b, loc, b.getIndexType(), begins);
        return Values{add(count[0], one)};
      })[0];
}

SmallVector<Value> FFTEmitter::emitRoundsBefore(ValueRange work,
                                                Value leafNumber) {
  Value base = mul(leafNumber, index(leaf));
  Values values = work;
  for (const Run &run : runs) {
    Value end = asValue(b, loc, run.end);
    values = buildFor(b, loc, sub(end, countRounds(run, leafNumber)), end,
                      values, [&](Value level, ValueRange args) {
                        return emitRound(args, base, run, level,
                                         /*inverse=*/false);
                      });
  }
  return values;
}

SmallVector<Value> FFTEmitter::emitRoundsAfter(ValueRange work,
                                               Value leafNumber) {
  Value next = add(leafNumber, index(1));
  Value end = mul(next, index(leaf));
  Values values = work;
  for (const Run &run : llvm::reverse(runs)) {
    Value last = sub(asValue(b, loc, run.end), index(1));
    values = buildFor(b, loc, index(0), countRounds(run, next), values,
                      [&](Value i, ValueRange args) {
                        Value level = sub(last, i);
                        Value base = sub(end, blockSize(run, level));
                        return emitRound(args, base, run, level,
                                         /*inverse=*/true);
                      });
  }
  return values;
}

SmallVector<Value> FFTEmitter::emitLeaf(ValueRange work, ValueRange spectrum,
                                        Value base) {
  SmallVector<Value> rows = rowsFrom(base, index(1), leaf);
  Values factors;
  SmallVector<Values> shared;
  if (!spectrum.empty()) {
    auto type = cast<RankedTensorType>(spectrum[0].getType());
    if (type.getDimSize(1) == lanes)
      factors = readRows(spectrum, rows);
    else
      for (Value row : rows) {
        Values &parts = shared.emplace_back();
        for (Value part : spectrum)
          parts.push_back(
              tensor::ExtractOp::create(b, loc, part, {row, index(0)}));
      }
  }
  Values values =
      mapRows(readRows(work, rows), factors, [&](auto &num, auto z, auto k) {
        emitButterfly(num, z, /*inverse=*/false);
        if (spectrum.empty())
          return;
        for (size_t i = 0; i < z.size(); ++i)
          z[i] =
              num.mul(z[i], shared.empty() ? k[i] : makeNumber(num, shared[i]));
        emitButterfly(num, z, /*inverse=*/true);
      });
  return writeRows(work, rows, values);
}

SmallVector<Value> FFTEmitter::emitForward(ValueRange work) {
  if (splitsBorder())
    return withoutBorder().emitForward(emitBorder(work, /*inverse=*/false));
  return forEachLeaf(work, [&](ValueRange args, Value i) {
    Values down = emitRoundsBefore(args, i);
    return emitLeaf(down, {}, mul(i, index(leaf)));
  });
}

SmallVector<Value> FFTEmitter::emitConvolution(ValueRange work,
                                               ValueRange spectrum) {
  if (splitsBorder()) {
    Values down = emitBorder(work, /*inverse=*/false);
    return emitBorder(withoutBorder().emitConvolution(down, spectrum),
                      /*inverse=*/true);
  }
  return forEachLeaf(work, [&](ValueRange args, Value i) {
    Values down = emitRoundsBefore(args, i);
    Values done = emitLeaf(down, spectrum, mul(i, index(leaf)));
    return emitRoundsAfter(done, i);
  });
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
  return add(carried[0], carried[1]);
}
