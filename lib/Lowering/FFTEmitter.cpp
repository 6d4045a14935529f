//===- FFTEmitter.cpp - Transforms of work tiles --------------------------===//
#include "FFTEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace ssm;

//===----------------------------------------------------------------------===//
// Butterflies
//===----------------------------------------------------------------------===//

/// z * exp(-+ 2 pi i k / n), without multiplications by 1, -1, i and -i.
static Num rotate(NumBuilder &num, Num z, int64_t k, int64_t n, bool inverse) {
  k %= n;
  if (k == 0)
    return z;
  if (4 * k == n) {
    Value negative = num.negf(inverse ? z.im : z.re);
    return inverse ? Num{negative, z.re} : Num{z.im, negative};
  }
  double angle = 2 * llvm::numbers::pi * k / n;
  Num re = num.constant(std::cos(angle)), im = num.constant(std::sin(angle));
  if (8 * k == n) {
    // (1 -+ i) / sqrt(2)
    Value sum = num.addf(z.re, z.im), difference = num.subf(z.re, z.im);
    Value p = num.mulf(sum, re.re), q = num.mulf(difference, re.re);
    if (!inverse)
      return {p, num.mulf(num.subf(z.im, z.re), re.re)};
    return {q, p};
  }
  Num w{re.re, inverse ? im.re : num.constant(-std::sin(angle)).re};
  return num.mul(z, w);
}

void ssm::emitButterfly(NumBuilder &num, MutableArrayRef<Num> z, bool inverse) {
  size_t n = z.size();
  if (n == 1)
    return;
  SmallVector<Num> even, odd;
  for (size_t i = 0; i < n; i += 2) {
    even.push_back(z[i]);
    odd.push_back(z[i + 1]);
  }
  emitButterfly(num, even, inverse);
  emitButterfly(num, odd, inverse);
  for (size_t k = 0; k < n / 2; ++k) {
    Num t = rotate(num, odd[k], k, n, inverse);
    z[k] = num.add(even[k], t);
    z[k + n / 2] = num.sub(even[k], t);
  }
}

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

FFTEmitter::FFTEmitter(OpBuilder &b, Location loc, Type real, FFTPlan plan,
                       int64_t lanes)
    : b(b), loc(loc), real(real), leaf(plan.leaf), radix(plan.radix),
      lanes(lanes), size(b.getIndexAttr(plan.size())),
      levels(b.getIndexAttr(plan.levels)) {}

FFTEmitter::FFTEmitter(OpBuilder &b, Location loc, Type real, Value length,
                       int64_t lanes)
    : b(b), loc(loc), real(real), leaf(FFTPlan::forDynamicSize().leaf),
      radix(FFTPlan::forDynamicSize().radix), lanes(lanes) {
  // Rounds for the bits of length - 1, two by two; the leaf takes one pair.
  Value atLeast = arith::MaxSIOp::create(b, loc, length, index(leaf));
  Value last = arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                          sub(atLeast, index(1)));
  Value leading = math::CountLeadingZerosOp::create(b, loc, last);
  Value bits = sub(
      index(64), arith::IndexCastOp::create(b, loc, b.getIndexType(), leading));
  Value pairs = arith::CeilDivUIOp::create(b, loc, bits, index(2));
  levels = sub(pairs, index(1));
  size = shl(index(1), mul(pairs, index(2)));
}

Value FFTEmitter::blockSize(Value level) {
  Value bits = mul(level, index(llvm::Log2_64(radix)));
  return arith::ShRUIOp::create(b, loc, asValue(b, loc, size), bits);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Fills `count` entries with exp(i * unit * entry), cosines and sines.
static SmallVector<Value> emitUnitCircle(OpBuilder &b, Location loc,
                                         Value count, Value unit) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> outs;
  for (int part = 0; part < 2; ++part)
    outs.push_back(
        {tensor::EmptyOp::create(b, loc, {OpFoldResult(count)}, b.getF64Type()),
         identity});
  return buildGeneric(
      b, loc, 1, {}, outs, [&](OpBuilder &nested, Location at, ValueRange) {
        Value i = linalg::IndexOp::create(nested, at, 0);
        Value wide =
            arith::IndexCastOp::create(nested, at, nested.getI64Type(), i);
        Value x =
            arith::SIToFPOp::create(nested, at, nested.getF64Type(), wide);
        Value angle = arith::MulFOp::create(nested, at, x, unit);
        return SmallVector<Value>{math::CosOp::create(nested, at, angle),
                                  math::SinOp::create(nested, at, angle)};
      });
}

