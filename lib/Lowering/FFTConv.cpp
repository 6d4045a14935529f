//===- FFTConv.cpp - ssm.long_conv by right-angle transforms --------------===//
//
// With w = exp(i pi / 2n), the circular convolution of u_t w^t and k_t w^t over
// n >= L points is w^t (y_t + i y_{t+n}): what wraps around has turned by a
// right angle. So
//
//   y_t = Re(w^-t IFFT(FFT(u w) FFT(k w))_t)
//
// needs transforms of size n only, without zero padding to 2n.
//
// A two-sided kernel needs no more points: outputs from before time 0 wrap
// around to the imaginary part too, by a right angle the other way, and those
// that wrap twice would lie beyond 2n > 2L-2. Lag -m goes to row n-m, where
// w^-m = -i w^(n-m); the rows of the past and the future may be the same.
//
//   1 the kernel's spectrum, for each tile of its channels, in parallel
//   2 load and weight, transform, multiply, transform back, weight and store,
//     for each tile of channels, in parallel
//
// Precondition: real operands (SplitComplexConv.cpp takes complex ones apart).
// Reference: Crandall and Fagin, "Discrete Weighted Transforms and
// Large-Integer Arithmetic" (1994).
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"
#include "ssm/Utils/Sides.h"

#include "FFTEmitter.h"
#include "TimeLoop.h"
#include "Transpose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
class FFTConvEmitter {
public:
  FFTConvEmitter(OpBuilder &b, LongConvOp op, int64_t lanes);
  Value emit();

private:
  using Values = SmallVector<Value>;

  FFTEmitter makeTransform();
  /// Tiles of one width: unit axes, then the lanes (if there is such a dim).
  Value emitTiles(std::optional<TileAxis> laneAxis, Value out);
  Values emitSpectra(std::optional<TileAxis> laneAxis);
  /// Steps of an operand and the rows of a work tile that they go to: `count`
  /// of them, the first to row 0; or, of the future, the last to row n-1.
  struct Stretch {
    OpFoldResult begin, count;
    bool isFuture = false;
  };
  /// The operand times `scale` and the weights, in a work tile.
  Values load(Indexed operand, const Tile &tile, ArrayRef<Stretch> stretches,
              Value scale);
  Values loadStretch(Indexed operand, const Tile &tile, const Stretch &stretch,
                     OpFoldResult width, Value scale, ValueRange work);
  Value store(ValueRange work, const Tile &tile, Value part);

  /// The steps of a block, first to last, are those of `value` backward.
  bool isTurned(Value value) {
    return value == op.getSignal() && op.getDirection() == Direction::Backward;
  }
  /// Row `i` of a block: its step, and its place among those of the block.
  Value stepOf(TimeRange block, Value i);
  OpFoldResult placeOf(TimeRange block, Value i, bool turned);
  /// The tile's part in a block of steps, with its place in time.
  Tile blockOf(const Tile &tile, TimeRange block, bool turned);
  Values loadRow(Value slice, OpFoldResult width, Value t, bool isFuture,
                 Value scale, ValueRange work);
  Value storeRow(ValueRange work, OpFoldResult width, Value t, Value slice);
  /// Steps taken together: what is transposed at once, or all.
  Values forEachBlockOf(AffineMap map, OpFoldResult count, ValueRange carried,
                        function_ref<Values(TimeRange, ValueRange)> body);
  unsigned tileDim() { return op.getNumLoops(); }
  unsigned laneInTileDim() { return op.getNumLoops() + 1; }
  Tile wholeOp();
  void noteTileNumber(Tile &tile, std::optional<TileAxis> laneAxis);

  OpBuilder &b;
  LongConvOp op;
  Location loc;
  int64_t lanes;
  unsigned time;
  Type real;
  AffineMap signalMap, kernelMap, resultMap;
  SmallVector<OpFoldResult> sizes;
  SmallVector<Stretch> taps;
  SmallVector<unsigned> parallel;
  FFTEmitter transform;
  Values weights;
  AffineMap spectrumMap;
};
} // namespace

