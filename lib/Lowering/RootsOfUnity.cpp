//===- RootsOfUnity.cpp - Tables of roots of unity ------------------------===//
#include "RootsOfUnity.h"

#include "Tables.h"
#include "TileLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

/// Enough for every index, and for every order below 2^62.
static constexpr int64_t kMaxBits = 62;

static Value castToF64(OpBuilder &b, Location loc, Value index) {
  Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, loc, b.getF64Type(), integer);
}

Value RootsOfUnity::index(int64_t value) {
  return asValue(b, loc, b.getIndexAttr(value));
}

RootsOfUnity::RootsOfUnity(OpBuilder &b, Location loc, Type real,
                           OpFoldResult order)
    : b(b), loc(loc), wide(b, loc, real), real(real) {
  Value orderValue = asValue(b, loc, order);
  OpFoldResult numLow, numHigh;
  if (auto known = getConstantIntValue(order)) {
    int64_t bits = (llvm::Log2_64_Ceil(*known) + 1) / 2;
    lowBits = index(bits);
    numLow = b.getIndexAttr(int64_t(1) << bits);
    numHigh = b.getIndexAttr(((*known - 1) >> bits) + 1);
  } else {
    Value last = arith::SubIOp::create(b, loc, orderValue, index(1));
    Value zeros = math::CountLeadingZerosOp::create(
        b, loc, arith::IndexCastOp::create(b, loc, b.getI64Type(), last));
    Value unused = arith::IndexCastOp::create(b, loc, b.getIndexType(), zeros);
    Value bits = arith::SubIOp::create(b, loc, index(65), unused);
    lowBits = arith::ShRUIOp::create(b, loc, bits, index(1));
    numLow = arith::ShLIOp::create(b, loc, index(1), lowBits).getResult();
    Value blocks = arith::ShRUIOp::create(b, loc, last, lowBits);
    numHigh = arith::AddIOp::create(b, loc, blocks, index(1)).getResult();
  }
  Values bits = emitBits(orderValue);
  low = emitTable(numLow, bits, index(0));
  high = emitTable(numHigh, bits, lowBits);
}

SmallVector<Value> RootsOfUnity::emitFirst(Value order) {
  // The angle is at most pi, and pi^48 / 48! < 2^-120.
  constexpr int64_t kTerms = 48;
  WideBuilder exact(b, loc, b.getF64Type());
  Value points = castToF64(b, loc, order);
  WideReal angle = exact.div(
      exact.constant(6.283185307179586, 2.4492935982947064e-16), points);
  Values start = exact.toParts(exact.one());
  start.append(exact.toParts(exact.one()));
  Values done = buildFor(
      b, loc, index(1), index(kTerms), start, [&](Value k, ValueRange args) {
        Wide term = exact.fromParts(args.take_front(4));
        Wide sum = exact.fromParts(args.drop_front(4));
        WideReal step = exact.div(angle, castToF64(b, loc, k));
        term = {exact.neg(exact.mul(term.im, step)), exact.mul(term.re, step)};
        sum = {exact.add(sum.re, term.re), exact.add(sum.im, term.im)};
        Values next = exact.toParts(term);
        next.append(exact.toParts(sum));
        return next;
      });
  return Values(llvm::drop_begin(done, 4));
}

SmallVector<Value> RootsOfUnity::emitBits(Value order) {
  WideBuilder exact(b, loc, b.getF64Type());
  bool isDouble = real.isF64();
  Values carried = emitFirst(order);
  carried.append(makeTables(b, loc, b.getF64Type(),
                            OpFoldResult(b.getIndexAttr(kMaxBits)),
                            WideBuilder::numParts(real)));
  Values done =
      buildFor(b, loc, index(0), index(kMaxBits), carried,
               [&](Value k, ValueRange args) {
                 Wide root = exact.fromParts(args.take_front(4));
                 Values parts = exact.toParts(root);
                 if (!isDouble)
                   parts = {root.re.high, root.im.high};
                 Values next = exact.toParts(exact.mul(root, root));
                 next.append(writeEntry(b, loc, parts, args.drop_front(4), k));
                 return next;
               });
  return Values(llvm::drop_begin(done, 4));
}

SmallVector<Value> RootsOfUnity::emitTable(OpFoldResult count, ValueRange bits,
                                           Value firstBit) {
  Values tables = makeTables(b, loc, b.getF64Type(), count, bits.size());
  tables = writeEntry(b, loc, wide.toParts(wide.one()), tables, index(0));
  return buildFor(
      b, loc, index(1), asValue(b, loc, count), tables,
      [&](Value j, ValueRange args) {
        Value less = arith::SubIOp::create(b, loc, j, index(1));
        Value rest = arith::AndIOp::create(b, loc, j, less);
        Value zeros = math::CountTrailingZerosOp::create(
            b, loc, arith::IndexCastOp::create(b, loc, b.getI64Type(), j));
        Value bit = arith::AddIOp::create(
            b, loc, firstBit,
            arith::IndexCastOp::create(b, loc, b.getIndexType(), zeros));
        Wide root = wide.mul(readAt(args, rest), readAt(bits, bit));
        return writeEntry(b, loc, wide.toParts(root), args, j);
      });
}

Wide RootsOfUnity::readAt(ValueRange table, Value i) {
  return wide.fromParts(readEntry(b, loc, table, i));
}

std::pair<Wide, Wide> RootsOfUnity::readFactors(Value j) {
  Value blocks = arith::ShRUIOp::create(b, loc, j, lowBits);
  Value rest = arith::SubIOp::create(
      b, loc, j, arith::ShLIOp::create(b, loc, blocks, lowBits));
  return {readAt(high, blocks), readAt(low, rest)};
}

Num RootsOfUnity::lookUp(Value j) {
  auto [x, y] = readFactors(j);
  return wide.mulRounded(x, y);
}

Wide RootsOfUnity::lookUpWide(Value j) {
  auto [x, y] = readFactors(j);
  return wide.mul(x, y);
}
