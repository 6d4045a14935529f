//===- FFT.cpp - Lowers ssm.fft -------------------------------------------===//
//
// Tiles of transforms side by side: load, transform decimated in frequency,
// store in order of frequency.
//
//   inverse      IFFT(x) = conj(FFT(conj(x))) / n
//   half in      rows n - k are conj(x_k)
//   half out     rows up to n/2 are stored
//   no factors   a chirp transform (FFTPlan.h): load times conj(c), convolve
//                with c, store times conj(c)
//
// The three transforms of a chirp transform round more than one does: they are
// computed in twice the working precision, f64 or double-double.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"

#include "FFTEmitter.h"
#include "Tables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// One fft op, tile by tile of its other dimensions.
class FFTOpEmitter {
public:
  FFTOpEmitter(OpBuilder &b, FFTOp op);
  Value emit();

private:
  using Values = SmallVector<Value>;

  FFTEmitter makeTransform();
  /// The chirp's tables, and its spectrum.
  void emitChirp();
  void emitChirpSpectrum();

  Value emitTiles(ArrayRef<TileAxis> axes, Value out);
  Value load(const Tile &tile);
  /// Row `row` of the work tile from index `k` of the operand.
  Value loadRow(Value work, Value k, Value row, const Tile &tile,
                bool conjugate);
  Value store(Value work, const Tile &tile, Value part);
  /// What is loaded for the number `z`, and stored for it, but for the chirp.
  Values start(NumBuilder &num, Num z, ArrayRef<Value> factor);
  Num finish(NumBuilder &num, ValueRange parts, ArrayRef<Value> factor);

  /// The first lanes of each part of a row of a work tile.
  SmallVector<Indexed> rowAt(Value work, Value row, const Tile &tile);
  OpFoldResult widthOf(const Tile &tile) {
    return tile.kept.empty() ? OpFoldResult(b.getIndexAttr(1))
                             : tile.ranges[tile.kept[0]].size;
  }
  Value index(int64_t value) { return asValue(b, loc, b.getIndexAttr(value)); }

  OpBuilder &b;
  FFTOp op;
  Location loc;
  unsigned dimension;
  int64_t points;
  bool isChirp, isWide, halfIn, halfOut;
  Type real;
  AffineMap map;
  SmallVector<OpFoldResult> sizes;
  /// The dimension of the lanes, if there is one.
  std::optional<unsigned> laneDim;
  int64_t lanes = 1;
  FFTEmitter transform;
  /// exp(i pi k^2 / n), its conjugate, and that over all factors of a result.
  Values chirp, firstChirp, finalChirp;
  Value spectrum;
};
} // namespace

static bool hasComplex(Value value) {
  return isa<ComplexType>(getElementTypeOrSelf(value));
}

FFTOpEmitter::FFTOpEmitter(OpBuilder &b, FFTOp op)
    : b(b), op(op), loc(op.getLoc()), dimension(op.getDimension()),
      points(op.getPoints()), isChirp(!FFTPlan::hasFactors(points)),
      isWide(isChirp && getRealType(op.getType().getElementType()).isF64()),
      halfIn(!hasComplex(op.getResult())),
      halfOut(!hasComplex(op.getOperand())),
      real(isChirp ? Type(b.getF64Type())
                   : getRealType(op.getType().getElementType())),
      map(b.getMultiDimIdentityMap(op.getType().getRank())),
      sizes(tensor::getMixedSizes(b, loc, op.getOperand())),
      transform(makeTransform()) {}

FFTEmitter FFTOpEmitter::makeTransform() {
  int64_t maxLanes = isChirp ? 8 : 16;
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    if (dim != dimension)
      laneDim = dim;
  if (laneDim)
    lanes = std::min(maxLanes,
                     getConstantIntValue(sizes[*laneDim]).value_or(maxLanes));
  FFTPlan plan = !isChirp ? FFTPlan::forSize(points)
                 : isWide ? FFTPlan::forWideChirp(points)
                          : FFTPlan::forChirp(points);
  return FFTEmitter(b, loc, real, plan, lanes, isWide);
}

//===----------------------------------------------------------------------===//
// The chirp
//===----------------------------------------------------------------------===//