static OpFoldResult leastOf(OpBuilder &b, Location loc, OpFoldResult x,
                            OpFoldResult y) {
  auto xKnown = getConstantIntValue(x), yKnown = getConstantIntValue(y);
  if (xKnown && yKnown)
    return b.getIndexAttr(std::min(*xKnown, *yKnown));
  return OpFoldResult(Value(
      arith::MinSIOp::create(b, loc, asValue(b, loc, x), asValue(b, loc, y))));
}

FFTConvEmitter::FFTConvEmitter(OpBuilder &b, LongConvOp op, int64_t lanes)
    : b(b), op(op), loc(op.getLoc()), lanes(lanes), time(op.getTime()),
      real(op.getType().getElementType()),
      signalMap(op.getIndexingMapsArray()[0]),
      kernelMap(op.getIndexingMapsArray()[1]), resultMap(op.getResultMap(0)),
      sizes(getLoopSizes(b, op)), transform(makeTransform()) {
  for (unsigned dim : dimsOf(resultMap))
    if (dim != time)
      parallel.push_back(dim);
  // Taps that reach no output are left out.
  Sides sides = Sides::of(b, op);
  taps.push_back({sides.future, leastOf(b, loc, sides.past, sizes[time])});
  if (!sides.hasFuture())
    return;
  OpFoldResult count = leastOf(b, loc, sides.future, sizes[time]);
  taps.push_back(
      {affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
              {sides.future, count}),
       count,
       /*isFuture=*/true});
}

FFTEmitter FFTConvEmitter::makeTransform() {
  if (real.getIntOrFloatBitWidth() < 32)
    real = b.getF32Type();
  if (auto length = getConstantIntValue(sizes[time]))
    return FFTEmitter(b, loc, real, FFTPlan::forConvolution(*length), lanes);
  return FFTEmitter(b, loc, real, asValue(b, loc, sizes[time]), lanes);
}

Tile FFTConvEmitter::wholeOp() {
  Tile tile = wholeTile(b, sizes);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  tile.ranges.push_back({zero, one, one});                   // tile number
  tile.ranges.push_back({zero, b.getIndexAttr(lanes), one}); // lane in tile
  return tile;
}

/// Which tile of the lane axis this is.
void FFTConvEmitter::noteTileNumber(Tile &tile,
                                    std::optional<TileAxis> laneAxis) {
  if (!laneAxis || !uses(kernelMap, laneAxis->dim))
    return;
  AffineExpr offset = b.getAffineSymbolExpr(0),
             begin = b.getAffineSymbolExpr(1);
  tile.ranges[tileDim()].offset =
      affine(b, loc, (offset - begin).floorDiv(lanes),
             {tile.ranges[laneAxis->dim].offset, laneAxis->begin});
}

Value FFTConvEmitter::stepOf(TimeRange block, Value i) {
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  return asValue(b, loc, affine(b, loc, sum, {block.begin, OpFoldResult(i)}));
}

OpFoldResult FFTConvEmitter::placeOf(TimeRange block, Value i, bool turned) {
  if (!turned)
    return i;
  return affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) - 1,
                {block.length, OpFoldResult(i)});
}

Tile FFTConvEmitter::blockOf(const Tile &tile, TimeRange block, bool turned) {
  Tile part = tile;
  OpFoldResult begin = block.begin;
  if (turned)
    begin = affine(b, loc,
                   b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) -
                       b.getAffineSymbolExpr(2),
                   {sizes[time], block.begin, block.length});
  part.ranges[time] = {begin, block.length, b.getIndexAttr(1)};
  return part;
}

SmallVector<Value> FFTConvEmitter::forEachBlockOf(
    AffineMap map, OpFoldResult count, ValueRange carried,
    function_ref<Values(TimeRange, ValueRange)> body) {
  if (parallel.empty() || !isTimeContiguous(map, time, parallel.back()))
    return body({b.getIndexAttr(0), count}, carried);
  return forEachBlock(b, loc, count, kBlockSteps, /*backward=*/false, carried,
                      body);
}

