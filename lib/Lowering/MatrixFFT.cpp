//===- MatrixFFT.cpp - Transforms as products of bf16 matrices ------------===//
//
// A block of r s rows, depth first:
//
//   for k in 0 .. s: an r-point transform of rows k, k + s, ...
//   for q in 0 .. r: the block of rows q s, q s + 1, ...
//
// and back in the opposite order. Whatever multiplies rows does so when they
// are next read: twiddle factors in the rounds of the blocks inside, the
// spectrum after the innermost.
//
//===----------------------------------------------------------------------===//
#include "MatrixFFT.h"
#include "Tables.h"
#include "WorkTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

Value MatrixFFT::index(int64_t value) {
  return asValue(b, loc, b.getIndexAttr(value));
}
Value MatrixFFT::add(Value x, Value y) {
  return arith::AddIOp::create(b, loc, x, y);
}
Value MatrixFFT::mul(Value x, int64_t y) {
  return arith::MulIOp::create(b, loc, x, index(y));
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

MatrixFFT::Matrices MatrixFFT::emitMatrices(RootsOfUnity &roots,
                                            int64_t radix) {
  // 1. The roots, rounded to bf16: cosines, sines and their negatives.
  Type bf16 = b.getBF16Type();
  Values table =
      makeTables(b, loc, bf16, OpFoldResult(b.getIndexAttr(radix)), 3);
  table = buildFor(
      b, loc, index(0), index(radix), table, [&](Value j, ValueRange args) {
        Num w = roots.lookUp(mul(j, 4 * getSize() / radix));
        Values rounded;
        for (Value x : {w.re, w.im})
          rounded.push_back(arith::TruncFOp::create(b, loc, bf16, x));
        rounded.push_back(arith::NegFOp::create(b, loc, rounded[1]));
        return writeEntry(b, loc, rounded, args, j);
      });

  // 2. Row q: the parts of w^(-q j) that the parts of z_j are multiplied by,
  // and those of w^(q j).
  Values empty = makeTables(
      b, loc, bf16, {b.getIndexAttr(radix), b.getIndexAttr(2 * radix)}, 4);
  auto fill = [&](Value q, Value j, ValueRange args) {
    Value power = arith::RemUIOp::create(
        b, loc, arith::MulIOp::create(b, loc, q, j), index(radix));
    Values root = readEntry(b, loc, table, power);
    Value c = root[0], s = root[1], minus = root[2];
    Value even = mul(j, 2), odd = add(even, index(1));
    Values left = writeEntry(b, loc, {c, minus, c, s}, args, {q, even});
    return writeEntry(b, loc, {s, c, minus, c}, left, {q, odd});
  };
  Values parts = buildFor(
      b, loc, index(0), index(radix), empty, [&](Value q, ValueRange rows) {
        return buildFor(
            b, loc, index(0), index(radix), rows,
            [&](Value j, ValueRange args) { return fill(q, j, args); });
      });
  return {radix, parts};
}

SmallVector<Value> MatrixFFT::emitTwiddles(RootsOfUnity &roots, int64_t level,
                                           ValueRange out) {
  int64_t radix = plan.radices[level], part = plan.blockSize(level + 1);
  int64_t unit = 4 * getSize() / (radix * part);
  return buildFor(
      b, loc, index(0), index(radix), out, [&](Value q, ValueRange rows) {
        Value first = add(index(firstTwiddle[level]), mul(q, part));
        return buildFor(
            b, loc, index(0), index(part), rows, [&](Value k, ValueRange args) {
              Value power = mul(arith::MulIOp::create(b, loc, q, k), unit);
              Num w = roots.lookUp(power);
              return writeEntry(b, loc,
                                {w.re, arith::NegFOp::create(b, loc, w.im)},
                                args, add(first, k));
            });
      });
}

void MatrixFFT::emitTables(RootsOfUnity &roots) {
  int64_t count = 0;
  for (int64_t level = 0; level < plan.numRounds(); ++level) {
    int64_t radix = plan.radices[level];
    if (!llvm::any_of(matrices,
                      [&](const Matrices &m) { return m.radix == radix; }))
      matrices.push_back(emitMatrices(roots, radix));
    firstTwiddle.push_back(count);
    if (level + 1 < plan.numRounds())
      count += plan.blockSize(level);
  }
  twiddles = makeTables(b, loc, b.getF32Type(),
                        OpFoldResult(b.getIndexAttr(count)), 2);
  for (int64_t level = 0; level + 1 < plan.numRounds(); ++level)
    twiddles = emitTwiddles(roots, level, twiddles);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value MatrixFFT::emitPanel(Value work, const Rows &rows,
                           const Factors &factors) {
  Type bf16 = b.getBF16Type(), f32 = b.getF32Type();
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1),
               width = b.getIndexAttr(lanes);
  AffineMap identity = b.getMultiDimIdentityMap(1);
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{2 * rows.radix, lanes}, bf16);
  auto fill = [&](Value j, Value panel) {
    Value distance = mul(j, rows.stride), row = add(rows.first, distance);
    SmallVector<Indexed> ins, outs;
    for (Value part : readParts(b, loc, work, row, width))
      ins.push_back({part, identity});
    if (factors.spectrum)
      for (Value part : readParts(b, loc, factors.spectrum, row, width))
        ins.push_back({part, identity});
    Num twiddle;
    if (factors.firstTwiddle) {
      Value place = add(factors.firstTwiddle, distance);
      Values parts = readEntry(b, loc, twiddles, place);
      twiddle = {parts[0], parts[1]};
      if (factors.conjugate)
        twiddle.im = arith::NegFOp::create(b, loc, twiddle.im);
    }
    Values places = {mul(j, 2)};
    places.push_back(add(places[0], index(1)));
    auto type = RankedTensorType::get({lanes}, bf16);
    for (Value place : places)
      outs.push_back(
          {tensor::ExtractSliceOp::create(b, loc, type, panel,
                                          ArrayRef<OpFoldResult>{place, zero},
                                          ArrayRef<OpFoldResult>{one, width},
                                          ArrayRef<OpFoldResult>{one, one}),
           identity});
    Values rounded = buildGeneric(
        b, loc, 1, ins, outs,
        [&](OpBuilder &nested, Location at, ValueRange scalars) {
          NumBuilder num(nested, at, f32);
          Num z{scalars[0], scalars[1]};
          if (factors.firstTwiddle)
            z = num.mul(z, twiddle);
          if (factors.spectrum)
            z = num.mul(z, {scalars[2], scalars[3]});
          return Values{arith::TruncFOp::create(nested, at, bf16, z.re),
                        arith::TruncFOp::create(nested, at, bf16, z.im)};
        });
    for (auto [value, place] : llvm::zip_equal(rounded, places))
      panel = tensor::InsertSliceOp::create(
          b, loc, value, panel, ArrayRef<OpFoldResult>{place, zero},
          ArrayRef<OpFoldResult>{one, width}, ArrayRef<OpFoldResult>{one, one});
    return panel;
  };
  return buildFor(b, loc, index(0), index(rows.radix), empty, fill);
}

