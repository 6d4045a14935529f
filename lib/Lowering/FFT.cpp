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
// The three transforms of a chirp transform round more than one does: for f32
// they are computed in f64.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"

#include "FFTEmitter.h"

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
  Values load(const Tile &tile);
  /// Row `row` of the work tile from index `k` of the operand.
  Values loadRow(ValueRange work, Value k, Value row, const Tile &tile,
                 bool conjugate);
  Value store(ValueRange work, const Tile &tile, Value part);
  /// What is stored of the transform's value `z`, but for the chirp.
  Num finish(NumBuilder &num, Num z);

  /// The first lanes of a row of each half of a work tile.
  SmallVector<Indexed> rowsAt(ValueRange work, Value row, const Tile &tile);
  Values writeRows(ValueRange work, Value row, const Tile &tile,
                   ValueRange values);
  OpFoldResult widthOf(const Tile &tile) {
    return tile.kept.empty() ? OpFoldResult(b.getIndexAttr(1))
                             : tile.ranges[tile.kept[0]].size;
  }
  Value index(int64_t value) { return asValue(b, loc, b.getIndexAttr(value)); }
  Num readChirp(ValueRange table, Value k) {
    return {tensor::ExtractOp::create(b, loc, table[0], k),
            tensor::ExtractOp::create(b, loc, table[1], k)};
  }

  OpBuilder &b;
  FFTOp op;
  Location loc;
  unsigned dimension;
  int64_t points;
  bool isChirp, halfIn, halfOut;
  Type real;
  AffineMap map;
  SmallVector<OpFoldResult> sizes;
  /// The dimension of the lanes, if there is one.
  std::optional<unsigned> laneDim;
  int64_t lanes = 1;
  FFTEmitter transform;
  /// exp(i pi k^2 / n), and its conjugate over all factors of a result.
  Values chirp, finalChirp, spectrum;
};
} // namespace

static bool hasComplex(Value value) {
  return isa<ComplexType>(getElementTypeOrSelf(value));
}

FFTOpEmitter::FFTOpEmitter(OpBuilder &b, FFTOp op)
    : b(b), op(op), loc(op.getLoc()), dimension(op.getDimension()),
      points(op.getPoints()), isChirp(!FFTPlan::hasFactors(points)),
      halfIn(!hasComplex(op.getResult())),
      halfOut(!hasComplex(op.getOperand())),
      real(isChirp ? Type(b.getF64Type())
                   : getRealType(op.getType().getElementType())),
      map(b.getMultiDimIdentityMap(op.getType().getRank())),
      sizes(tensor::getMixedSizes(b, loc, op.getOperand())),
      transform(makeTransform()) {}

FFTEmitter FFTOpEmitter::makeTransform() {
  constexpr int64_t kLanes = 16;
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    if (dim != dimension)
      laneDim = dim;
  if (laneDim)
    lanes =
        std::min(kLanes, getConstantIntValue(sizes[*laneDim]).value_or(kLanes));
  FFTPlan plan = isChirp ? FFTPlan::forChirp(points) : FFTPlan::forSize(points);
  return FFTEmitter(b, loc, real, plan, lanes);
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

  OpFoldResult count = b.getIndexAttr(points);
  Values tables;
  for (int part = 0; part < 4; ++part)
    tables.push_back(tensor::EmptyOp::create(b, loc, {count}, real));
  tables = buildFor(
      b, loc, index(0), index(points), tables, [&](Value k, ValueRange args) {
        Value square = arith::RemUIOp::create(
            b, loc, arith::MulIOp::create(b, loc, k, k), index(2 * points));
        Num c = roots.lookUp(square);
        Num last = roots.lookUpScaled(square, scale);
        Values written;
        for (auto [table, part] : llvm::zip_equal(
                 args, Values{c.re, c.im, last.re,
                              arith::NegFOp::create(b, loc, last.im)}))
          written.push_back(tensor::InsertOp::create(b, loc, part, table, k));
        return written;
      });
  chirp = {tables[0], tables[1]};
  finalChirp = {tables[2], tables[3]};
  emitChirpSpectrum();
}