SmallVector<Value> FFTConvEmitter::loadRow(Value slice, OpFoldResult width,
                                           Value t, bool isFuture, Value scale,
                                           ValueRange work) {
  Value wr = tensor::ExtractOp::create(b, loc, weights[0], t);
  Value wi = tensor::ExtractOp::create(b, loc, weights[1], t);
  if (isFuture) {
    // Times -i.
    std::swap(wr, wi);
    wi = arith::NegFOp::create(b, loc, wi);
  }
  if (scale) {
    wr = arith::MulFOp::create(b, loc, wr, scale);
    wi = arith::MulFOp::create(b, loc, wi, scale);
  }
  OpFoldResult none = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {t, none}, shape = {one, width},
                            strides = {one, one};
  auto rowType = RankedTensorType::get(
      {getConstantIntValue(width).value_or(ShapedType::kDynamic)}, real);
  AffineMap identity = b.getMultiDimIdentityMap(1);
  SmallVector<Indexed> outs;
  for (Value part : work)
    outs.push_back({tensor::ExtractSliceOp::create(b, loc, rowType, part,
                                                   offsets, shape, strides),
                    identity});
  // A value without the lane dimension is shared by all lanes.
  AffineMap source = cast<RankedTensorType>(slice.getType()).getRank() == 0
                         ? AffineMap::get(1, 0, {}, b.getContext())
                         : identity;
  Values rows =
      buildGeneric(b, loc, 1, {{slice, source}}, outs,
                   [&](OpBuilder &nested, Location at, ValueRange scalars) {
                     NumBuilder num(nested, at, real);
                     Num x = num.load(scalars[0]), w{wr, wi};
                     // The past may have come to the same row.
                     Num row = isFuture
                                   ? num.mulAdd(x, w, {scalars[1], scalars[2]})
                                   : num.mul(x, w);
                     return Values{row.re, row.im};
                   });
  Values next;
  for (auto [row, part] : llvm::zip_equal(rows, work))
    next.push_back(tensor::InsertSliceOp::create(b, loc, row, part, offsets,
                                                 shape, strides));
  return next;
}

SmallVector<Value> FFTConvEmitter::loadStretch(Indexed operand,
                                               const Tile &tile,
                                               const Stretch &stretch,
                                               OpFoldResult width, Value scale,
                                               ValueRange work) {
  bool turned = isTurned(operand.value);
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  return forEachBlockOf(
      operand.map, stretch.count, work,
      [&](TimeRange range, ValueRange carried) {
        TimeRange source = range, rows = range;
        source.begin = affine(b, loc, x + y, {range.begin, stretch.begin});
        if (stretch.isFuture)
          rows.begin =
              affine(b, loc, b.getAffineSymbolExpr(2) + x - y,
                     {range.begin, stretch.count, transform.getSize()});
        Tile block = blockOf(tile, source, turned);
        Indexed from = operand;
        if (!parallel.empty() &&
            isTimeContiguous(from.map, time, parallel.back())) {
          from = packBlock(b, loc, from, block, time, parallel.back());
          block = block.atOrigin();
        }
        return buildFor(b, loc, asValue(b, loc, b.getIndexAttr(0)),
                        asValue(b, loc, range.length), carried,
                        [&](Value i, ValueRange args) {
                          LoopRange place{placeOf(range, i, turned),
                                          b.getIndexAttr(1), b.getIndexAttr(1)};
                          Tile at = block.narrow(b, loc, time, place);
                          Value slice =
                              extractTile(b, loc, from.value, from.map, at);
                          return loadRow(slice, width, stepOf(rows, i),
                                         stretch.isFuture, scale, args);
                        });
      });
}

SmallVector<Value> FFTConvEmitter::load(Indexed operand, const Tile &tile,
                                        ArrayRef<Stretch> stretches,
                                        Value scale) {
  // A kernel that all lanes share is repeated in each.
  OpFoldResult width = b.getIndexAttr(parallel.empty() ? 1 : lanes);
  if (!parallel.empty() && tile.keeps(parallel.back()))
    width = tile.ranges[parallel.back()].size;
  bool full = getConstantIntValue(width) == lanes;
  Values work = transform.makeWork();
  work = transform.clearRows(
      work, asValue(b, loc, full ? stretches[0].count : b.getIndexAttr(0)));
  for (const Stretch &stretch : stretches)
    if (getConstantIntValue(stretch.count) != 0)
      work = loadStretch(operand, tile, stretch, width, scale, work);
  return work;
}

