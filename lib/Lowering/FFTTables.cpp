//===- FFTTables.cpp - Factors of transforms ------------------------------===//
//
// Twiddle factors of the rounds, weights of a right-angle convolution, and the
// roots of large odd radices, each rounded once.
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"
#include "Tables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

RootsOfUnity &FFTEmitter::getRoots() {
  if (!roots)
    roots.emplace(b, loc, real,
                  affine(b, loc, b.getAffineSymbolExpr(0) * 4, size));
  return *roots;
}

void FFTEmitter::emitTables(bool hasWeights) {
  isWeighted = hasWeights && getBorderRadix() > 0;
  if (hasConstantTables())
    return emitConstantTables(hasWeights);
  if (isWeighted) {
    emitBorderTwiddles();
    tablePoints = affine(
        b, loc, b.getAffineSymbolExpr(0).floorDiv(getBorderRadix()), size);
  } else if (hasWeights) {
    emitWeights();
  }
  emitTwiddles();
}

void FFTEmitter::emitWeights() {
  RootsOfUnity &table = getRoots();
  weights = makeTables(b, loc, real, size, 2);
  weights = buildFor(b, loc, index(0), asValue(b, loc, size), weights,
                     [&](Value t, ValueRange args) {
                       Num w = table.lookUp(t);
                       return writeEntry(b, loc, {w.re, w.im}, args, t);
                     });
  if (isLarge())
    markIndependent(weights);
}

/// w^k exp(-2 pi i q k / size) is root k (1 - 4 q) of 4 size. Row i has those
/// of k = i stride for all q, not rounded.
Value FFTEmitter::emitFactorRows(OpFoldResult count, Value stride) {
  RootsOfUnity &table = getRoots();
  WideBuilder wide(b, loc, real);
  int64_t radix = getBorderRadix();
  Value rows = makeWorkTile(b, loc, b.getF64Type(), count,
                            WideBuilder::numParts(real), radix);
  return buildFor(
      b, loc, index(0), asValue(b, loc, count), rows,
      [&](Value i, Value filled) {
        Value k = mul(i, stride);
        for (int64_t q = 0; q < radix; ++q) {
          Wide w = table.lookUpWide(mul(k, index(q == 0 ? 1 : 4 * q - 1)));
          if (q > 0)
            w.im = wide.neg(w.im);
          for (auto [part, value] : llvm::enumerate(wide.toParts(w)))
            filled = tensor::InsertOp::create(
                b, loc, value, filled, ValueRange{i, index(part), index(q)});
        }
        return filled;
      });
}

/// The product of row `i` of one such tile and row `j` of another, rounded, in
/// the factors of butterfly `k`.
SmallVector<Value> FFTEmitter::writeFactors(ValueRange tables, Value k, Value x,
                                            Value i, Value y, Value j) {
  int64_t radix = getBorderRadix();
  OpFoldResult begin = mul(k, index(radix)), width = b.getIndexAttr(radix),
               one = b.getIndexAttr(1);
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> ins, outs;
  for (auto [tile, row] : {std::pair(x, i), std::pair(y, j)})
    for (Value part : readParts(b, loc, tile, row, width, /*rank=*/1))
      ins.push_back({part, identity});
  for (Value table : tables)
    outs.push_back({tensor::ExtractSliceOp::create(
                        b, loc, RankedTensorType::get({radix}, real), table,
                        begin, width, one),
                    identity});
  Values rounded = buildGeneric(
      b, loc, 1, ins, outs,
      [&](OpBuilder &nested, Location at, ValueRange args) {
        WideBuilder wide(nested, at, real);
        size_t parts = ins.size() / 2;
        Num w = wide.mulRounded(wide.fromParts(args.take_front(parts)),
                                wide.fromParts(args.slice(parts, parts)));
        return Values{w.re, w.im};
      });
  Values written;
  for (auto [row, table] : llvm::zip_equal(rounded, tables))
    written.push_back(
        tensor::InsertSliceOp::create(b, loc, row, table, begin, width, one));
  return written;
}

/// A power of two near the root of `count`.
static Value nearRoot(OpBuilder &b, Location loc, Value count) {
  if (std::optional<int64_t> known = getConstantIntValue(count))
    return asValue(
        b, loc, b.getIndexAttr(int64_t(1) << (llvm::Log2_64(*known) + 1) / 2));
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), count);
  Value zeros = arith::IndexCastOp::create(
      b, loc, b.getIndexType(),
      math::CountLeadingZerosOp::create(b, loc, wide));
  auto constant = [&](int64_t x) { return asValue(b, loc, b.getIndexAttr(x)); };
  Value bits = arith::SubIOp::create(b, loc, constant(64), zeros);
  return arith::ShLIOp::create(
      b, loc, constant(1), arith::ShRUIOp::create(b, loc, bits, constant(1)));
}

static OpFoldResult ceilDiv(OpBuilder &b, Location loc, Value x, Value y) {
  auto xKnown = getConstantIntValue(x), yKnown = getConstantIntValue(y);
  if (xKnown && yKnown)
    return b.getIndexAttr(llvm::divideCeil(*xKnown, *yKnown));
  return arith::CeilDivUIOp::create(b, loc, x, y).getResult();
}