/// Two tables of about 2 sqrt(size) roots, whose products are all of them.
void FFTEmitter::emitRoots() {
  if (!lowRoots.empty())
    return;
  Value order = mul(asValue(b, loc, size), index(4));
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), order);
  Value bits = arith::IndexCastOp::create(
      b, loc, b.getIndexType(),
      math::CountTrailingZerosOp::create(b, loc, wide));
  lowBits = arith::CeilDivUIOp::create(b, loc, bits, index(2));
  Value numLow = shl(index(1), lowBits);
  Value numHigh = arith::ShRUIOp::create(b, loc, order, lowBits);
  auto unitOf = [&](Value parts) -> Value {
    Value circle = arith::ConstantOp::create(
        b, loc, b.getF64FloatAttr(2 * llvm::numbers::pi));
    Value count = arith::SIToFPOp::create(
        b, loc, b.getF64Type(),
        arith::IndexCastOp::create(b, loc, b.getI64Type(), parts));
    return arith::DivFOp::create(b, loc, circle, count);
  };
  lowRoots = emitUnitCircle(b, loc, numLow, unitOf(order));
  highRoots = emitUnitCircle(b, loc, numHigh, unitOf(numHigh));
}

Num FFTEmitter::lookUpRoot(Value j) {
  Value mask = sub(shl(index(1), lowBits), index(1));
  Value low = arith::AndIOp::create(b, loc, j, mask);
  Value high = arith::ShRUIOp::create(b, loc, j, lowBits);
  auto at = [&](ValueRange table, Value i) -> Num {
    return {tensor::ExtractOp::create(b, loc, table[0], i),
            tensor::ExtractOp::create(b, loc, table[1], i)};
  };
  NumBuilder num(b, loc, b.getF64Type());
  return num.mul(at(highRoots, high), at(lowRoots, low));
}

/// `value` rounded to the working precision.
static Value roundTo(OpBuilder &b, Location loc, Type real, Value value) {
  if (value.getType() == real)
    return value;
  return arith::TruncFOp::create(b, loc, real, value);
}

SmallVector<Value> FFTEmitter::emitWeights() {
  emitRoots();
  Values tables;
  for (int part = 0; part < 2; ++part)
    tables.push_back(tensor::EmptyOp::create(b, loc, {size}, real));
  return buildFor(b, loc, index(0), asValue(b, loc, size), tables,
                  [&](Value t, ValueRange args) {
                    Num w = lookUpRoot(t);
                    return Values{
                        tensor::InsertOp::create(
                            b, loc, roundTo(b, loc, real, w.re), args[0], t),
                        tensor::InsertOp::create(
                            b, loc, roundTo(b, loc, real, w.im), args[1], t)};
                  });
}

