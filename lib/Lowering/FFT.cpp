//===- FFT.cpp - Lowers ssm.fft -------------------------------------------===//
//
// Tiles of transforms side by side: load (conjugated for the inverse),
// transform decimated in frequency, store in order of frequency.
//
//   IFFT(x) = conj(FFT(conj(x))) / n
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"

#include "FFTEmitter.h"
#include "TileLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

namespace {
/// One fft op, tile by tile of its other dimensions.
class FFTOpEmitter {
public:
  FFTOpEmitter(OpBuilder &b, FFTOp op)
      : b(b), op(op), loc(op.getLoc()), dimension(op.getDimension()),
        real(getRealType(op.getType().getElementType())),
        points(op.getType().getDimSize(dimension)),
        map(b.getMultiDimIdentityMap(op.getType().getRank())),
        sizes(tensor::getMixedSizes(b, loc, op.getOperand())),
        transform(b, loc, real, FFTPlan::forSize(points), kLanes) {}
  Value emit();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kLanes = 16;

  Values load(const Tile &tile);
  Value store(ValueRange work, const Tile &tile, Value part);
  /// The first lanes of a row of each half of a work tile.
  SmallVector<Indexed> rowsAt(ValueRange work, Value row, const Tile &tile);
  Values writeRows(ValueRange work, Value row, const Tile &tile,
                   ValueRange values);
  OpFoldResult widthOf(const Tile &tile) {
    return tile.kept.empty() ? OpFoldResult(b.getIndexAttr(1))
                             : tile.ranges[tile.kept[0]].size;
  }

  OpBuilder &b;
  FFTOp op;
  Location loc;
  unsigned dimension;
  Type real;
  int64_t points;
  AffineMap map;
  SmallVector<OpFoldResult> sizes;
  FFTEmitter transform;
};
} // namespace

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

SmallVector<Value> FFTOpEmitter::load(const Tile &tile) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value end = asValue(b, loc, b.getIndexAttr(points));
  Values work = transform.makeWork();
  if (getConstantIntValue(widthOf(tile)) != kLanes)
    for (Value &half : work)
      half = buildFilled(
          b, loc, {b.getIndexAttr(points), b.getIndexAttr(kLanes)}, real, 0.0);
  return buildFor(b, loc, zero, end, work, [&](Value j, ValueRange args) {
    Value x = extractTile(b, loc, op.getOperand(), map, tile.at(dimension, j));
    SmallVector<Indexed> outs = rowsAt(args, j, tile);
    Values rows = buildGeneric(
        b, loc, tile.kept.size(), {{x, outs[0].map}}, outs,
        [&](OpBuilder &nested, Location at, ValueRange scalars) {
          NumBuilder num(nested, at, real);
          Num z = num.load(scalars[0]);
          return Values{z.re, op.getInverse() ? num.negf(z.im) : z.im};
        });
    return writeRows(args, j, tile, rows);
  });
}

Value FFTOpEmitter::store(ValueRange work, const Tile &tile, Value part) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value end = asValue(b, loc, b.getIndexAttr(points));
  return buildFor(
      b, loc, zero, end, part, [&](Value position, ValueRange args) {
        Value frequency = transform.emitFrequency(position);
        Tile local = tile.at(dimension, frequency);
        for (auto [dim, range] : llvm::enumerate(local.ranges))
          if (dim != dimension)
            range.offset = b.getIndexAttr(0);
        Value slice = extractTile(b, loc, args[0], map, local);
        SmallVector<Indexed> rows = rowsAt(work, position, tile);
        Value stored = buildGeneric(
            b, loc, tile.kept.size(), rows, {{slice, rows[0].map}},
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              Num z{scalars[0], scalars[1]};
              if (op.getInverse()) {
                Num scale = num.constant(1.0 / points);
                z = num.mul(scale, {z.re, num.negf(z.im)});
              }
              return Values{num.store(z, op.getType().getElementType())};
            })[0];
        return Values{insertTile(b, loc, stored, args[0], map, local)};
      })[0];
}

Value FFTOpEmitter::emit() {
  transform.emitTwiddles();
  SmallVector<TileAxis> units;
  SmallVector<SmallVector<TileAxis>> tilings;
  SmallVector<unsigned> others;
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    if (dim != dimension)
      others.push_back(dim);
  if (others.empty())
    tilings.emplace_back();
  else
    for (TileAxis axis :
         splitLanes(b, loc, others.back(), sizes[others.back()], kLanes)) {
      tilings.emplace_back();
      for (unsigned dim : ArrayRef(others).drop_back())
        tilings.back().push_back(unitAxis(b, dim, sizes[dim]));
      tilings.back().push_back(axis);
    }
  Value out =
      tensor::EmptyOp::create(b, loc, sizes, op.getType().getElementType());
  for (ArrayRef<TileAxis> axes : tilings)
    out = forEachTile(
        b, loc, axes, wholeTile(b, sizes), out,
        [&](OpBuilder &, const Tile &tile, ValueRange shared) {
          Tile all = tile;
          all.kept = llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
          Value part = extractTile(b, loc, shared[0], map, all);
          Values work = transform.emitForward(load(tile));
          return SmallVector<TileResult>{{store(work, tile, part), map, all}};
        })[0];
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