Value FFTConvEmitter::storeRow(ValueRange work, OpFoldResult width, Value t,
                               Value slice) {
  OpFoldResult none = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {t, none}, shape = {one, width},
                            strides = {one, one};
  SmallVector<int64_t> rowShape;
  if (!parallel.empty())
    rowShape.push_back(
        getConstantIntValue(width).value_or(ShapedType::kDynamic));
  auto rowType = RankedTensorType::get(rowShape, real);
  AffineMap identity = b.getMultiDimIdentityMap(rowShape.size());
  SmallVector<Indexed> ins;
  for (Value half : work)
    ins.push_back({tensor::ExtractSliceOp::create(b, loc, rowType, half,
                                                  offsets, shape, strides),
                   identity});
  Value wr = tensor::ExtractOp::create(b, loc, weights[0], t);
  Value wi = tensor::ExtractOp::create(b, loc, weights[1], t);
  return buildGeneric(
      b, loc, rowShape.size(), ins, {{slice, identity}},
      [&](OpBuilder &nested, Location at, ValueRange scalars) {
        NumBuilder num(nested, at, real);
        Value y = num.addf(num.mulf(scalars[0], wr), num.mulf(scalars[1], wi));
        return Values{num.store({y, Value()}, op.getType().getElementType())};
      })[0];
}

Value FFTConvEmitter::store(ValueRange work, const Tile &tile, Value part) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  bool turned = op.getDirection() == Direction::Backward;
  OpFoldResult width = parallel.empty() ? OpFoldResult(b.getIndexAttr(1))
                                        : tile.ranges[parallel.back()].size;
  Tile origin = tile.atOrigin();
  return forEachBlockOf(
      resultMap, sizes[time], part, [&](TimeRange range, ValueRange carried) {
        Tile block = blockOf(origin, range, turned);
        bool contiguous = !parallel.empty() &&
                          isTimeContiguous(resultMap, time, parallel.back());
        Indexed rows = {carried[0], resultMap};
        Tile place = block;
        if (contiguous) {
          rows.map = lanesLast(resultMap, parallel.back());
          place = block.atOrigin();
          SmallVector<OpFoldResult> shape;
          for (unsigned dim : dimsOf(rows.map))
            shape.push_back(place.ranges[dim].size);
          rows.value = tensor::EmptyOp::create(b, loc, shape,
                                               op.getType().getElementType());
        }
        Value filled = buildFor(
            b, loc, zero, asValue(b, loc, range.length), rows.value,
            [&](Value i, ValueRange args) {
              Tile local = place.narrow(b, loc, time,
                                        {placeOf(range, i, turned),
                                         b.getIndexAttr(1), b.getIndexAttr(1)});
              Value slice = extractTile(b, loc, args[0], rows.map, local);
              Value row = storeRow(work, width, stepOf(range, i), slice);
              return Values{insertTile(b, loc, row, args[0], rows.map, local)};
            })[0];
        if (!contiguous)
          return Values{filled};
        Tile whole = block.withAllDims();
        Value target = extractTile(b, loc, carried[0], resultMap, whole);
        target = transposeTile(b, loc, {filled, rows.map}, {target, resultMap},
                               whole.atOrigin(), parallel.back(), time);
        return Values{insertTile(b, loc, target, carried[0], resultMap, whole)};
      })[0];
}