/// Of the circular kernel whose values at k and -k are c_k: one lane.
void FFTOpEmitter::emitChirpSpectrum() {
  FFTEmitter narrow = transform.withLanes(1);
  Values work = narrow.clearRows(narrow.makeWork(), index(0));
  auto insert = [&](Num c, ValueRange parts, Value row) {
    return Values{
        tensor::InsertOp::create(b, loc, c.re, parts[0], {row, index(0)}),
        tensor::InsertOp::create(b, loc, c.im, parts[1], {row, index(0)})};
  };
  work = insert(readChirp(chirp, index(0)), work, index(0));
  Value size = asValue(b, loc, narrow.getSize());
  work = buildFor(b, loc, index(1), index(points), work,
                  [&](Value k, ValueRange args) {
                    Num c = readChirp(chirp, k);
                    Value opposite = arith::SubIOp::create(b, loc, size, k);
                    return insert(c, insert(c, args, k), opposite);
                  });
  spectrum = narrow.emitForward(work);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Indexed> FFTOpEmitter::rowsAt(ValueRange work, Value row,
                                          const Tile &tile) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  OpFoldResult width = widthOf(tile);
  SmallVector<int64_t> shape;
  if (!tile.kept.empty())
    shape.push_back(getConstantIntValue(width).value_or(ShapedType::kDynamic));
  AffineMap identity = b.getMultiDimIdentityMap(shape.size());
  SmallVector<Indexed> rows;
  for (Value half : work)
    rows.push_back({tensor::ExtractSliceOp::create(
                        b, loc, RankedTensorType::get(shape, real), half,
                        ArrayRef<OpFoldResult>{row, zero},
                        ArrayRef<OpFoldResult>{one, width},
                        ArrayRef<OpFoldResult>{one, one}),
                    identity});
  return rows;
}

SmallVector<Value> FFTOpEmitter::writeRows(ValueRange work, Value row,
                                           const Tile &tile,
                                           ValueRange values) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Values written;
  for (auto [half, value] : llvm::zip_equal(work, values))
    written.push_back(tensor::InsertSliceOp::create(
        b, loc, value, half, ArrayRef<OpFoldResult>{row, zero},
        ArrayRef<OpFoldResult>{one, widthOf(tile)},
        ArrayRef<OpFoldResult>{one, one}));
  return written;
}

SmallVector<Value> FFTOpEmitter::loadRow(ValueRange work, Value k, Value row,
                                         const Tile &tile, bool conjugate) {
  Value x = extractTile(b, loc, op.getOperand(), map, tile.at(dimension, k));
  SmallVector<Indexed> outs = rowsAt(work, row, tile);
  Num factor;
  if (isChirp)
    factor = readChirp(chirp, row);
  Values rows = buildGeneric(
      b, loc, tile.kept.size(), {{x, outs[0].map}}, outs,
      [&](OpBuilder &nested, Location at, ValueRange scalars) {
        NumBuilder num(nested, at, real);
        Num z = num.load(scalars[0]);
        if (z.isComplex() && conjugate)
          z.im = num.negf(z.im);
        if (isChirp)
          z = num.mul(z, {factor.re, num.negf(factor.im)});
        return Values{z.re, z.isComplex() ? z.im : num.constant(0.0).re};
      });
  return writeRows(work, row, tile, rows);
}

SmallVector<Value> FFTOpEmitter::load(const Tile &tile) {
  int64_t present = halfIn ? points / 2 + 1 : points;
  Values work = transform.makeWork();
  if (getConstantIntValue(widthOf(tile)) != lanes)
    work = transform.clearRows(work, index(0));
  else if (isChirp)
    work = transform.clearRows(work, index(points));
  work = buildFor(b, loc, index(0), index(present), work,
                  [&](Value k, ValueRange args) {
                    return loadRow(args, k, k, tile, op.getInverse());
                  });
  if (!halfIn)
    return work;
  return buildFor(b, loc, index(1), index(points - present + 1), work,
                  [&](Value k, ValueRange args) {
                    Value row = arith::SubIOp::create(b, loc, index(points), k);
                    return loadRow(args, k, row, tile, !op.getInverse());
                  });
}

Num FFTOpEmitter::finish(NumBuilder &num, Num z) {
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

Value FFTOpEmitter::store(ValueRange work, const Tile &tile, Value part) {
  int64_t present = halfOut ? points / 2 + 1 : points;
  return buildFor(
      b, loc, index(0), index(present), part, [&](Value k, ValueRange args) {
        Value row = isChirp ? k : transform.emitPosition(k);
        Tile local = tile.at(dimension, k);
        for (auto [dim, range] : llvm::enumerate(local.ranges))
          if (dim != dimension)
            range.offset = b.getIndexAttr(0);
        Value slice = extractTile(b, loc, args[0], map, local);
        SmallVector<Indexed> rows = rowsAt(work, row, tile);
        Num factor;
        if (isChirp)
          factor = readChirp(finalChirp, k);
        Value stored = buildGeneric(
            b, loc, tile.kept.size(), rows, {{slice, rows[0].map}},
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              Num z{scalars[0], scalars[1]};
              if (isChirp)
                z = num.mul(z, factor);
              z = finish(num, z);
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
        Values work = load(tile);
        work = isChirp ? transform.emitConvolution(work, spectrum)
                       : transform.emitForward(work);
        return SmallVector<TileResult>{{store(work, tile, part), map, all}};
      })[0];
}

Value FFTOpEmitter::emit() {
  // 1. Tables, shared by all tiles.
  transform.emitTwiddles();
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