Value MatrixFFT::emitProduct(Value work, const Rows &rows, Value panel,
                             bool inverse) {
  const Matrices *found = llvm::find_if(
      matrices, [&](const Matrices &m) { return m.radix == rows.radix; });
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  OpFoldResult one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> shape = {b.getIndexAttr(rows.radix), one,
                                     b.getIndexAttr(lanes)},
                            strides = {b.getIndexAttr(rows.stride), one, one};
  auto type = RankedTensorType::get({rows.radix, lanes}, b.getF32Type());
  for (int64_t part = 0; part < 2; ++part) {
    SmallVector<OpFoldResult> offsets = {rows.first, b.getIndexAttr(part),
                                         b.getIndexAttr(0)};
    Value target = tensor::ExtractSliceOp::create(b, loc, type, work, offsets,
                                                  shape, strides);
    Value sums = linalg::FillOp::create(b, loc, zero, target).getResult(0);
    Value matrix = found->parts[(inverse ? 2 : 0) + part];
    sums =
        linalg::MatmulOp::create(b, loc, type, ValueRange{matrix, panel}, sums)
            .getResult(0);
    work = tensor::InsertSliceOp::create(b, loc, sums, work, offsets, shape,
                                         strides);
  }
  return work;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Value MatrixFFT::emitInnermost(Value work, Value spectrum, Value base,
                               Value twiddle) {
  Rows rows{base, 1, plan.radices.back()}, own{index(0), 1, rows.radix};
  Value panel = emitPanel(work, rows, {twiddle, false, Value()});
  if (!spectrum)
    return emitProduct(work, rows, panel, /*inverse=*/false);
  // Between the two products the block is in a tile of its own.
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Value tile = makeWorkTile(b, loc, b.getF32Type(), b.getIndexAttr(rows.radix),
                            /*parts=*/2, lanes);
  Value factors = tensor::ExtractSliceOp::create(
      b, loc, spectrum, ArrayRef<OpFoldResult>{base, zero, zero},
      ArrayRef<OpFoldResult>{b.getIndexAttr(rows.radix), b.getIndexAttr(2),
                             b.getIndexAttr(lanes)},
      ArrayRef<OpFoldResult>{one, one, one});
  tile = emitProduct(tile, own, panel, /*inverse=*/false);
  return emitProduct(work, rows,
                     emitPanel(tile, own, {Value(), false, factors}),
                     /*inverse=*/true);
}

Value MatrixFFT::emitBlock(Value work, Value spectrum, int64_t level,
                           Value base, Value twiddle) {
  if (level + 1 == plan.numRounds())
    return emitInnermost(work, spectrum, base, twiddle);
  int64_t radix = plan.radices[level], part = plan.blockSize(level + 1);
  auto emitRound = [&](Value values, Value firstFactor, bool inverse) {
    return buildFor(b, loc, index(0), index(part), values,
                    [&](Value k, Value carried) {
                      Rows rows{add(base, k), part, radix};
                      Factors factors{Value(), inverse, Value()};
                      if (firstFactor)
                        factors.firstTwiddle = add(firstFactor, k);
                      Value panel = emitPanel(carried, rows, factors);
                      return emitProduct(carried, rows, panel, inverse);
                    });
  };
  Value first = index(firstTwiddle[level]);
  Value values = emitRound(work, twiddle, /*inverse=*/false);
  values = buildFor(b, loc, index(0), index(radix), values,
                    [&](Value q, Value carried) {
                      Value begin = mul(q, part);
                      return emitBlock(carried, spectrum, level + 1,
                                       add(base, begin), add(first, begin));
                    });
  if (!spectrum)
    return values;
  return emitRound(values, first, /*inverse=*/true);
}

Value MatrixFFT::emitForward(Value work) {
  return emitConvolution(work, Value());
}

Value MatrixFFT::emitConvolution(Value work, Value spectrum) {
  return emitBlock(work, spectrum, /*level=*/0, index(0), Value());
}
