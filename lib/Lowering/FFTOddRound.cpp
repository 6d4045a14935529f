//===- FFTOddRound.cpp - Butterflies of large odd radices -----------------===//
//
// A butterfly of p points as loops, by the symmetry of the roots: with
// a_j = z_j + z_{p-j} and b_j = z_j - z_{p-j},
//
//   Z_q, Z_{p-q} = z_0 + sum_j cos(2 pi jq/p) a_j -+ i sum_j sin(2 pi jq/p) b_j
//
// takes (p - 1)^2 / 2 products of a real and a complex number.
//
// Precondition: no wide numbers, and no inverse: a convolution's radices are
// all written out (FFTPlan.h).
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"
#include "FFTNumbers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

/// Sums and differences of rows j and radix - j: a tile whose row j holds the
/// sum, row radix - j the difference, row 0 z_0.
Value FFTEmitter::emitPairs(Value work, const Round &round, Value k) {
  Value pairs = makeWorkTile(b, loc, real, b.getIndexAttr(round.radix),
                             numParts(), lanes);
  Value origin = add(round.base, k);
  pairs = writeRows(pairs, index(0), readRows(work, origin));
  return buildFor(
      b, loc, index(1), index((round.radix + 1) / 2), pairs,
      [&](Value j, Value carried) {
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
        return writeRows(carried, {j, opposite}, values);
      });
}

/// sum_j cos(2 pi jq/p) a_j and sum_j sin(2 pi jq/p) b_j over the pairs: rows
/// of real and of imaginary parts. Long sums are cut into short ones, whose
/// rounding errors are smaller.
SmallVector<Value> FFTEmitter::emitCombination(Value pairs, int64_t radix,
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

Value FFTEmitter::emitLoopStep(Value work, const Round &round, Value k) {
  int64_t radix = round.radix;
  Value pairs = emitPairs(work, round, k);
  Value origin = add(round.base, k);
  Values total =
      buildFor(b, loc, index(1), index((radix + 1) / 2),
               readRows(pairs, index(0)), [&](Value j, ValueRange sums) {
                 return mapNumbers<NumBuilder>(
                     b, loc, real, 2, sums, readRows(pairs, j),
                     [&](NumBuilder &num, MutableArrayRef<Num> z,
                         ArrayRef<Num> x) { z[0] = num.add(z[0], x[0]); });
               });
  Value written = writeRows(work, origin, total);
  return buildFor(
      b, loc, index(1), index((radix + 1) / 2), written,
      [&](Value q, Value carried) {
        Value opposite = sub(index(radix), q);
        Value first =
            sub(add(round.firstTwiddle, mul(k, index(radix - 1))), index(1));
        Values below = readFactor(twiddles, add(first, q), false),
               above = readFactor(twiddles, add(first, opposite), false);
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
        return writeRows(carried, rows, values);
      });
}
