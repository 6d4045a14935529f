//===- FFTTables.cpp - Factors of transforms ------------------------------===//
//
// Twiddle factors of the rounds, weights of a right-angle convolution, and the
// roots of large odd radices, each rounded once.
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"

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