void FFTEmitter::emitTwiddles() {
  emitRoots();
  OpFoldResult count = affine(b, loc, b.getAffineSymbolExpr(0) - leaf, size);
  Values tables;
  for (int part = 0; part < 2; ++part)
    tables.push_back(tensor::EmptyOp::create(b, loc, {count}, real));
  Value radixBits = index(llvm::Log2_64(radix));
  twiddles = buildFor(
      b, loc, index(0), asValue(b, loc, levels), tables,
      [&](Value level, ValueRange carried) {
        Value block = blockSize(level);
        Value begin = sub(asValue(b, loc, size), block);
        Value part = arith::ShRUIOp::create(b, loc, block, radixBits);
        // exp(-2 pi i q k / block) is root 4 q k radix^level, conjugated.
        Value shift = add(index(2), mul(level, radixBits));
        return buildFor(
            b, loc, index(0), part, carried, [&](Value k, ValueRange row) {
              Value first = add(begin, mul(k, index(radix - 1)));
              return buildFor(b, loc, index(1), index(radix), row,
                              [&](Value q, ValueRange args) {
                                Num w = lookUpRoot(shl(mul(q, k), shift));
                                Value position = sub(add(first, q), index(1));
                                Value im = arith::NegFOp::create(b, loc, w.im);
                                return Values{
                                    tensor::InsertOp::create(
                                        b, loc, roundTo(b, loc, real, w.re),
                                        args[0], position),
                                    tensor::InsertOp::create(
                                        b, loc, roundTo(b, loc, real, im),
                                        args[1], position)};
                              });
            });
      });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Value> FFTEmitter::makeWork() {
  SmallVector<OpFoldResult> shape = {size, b.getIndexAttr(lanes)};
  return {tensor::EmptyOp::create(b, loc, shape, real),
          tensor::EmptyOp::create(b, loc, shape, real)};
}

SmallVector<Value> FFTEmitter::rowsFrom(Value base, Value stride,
                                        int64_t count) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(i == 0 ? base : add(base, mul(stride, index(i))));
  return rows;
}

/// Row slices: all real parts, then all imaginary parts.
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

/// Runs `body` on complex rows in place; `extra` rows are read beside them.
static SmallVector<Value>
mapRows(OpBuilder &b, Location loc, Type real, ValueRange rows,
        ValueRange extra,
        function_ref<void(NumBuilder &, MutableArrayRef<Num>, ArrayRef<Num>)>
            body) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> ins, outs;
  for (Value value : extra)
    ins.push_back({value, identity});
  for (Value value : rows)
    outs.push_back({value, identity});
  auto pair = [](ValueRange args) {
    SmallVector<Num> numbers;
    for (size_t i = 0, n = args.size() / 2; i < n; ++i)
      numbers.push_back({args[i], args[n + i]});
    return numbers;
  };
  return buildGeneric(b, loc, 1, ins, outs,
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder num(nested, at, real);
                        SmallVector<Num> x = pair(args.take_front(ins.size()));
                        SmallVector<Num> z = pair(args.drop_front(ins.size()));
                        body(num, z, x);
                        SmallVector<Value> values;
                        for (const Num &number : z)
                          values.push_back(number.re);
                        for (const Num &number : z)
                          values.push_back(number.im);
                        return values;
                      });
}

//===----------------------------------------------------------------------===//
// Rounds and leaves
//===----------------------------------------------------------------------===//

SmallVector<Value> FFTEmitter::emitRound(ValueRange work, Value base,
                                         Value level, bool inverse) {
  Value block = blockSize(level);
  Value part =
      arith::ShRUIOp::create(b, loc, block, index(llvm::Log2_64(radix)));
  Value begin = sub(asValue(b, loc, size), block);
  return buildFor(b, loc, index(0), part, work, [&](Value k, ValueRange args) {
    SmallVector<Value> rows = rowsFrom(add(base, k), part, radix);
    SmallVector<Num> w(radix);
    Value first = add(begin, mul(k, index(radix - 1)));
    for (int64_t q = 1; q < radix; ++q) {
      Value position = add(first, index(q - 1));
      w[q] = {tensor::ExtractOp::create(b, loc, twiddles[0], position),
              tensor::ExtractOp::create(b, loc, twiddles[1], position)};
      if (inverse)
        w[q].im = arith::NegFOp::create(b, loc, w[q].im);
    }
    Values values =
        mapRows(b, loc, real, readRows(args, rows), {},
                [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num>) {
                  auto twist = [&] {
                    for (int64_t q = 1; q < radix; ++q)
                      z[q] = num.mul(z[q], w[q]);
                  };
                  if (inverse)
                    twist();
                  emitButterfly(num, z, inverse);
                  if (!inverse)
                    twist();
                });
    return writeRows(args, rows, values);
  });
}