void FFTOpEmitter::emitChirp() {
  // k^2 counts modulo 2n: the angle is exact.
  RootsOfUnity roots(b, loc, real, b.getIndexAttr(2 * points));
  WideBuilder wide(b, loc, real);
  double factors = double(*getConstantIntValue(transform.getSize()));
  WideReal scale = wide.div(wide.one().re, wide.constant(factors, 0).high);
  if (op.getInverse())
    scale = wide.div(scale, wide.constant(double(points), 0).high);

  auto partsOf = [&](Wide x) -> Values {
    if (isWide)
      return wide.toParts(x);
    Num rounded = wide.toNum(x);
    return {rounded.re, rounded.im};
  };
  OpFoldResult count = b.getIndexAttr(points);
  size_t numParts = isWide ? 4 : 2;
  Values tables = makeTables(b, loc, real, count, 3 * numParts);
  tables = buildFor(
      b, loc, index(0), index(points), tables, [&](Value k, ValueRange args) {
        Value square = arith::RemUIOp::create(
            b, loc, arith::MulIOp::create(b, loc, k, k), index(2 * points));
        Wide c = roots.lookUpWide(square);
        Wide conjugate{c.re, wide.neg(c.im)};
        Wide scaled{wide.mul(conjugate.re, scale),
                    wide.mul(conjugate.im, scale)};
        Values parts = partsOf(c);
        parts.append(partsOf(conjugate));
        parts.append(partsOf(scaled));
        return writeEntry(b, loc, parts, args, k);
      });
  ArrayRef<Value> all = tables;
  chirp = Values(all.take_front(numParts));
  firstChirp = Values(all.slice(numParts, numParts));
  finalChirp = Values(all.take_back(numParts));
  emitChirpSpectrum();
}