SmallVector<Value>
FFTConvEmitter::emitSpectra(std::optional<TileAxis> laneAxis) {
  // 1. One work tile per tile of the kernel's channels.
  SmallVector<TileAxis> axes;
  SmallVector<AffineExpr> exprs;
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : parallel)
    if (uses(kernelMap, dim) && !(laneAxis && dim == laneAxis->dim)) {
      axes.push_back(unitAxis(b, dim, sizes[dim]));
      exprs.push_back(b.getAffineDimExpr(dim));
      shape.push_back(sizes[dim]);
    }
  bool kernelHasLanes = laneAxis && uses(kernelMap, laneAxis->dim);
  if (kernelHasLanes)
    axes.push_back(*laneAxis);
  for (unsigned dim : {tileDim(), time, laneInTileDim()})
    exprs.push_back(b.getAffineDimExpr(dim));
  shape.push_back(kernelHasLanes ? laneAxis->count
                                 : OpFoldResult(b.getIndexAttr(1)));
  shape.push_back(transform.getSize());
  shape.push_back(b.getIndexAttr(lanes));
  spectrumMap = AffineMap::get(laneInTileDim() + 1, 0, exprs, b.getContext());
  Values spectra = {tensor::EmptyOp::create(b, loc, shape, real),
                    tensor::EmptyOp::create(b, loc, shape, real)};

  // 2. The inverse transform's 1/size goes into the spectrum.
  Value size = asValue(b, loc, transform.getSize());
  Value one = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 1.0));
  Value scale = arith::DivFOp::create(
      b, loc, one,
      arith::SIToFPOp::create(
          b, loc, real,
          arith::IndexCastOp::create(b, loc, b.getI64Type(), size)));
  return forEachTile(
      b, loc, axes, wholeOp(), spectra,
      [&](OpBuilder &, const Tile &tile, ValueRange) {
        Tile numbered = tile;
        noteTileNumber(numbered, laneAxis);
        Values work = load({op.getKernel(), kernelMap}, tile, taps, scale);
        work = transform.emitForward(work);
        numbered.ranges[time] = {b.getIndexAttr(0), transform.getSize(),
                                 b.getIndexAttr(1)};
        numbered.kept = {time, laneInTileDim()};
        return SmallVector<TileResult>{{work[0], spectrumMap, numbered},
                                       {work[1], spectrumMap, numbered}};
      });
}

Value FFTConvEmitter::emitTiles(std::optional<TileAxis> laneAxis, Value out) {
  Values spectra = emitSpectra(laneAxis);
  SmallVector<TileAxis> axes;
  for (unsigned dim : parallel)
    if (!(laneAxis && dim == laneAxis->dim))
      axes.push_back(unitAxis(b, dim, sizes[dim]));
  if (laneAxis)
    axes.push_back(*laneAxis);
  return forEachTile(
      b, loc, axes, wholeOp(), out,
      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
        Tile numbered = tile;
        noteTileNumber(numbered, laneAxis);
        numbered.ranges[time] = {b.getIndexAttr(0), transform.getSize(),
                                 b.getIndexAttr(1)};
        numbered.kept = {time, laneInTileDim()};
        Values spectrum;
        for (Value value : spectra)
          spectrum.push_back(extractTile(b, loc, value, spectrumMap, numbered));
        Stretch all{b.getIndexAttr(0), sizes[time]};
        Values work = load({op.getSignal(), signalMap}, tile, all, Value());
        work = transform.emitConvolution(work, spectrum);
        Tile whole = tile.withAllDims();
        Value part = extractTile(b, loc, shared[0], resultMap, whole);
        return SmallVector<TileResult>{
            {store(work, tile, part), resultMap, whole}};
      })[0];
}

Value FFTConvEmitter::emit() {
  transform.emitTwiddles();
  weights = transform.emitWeights();
  Value out = tensor::EmptyOp::create(b, loc, applyMap(resultMap, sizes),
                                      op.getType().getElementType());
  if (parallel.empty())
    return emitTiles(std::nullopt, out);
  unsigned laneDim = parallel.back();
  for (TileAxis axis : splitLanes(b, loc, laneDim, sizes[laneDim], lanes))
    out = emitTiles(axis, out);
  return out;
}

namespace {
struct LowerFFTConv : OpRewritePattern<LongConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (!strategy || strategy.getKind() != StrategyKind::FFTConv)
      return rewriter.notifyMatchFailure(op, "strategy is not fft_conv");
    if (op.getNumerics() == Numerics::Strict)
      return rewriter.notifyMatchFailure(op, "numerics<strict>");
    if (isa<ComplexType>(op.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "complex: convolved by parts");
    FFTConvEmitter emitter(rewriter, op, strategy.getLanes());
    rewriter.replaceOp(op, emitter.emit());
    return success();
  }
};
} // namespace

void ssm::populateFFTConvLowering(RewritePatternSet &patterns) {
  patterns.add<LowerFFTConv>(patterns.getContext());
}