Value FFTEmitter::countRounds(Value leafNumber) {
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), leafNumber);
  Value zeros = arith::IndexCastOp::create(
      b, loc, b.getIndexType(),
      math::CountTrailingZerosOp::create(b, loc, wide));
  Value rounds =
      arith::DivUIOp::create(b, loc, zeros, index(llvm::Log2_64(radix)));
  return arith::MinUIOp::create(b, loc, rounds, asValue(b, loc, levels));
}

SmallVector<Value> FFTEmitter::emitRoundsBefore(ValueRange work,
                                                Value leafNumber) {
  Value all = asValue(b, loc, levels);
  Value base = mul(leafNumber, index(leaf));
  return buildFor(b, loc, sub(all, countRounds(leafNumber)), all, work,
                  [&](Value level, ValueRange args) {
                    return emitRound(args, base, level, /*inverse=*/false);
                  });
}

SmallVector<Value> FFTEmitter::emitRoundsAfter(ValueRange work,
                                               Value leafNumber) {
  Value all = asValue(b, loc, levels);
  Value next = add(leafNumber, index(1));
  Value end = mul(next, index(leaf));
  return buildFor(b, loc, index(0), countRounds(next), work,
                  [&](Value i, ValueRange args) {
                    Value level = sub(sub(all, index(1)), i);
                    return emitRound(args, sub(end, blockSize(level)), level,
                                     /*inverse=*/true);
                  });
}

SmallVector<Value> FFTEmitter::emitLeaf(ValueRange work, ValueRange spectrum,
                                        Value base) {
  SmallVector<Value> rows = rowsFrom(base, index(1), leaf);
  Values factors;
  if (!spectrum.empty())
    factors = readRows(spectrum, rows);
  Values values =
      mapRows(b, loc, real, readRows(work, rows), factors,
              [&](NumBuilder &num, MutableArrayRef<Num> z, ArrayRef<Num> k) {
                emitButterfly(num, z, /*inverse=*/false);
                if (k.empty())
                  return;
                for (auto [x, factor] : llvm::zip_equal(z, k))
                  x = num.mul(x, factor);
                emitButterfly(num, z, /*inverse=*/true);
              });
  return writeRows(work, rows, values);
}

/// The number of leaves.
static OpFoldResult countLeaves(OpBuilder &b, Location loc, OpFoldResult size,
                                int64_t leaf) {
  return affine(b, loc, b.getAffineSymbolExpr(0).floorDiv(leaf), size);
}

SmallVector<Value> FFTEmitter::emitForward(ValueRange work) {
  Value leaves = asValue(b, loc, countLeaves(b, loc, size, leaf));
  return buildFor(b, loc, index(0), leaves, work,
                  [&](Value i, ValueRange args) {
                    Values down = emitRoundsBefore(args, i);
                    return emitLeaf(down, {}, mul(i, index(leaf)));
                  });
}

SmallVector<Value> FFTEmitter::emitConvolution(ValueRange work,
                                               ValueRange spectrum) {
  Value leaves = asValue(b, loc, countLeaves(b, loc, size, leaf));
  return buildFor(b, loc, index(0), leaves, work,
                  [&](Value i, ValueRange args) {
                    Values down = emitRoundsBefore(args, i);
                    Values done = emitLeaf(down, spectrum, mul(i, index(leaf)));
                    return emitRoundsAfter(done, i);
                  });
}

Value FFTEmitter::emitFrequency(Value position) {
  Value radixBits = index(llvm::Log2_64(radix));
  Values carried =
      buildFor(b, loc, index(0), asValue(b, loc, levels), {position, index(0)},
               [&](Value level, ValueRange args) {
                 Value part = arith::ShRUIOp::create(b, loc, blockSize(level),
                                                     radixBits);
                 Value digit = arith::DivUIOp::create(b, loc, args[0], part);
                 Value rest = arith::RemUIOp::create(b, loc, args[0], part);
                 Value weighted = shl(digit, mul(level, radixBits));
                 return Values{rest, add(args[1], weighted)};
               });
  Value weight = mul(asValue(b, loc, levels), radixBits);
  return add(carried[1], shl(carried[0], weight));
}