/// Of the circular kernel whose values at k and -k are c_k: one lane.
void FFTOpEmitter::emitChirpSpectrum() {
  FFTEmitter narrow = transform;
  narrow.setLanes(1);
  Value work = narrow.clearRows(narrow.makeWork(), index(0),
                                asValue(b, loc, narrow.getSize()));
  auto insert = [&](ValueRange c, Value tile, Value row) {
    for (auto [part, value] : llvm::enumerate(c))
      tile = tensor::InsertOp::create(b, loc, value, tile,
                                      ValueRange{row, index(part), index(0)});
    return tile;
  };
  work = insert(readEntry(b, loc, chirp, index(0)), work, index(0));
  Value size = asValue(b, loc, narrow.getSize());
  work = buildFor(b, loc, index(1), index(points), work,
                  [&](Value k, Value carried) {
                    Values c = readEntry(b, loc, chirp, k);
                    Value opposite = arith::SubIOp::create(b, loc, size, k);
                    return insert(c, insert(c, carried, k), opposite);
                  });
  spectrum = narrow.emitForward(work);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Indexed> FFTOpEmitter::rowAt(Value work, Value row,
                                         const Tile &tile) {
  unsigned rank = tile.kept.size();
  SmallVector<Indexed> parts;
  for (Value part : readParts(b, loc, work, row, widthOf(tile), rank))
    parts.push_back({part, b.getMultiDimIdentityMap(rank)});
  return parts;
}

Value FFTOpEmitter::loadRow(Value work, Value k, Value row, const Tile &tile,
                            bool conjugate) {
  Value x = extractTile(b, loc, op.getOperand(), map, tile.at(dimension, k));
  SmallVector<Indexed> outs = rowAt(work, row, tile);
  Values factor;
  if (isChirp)
    factor = readEntry(b, loc, firstChirp, row);
  Values rows =
      buildGeneric(b, loc, tile.kept.size(), {{x, outs[0].map}}, outs,
                   [&](OpBuilder &nested, Location at, ValueRange scalars) {
                     NumBuilder num(nested, at, real);
                     Num z = num.load(scalars[0]);
                     if (z.isComplex() && conjugate)
                       z.im = num.negf(z.im);
                     return start(num, z, factor);
                   });
  return writeParts(b, loc, work, row, widthOf(tile), rows);
}

Value FFTOpEmitter::load(const Tile &tile) {
  int64_t present = halfIn ? points / 2 + 1 : points;
  Value work = transform.makeWork();
  if (getConstantIntValue(widthOf(tile)) != lanes)
    work = transform.clearRows(work, index(0),
                               asValue(b, loc, transform.getSize()));
  else if (isChirp)
    work = transform.clearRows(work, index(points),
                               asValue(b, loc, transform.getSize()));
  work = buildFor(b, loc, index(0), index(present), work,
                  [&](Value k, Value carried) {
                    return loadRow(carried, k, k, tile, op.getInverse());
                  });
  if (!halfIn)
    return work;
  return buildFor(b, loc, index(1), index(points - present + 1), work,
                  [&](Value k, Value carried) {
                    Value row = arith::SubIOp::create(b, loc, index(points), k);
                    return loadRow(carried, k, row, tile, !op.getInverse());
                  });
}

SmallVector<Value> FFTOpEmitter::start(NumBuilder &num, Num z,
                                       ArrayRef<Value> factor) {
  if (isWide) {
    LooseWideBuilder wide(num.getBuilder(), loc, real);
    return wide.toParts(wide.mul(wide.fromNum(z), wide.fromParts(factor)));
  }
  if (isChirp)
    z = num.mul(z, {factor[0], factor[1]});
  return {z.re, z.isComplex() ? z.im : num.constant(0.0).re};
}

Num FFTOpEmitter::finish(NumBuilder &num, ValueRange parts,
                         ArrayRef<Value> factor) {
  Num z;
  if (isWide) {
    LooseWideBuilder wide(num.getBuilder(), loc, real);
    z = wide.toNum(wide.mul(wide.fromParts(parts), wide.fromParts(factor)));
  } else {
    z = {parts[0], parts[1]};
    if (isChirp)
      z = num.mul(z, {factor[0], factor[1]});
  }
  if (!op.getInverse())
    return z;
  z.im = num.negf(z.im);
  if (isChirp)
    return z;
  // A power of two has an exact inverse; for others a quotient rounds once.
  if (llvm::isPowerOf2_64(points))
    return num.mul(num.constant(1.0 / points), z);
  return num.divide(z, double(points));
}

Value FFTOpEmitter::store(Value work, const Tile &tile, Value part) {
  int64_t present = halfOut ? points / 2 + 1 : points;
  return buildFor(
      b, loc, index(0), index(present), part, [&](Value k, ValueRange args) {
        Value row = isChirp ? k : transform.emitPosition(k);
        Tile local = tile.at(dimension, k);
        for (auto [dim, range] : llvm::enumerate(local.ranges))
          if (dim != dimension)
            range.offset = b.getIndexAttr(0);
        Value slice = extractTile(b, loc, args[0], map, local);
        SmallVector<Indexed> rows = rowAt(work, row, tile);
        Values factor;
        if (isChirp)
          factor = readEntry(b, loc, finalChirp, k);
        Value stored = buildGeneric(
            b, loc, tile.kept.size(), rows, {{slice, rows[0].map}},
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              Num z = finish(num, scalars.take_front(rows.size()), factor);
              return Values{num.store(z, op.getType().getElementType())};
            })[0];
        return Values{insertTile(b, loc, stored, args[0], map, local)};
      })[0];
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

Value FFTOpEmitter::emitTiles(ArrayRef<TileAxis> axes, Value out) {
  return forEachTile(
      b, loc, axes, wholeTile(b, sizes), out,
      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
        Tile all = tile;
        all.kept = llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
        all.ranges[dimension].size =
            b.getIndexAttr(op.getType().getDimSize(dimension));
        Value part = extractTile(b, loc, shared[0], map, all);
        Value work = load(tile);
        work = isChirp ? transform.emitConvolution(work, spectrum)
                       : transform.emitForward(work);
        return SmallVector<TileResult>{{store(work, tile, part), map, all}};
      })[0];
}

Value FFTOpEmitter::emit() {
  // 1. Tables, shared by all tiles.
  transform.emitTables();
  if (isChirp)
    emitChirp();
  // 2. Full tiles of lanes, then those that are left over.
  SmallVector<OpFoldResult> resultSizes = sizes;
  resultSizes[dimension] = b.getIndexAttr(op.getType().getDimSize(dimension));
  Value out = tensor::EmptyOp::create(b, loc, resultSizes,
                                      op.getType().getElementType());
  if (!laneDim)
    return emitTiles({}, out);
  SmallVector<TileAxis> axes;
  for (unsigned dim = 0; dim < *laneDim; ++dim)
    if (dim != dimension)
      axes.push_back(unitAxis(b, dim, sizes[dim]));
  for (TileAxis axis : splitLanes(b, loc, *laneDim, sizes[*laneDim], lanes)) {
    axes.push_back(axis);
    out = emitTiles(axes, out);
    axes.pop_back();
  }
  return out;
}

namespace {
struct LowerFFT : OpRewritePattern<FFTOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(FFTOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, FFTOpEmitter(rewriter, op).emit());
    return success();
  }
};
} // namespace

void ssm::populateFFTLowering(RewritePatternSet &patterns) {
  patterns.add<LowerFFT>(patterns.getContext());
}