/// Factors of butterfly k = j inner + i are products of those of j inner and of
/// i: the roots are looked up for these only.
void FFTEmitter::emitBorderTwiddles() {
  Value part = getBorder(/*inverse=*/false).part,
        inner = nearRoot(b, loc, part);
  OpFoldResult outer = ceilDiv(b, loc, part, inner);
  std::optional<int64_t> known = getConstantIntValue(part);
  bool isMultiple = known && *known % *getConstantIntValue(inner) == 0;
  Value near = emitFactorRows(getAsOpFoldResult(inner), index(1)),
        far = emitFactorRows(outer, inner);
  borderTwiddles = makeTables(b, loc, real, size, 2);
  borderTwiddles = buildFor(
      b, loc, index(0), asValue(b, loc, outer), borderTwiddles,
      [&](Value j, ValueRange carried) {
        Value first = mul(j, inner);
        Value count = inner;
        if (!isMultiple)
          count = arith::MinUIOp::create(b, loc, inner, sub(part, first));
        return buildFor(
            b, loc, index(0), count, carried, [&](Value i, ValueRange args) {
              return writeFactors(args, add(first, i), far, j, near, i);
            });
      });
  if (isLarge())
    markIndependent(borderTwiddles);
}

/// t / part. A part that is not known is a power of two, or three times one: a
/// division by a value takes as long as the rest of a row.
Value FFTEmitter::borderRowOf(Value t) {
  if (!partBits)
    return arith::DivUIOp::create(b, loc, t, getBorder(false).part);
  Value powers = arith::ShRUIOp::create(b, loc, t, partBits);
  Value thirds = arith::DivUIOp::create(b, loc, powers, index(3));
  return arith::SelectOp::create(b, loc, partHasThree, thirds, powers);
}

Num FFTEmitter::weightOf(Value t) {
  if (!isWeighted)
    return {tensor::ExtractOp::create(b, loc, weights[0], t),
            tensor::ExtractOp::create(b, loc, weights[1], t)};
  // That of its border row; the rest is in the twiddle factors.
  int64_t radix = getBorderRadix();
  SmallVector<Attribute> re, im;
  for (int64_t j = 0; j < radix; ++j) {
    auto [cosine, sine] = borderWeight(j);
    re.push_back(b.getFloatAttr(real, cosine));
    im.push_back(b.getFloatAttr(real, sine));
  }
  auto type = RankedTensorType::get({radix}, real);
  Value row = borderRowOf(t);
  auto lookUp = [&](ArrayRef<Attribute> parts) {
    Value table =
        arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, parts));
    return tensor::ExtractOp::create(b, loc, table, row);
  };
  return {lookUp(re), lookUp(im)};
}

void FFTEmitter::emitTwiddles() {
  RootsOfUnity &table = getRoots();
  OpFoldResult count =
      affine(b, loc, b.getAffineSymbolExpr(0) - leaf, tablePoints);
  twiddles = makeTables(b, loc, real, count, isWide ? 4 : 2);
  WideBuilder wide(b, loc, real);
  auto conjugate = [&](Value j) -> Values {
    if (!isWide) {
      Num w = table.lookUp(j);
      return {w.re, arith::NegFOp::create(b, loc, w.im)};
    }
    Wide w = table.lookUpWide(j);
    return wide.toParts({w.re, wide.neg(w.im)});
  };
  // The border has its own where it is weighted.
  SmallVector<Run> rounds = isWeighted ? withoutBorder().runs : runs;
  for (const Run &run : rounds) {
    // exp(-2 pi i q k / block) is root 4 q k size / block, conjugated.
    auto fillRow = [&](Value k, Value unit, Value first, ValueRange row) {
      return buildFor(b, loc, index(1), index(run.radix), row,
                      [&](Value q, ValueRange args) {
                        return writeEntry(b, loc,
                                          conjugate(mul(mul(q, k), unit)), args,
                                          sub(add(first, q), index(1)));
                      });
    };
    twiddles = buildFor(
        b, loc, asValue(b, loc, run.begin), asValue(b, loc, run.end), twiddles,
        [&](Value level, ValueRange carried) {
          Value block = blockSize(run, level), all = asValue(b, loc, size);
          Value begin = sub(asValue(b, loc, tablePoints), block);
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
    Values own = makeTables(b, loc, real, points, 2);
    own = buildFor(b, loc, index(0), index(run.radix), own,
                   [&](Value j, ValueRange args) {
                     Num w = table.lookUp(mul(j, unit));
                     return writeEntry(b, loc, {w.re, w.im}, args, j);
                   });
    radixRoots.push_back({run.radix, own});
  }
}

SmallVector<Value> FFTEmitter::readFactor(ValueRange table, Value position,
                                          bool inverse) {
  Values parts;
  for (auto [i, values] : llvm::enumerate(table)) {
    Value part = tensor::ExtractOp::create(b, loc, values, position);
    bool isImaginary = i >= table.size() / 2;
    if (inverse && isImaginary)
      part = arith::NegFOp::create(b, loc, part);
    parts.push_back(part);
  }
  return parts;
}

SmallVector<SmallVector<Value>> FFTEmitter::readTwiddles(const Round &round,
                                                         Value k) {
  SmallVector<Values> w(round.radix);
  int64_t begin = round.isWeighted ? 0 : 1, count = round.radix - begin;
  Value first = add(round.firstTwiddle, mul(k, index(count)));
  for (int64_t i = 0; i < count; ++i)
    w[begin + i] = readFactor(round.isWeighted ? borderTwiddles : twiddles,
                              add(first, index(i)), round.inverse);
  return w;
}
