//===- FFTTables.cpp - Factors of transforms ------------------------------===//
//
// Twiddle factors of the rounds, weights of a right-angle convolution, and the
// roots of large odd radices, each rounded once.
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"
#include "Tables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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

/// w^k exp(-2 pi i q k / size) is root k (1 - 4 q) of 4 size.
void FFTEmitter::emitBorderTwiddles() {
  RootsOfUnity &table = getRoots();
  int64_t radix = getBorderRadix();
  borderTwiddles = makeTables(b, loc, real, size, 2);
  borderTwiddles =
      buildFor(b, loc, index(0), getBorder(/*inverse=*/false).part,
               borderTwiddles, [&](Value k, ValueRange carried) {
                 Values row(carried);
                 for (int64_t q = 0; q < radix; ++q) {
                   Num w = table.lookUp(mul(k, index(q == 0 ? 1 : 4 * q - 1)));
                   if (q > 0)
                     w.im = arith::NegFOp::create(b, loc, w.im);
                   row = writeEntry(b, loc, {w.re, w.im}, row,
                                    add(mul(k, index(radix)), index(q)));
                 }
                 return row;
               });
  if (isLarge())
    markIndependent(borderTwiddles);
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
  Value row = arith::DivUIOp::create(b, loc, t, getBorder(false).part);
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
