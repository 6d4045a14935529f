//===- FFTBorder.cpp - First and last rounds joined with their rows -------===//
//
// The first round of a forward transform reads its rows where they come from
// instead of the work tile, and the last round of the inverse writes them where
// they go: two passes over the work tile less, which is larger than the caches
// for long transforms.
//
// After the first round, and until the last, the work tile is as many blocks as
// the round has rows, which nothing relates. Threads that share a transform
// take butterflies of the border rounds, and blocks in between.
//
// The weight of row t = k + j n / radix is w^k w^(j n / radix). Butterfly k is
// linear, and its rows have w^k in common: it goes into the twiddle factors,
// which come after the butterfly, and what is left are `radix` constants.
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"

#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

int64_t FFTEmitter::getBorderRadix() const {
  if (isWide || runs.empty() || blocks > 1)
    return 0;
  int64_t radix = runs.front().radix;
  return radix <= FFTPlan::kMaxUnrolledRadix || llvm::isPowerOf2_64(radix)
             ? radix
             : 0;
}

FFTEmitter FFTEmitter::withoutBorder() const {
  FFTEmitter inner = *this;
  Run &first = inner.runs.front();
  inner.blocks = first.radix;
  int64_t begin = *getConstantIntValue(first.begin) + 1;
  if (getConstantIntValue(first.end) == begin) {
    inner.runs.erase(inner.runs.begin());
    return inner;
  }
  first.begin = b.getIndexAttr(begin);
  if (llvm::isPowerOf2_64(first.radix))
    first.outerBits = b.getIndexAttr(*getConstantIntValue(first.outerBits) -
                                     llvm::Log2_64(first.radix));
  return inner;
}

FFTEmitter::Round FFTEmitter::getBorder(bool inverse) {
  int64_t radix = getBorderRadix();
  Value part = asValue(
      b, loc, affine(b, loc, b.getAffineSymbolExpr(0).floorDiv(radix), size));
  return {radix, index(0), part, index(0), inverse, isWeighted};
}

Value FFTEmitter::emitBorder(Value work, bool inverse) {
  Round round = getBorder(inverse);
  Value done =
      buildFor(b, loc, index(0), round.part, work, [&](Value k, Value carried) {
        return emitStep(carried, round, k);
      });
  if (isShared)
    markIndependent(done);
  return done;
}

std::pair<double, double> FFTEmitter::borderWeight(int64_t j) {
  return rootOfUnity(j, 4 * getBorderRadix());
}

/// A row that all lanes share has no dimension.
static Indexed asRow(OpBuilder &b, Value row) {
  bool isShared = cast<RankedTensorType>(row.getType()).getRank() == 0;
  return {row, isShared ? AffineMap::get(1, 0, {}, b.getContext())
                        : b.getMultiDimIdentityMap(1)};
}

Value FFTEmitter::emitFirstStep(Value work, Value k, ArrayRef<Value> rows,
                                Value scale, Value count) {
  Round round = getBorder(/*inverse=*/false);
  SmallVector<Value> places = rowsFrom(k, round.part, round.radix);
  SmallVector<Values> w = readTwiddles(round, k);
  SmallVector<Indexed> ins, outs;
  for (Value row : rows)
    ins.push_back(asRow(b, row));
  for (Value row : readRows(work, places))
    outs.push_back(asRow(b, row));
  SmallVector<Value> exists(rows.size());
  for (size_t j = 1; count && j < rows.size(); ++j)
    exists[j] = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                      index(j), count);
  Values values = buildGeneric(
      b, loc, 1, ins, outs,
      [&](OpBuilder &nested, Location at, ValueRange scalars) {
        NumBuilder num(nested, at, real);
        Value zero = num.constant(0).re;
        SmallVector<Num> z(round.radix, {zero, zero});
        for (size_t j = 0; j < rows.size(); ++j) {
          auto [re, im] = borderWeight(j);
          Num weight{num.constant(re).re, num.constant(im).re};
          if (j == 0)
            weight.im = Value();
          for (Value *part : {&weight.re, &weight.im})
            if (exists[j] && *part)
              *part =
                  arith::SelectOp::create(nested, at, exists[j], *part, zero);
          if (scale)
            weight = num.mul(weight, {scale, Value()});
          z[j] = num.mul(num.load(scalars[j]), weight);
        }
        emitButterfly(num, MutableArrayRef<Num>(z), /*inverse=*/false);
        Values parts;
        for (auto [x, factor] : llvm::zip_equal(z, w)) {
          x = num.mul(x, {factor[0], factor[1]});
          parts.push_back(x.re);
        }
        for (Num x : z)
          parts.push_back(x.im);
        return parts;
      });
  return writeRows(work, places, values);
}

SmallVector<Value> FFTEmitter::emitLastStep(Value work, Value k,
                                            ArrayRef<Value> rows) {
  Round round = getBorder(/*inverse=*/true);
  SmallVector<Values> w = readTwiddles(round, k);
  SmallVector<Indexed> ins, outs;
  for (Value row : readRows(work, rowsFrom(k, round.part, round.radix)))
    ins.push_back(asRow(b, row));
  for (Value row : rows)
    outs.push_back(asRow(b, row));
  return buildGeneric(
      b, loc, 1, ins, outs,
      [&](OpBuilder &nested, Location at, ValueRange scalars) {
        NumBuilder num(nested, at, real);
        SmallVector<Num> z;
        for (int64_t q = 0; q < round.radix; ++q)
          z.push_back(num.mul({scalars[q], scalars[round.radix + q]},
                              {w[q][0], w[q][1]}));
        emitButterfly(num, MutableArrayRef<Num>(z), /*inverse=*/true);
        Values results;
        for (auto [j, row] : llvm::enumerate(rows)) {
          auto [re, im] = borderWeight(j);
          Value y = z[j].re;
          if (j > 0)
            y = num.addf(num.mulf(y, num.constant(re).re),
                         num.mulf(z[j].im, num.constant(im).re));
          results.push_back(num.store({y, Value()}, getElementTypeOrSelf(row)));
        }
        return results;
      });
}
