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
//   1 the kernel's spectrum, for each tile of its channels, in parallel
//   2 load and weight, transform, multiply, transform back, weight and store,
//     for each tile of channels, in parallel
//
// Precondition: real operands (complex ones are convolved by parts).
// Reference: Crandall and Fagin, "Discrete Weighted Transforms and
// Large-Integer Arithmetic" (1994).
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
  /// Rows t < count of `value` times `scale` and the weights, into a work tile.
  Values load(Value value, AffineMap map, const Tile &tile, OpFoldResult count,
              Value scale);
  Value store(ValueRange work, const Tile &tile, Value part);

  /// The place in time of step `t`.
  OpFoldResult timeAt(Value t);
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
  OpFoldResult kernelLength;
  SmallVector<unsigned> parallel;
  FFTEmitter transform;
  Values weights;
  AffineMap spectrumMap;
};
} // namespace

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
  OpFoldResult taps = tensor::getMixedSize(b, loc, op.getKernel(),
                                           *positionOf(kernelMap, time));
  auto known = getConstantIntValue(taps),
       length = getConstantIntValue(sizes[time]);
  if (known && length)
    kernelLength = b.getIndexAttr(std::min(*known, *length));
  else
    kernelLength = OpFoldResult(Value(arith::MinSIOp::create(
        b, loc, asValue(b, loc, taps), asValue(b, loc, sizes[time]))));
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

OpFoldResult FFTConvEmitter::timeAt(Value t) {
  if (op.getDirection() == Direction::Forward)
    return t;
  return affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) - 1,
                {sizes[time], OpFoldResult(t)});
}

SmallVector<Value> FFTConvEmitter::load(Value value, AffineMap map,
                                        const Tile &tile, OpFoldResult count,
                                        Value scale) {
  bool inOrder = map == signalMap && value == op.getSignal();
  // A kernel that all lanes share is repeated in each.
  OpFoldResult width = b.getIndexAttr(parallel.empty() ? 1 : lanes);
  if (!parallel.empty() && tile.keeps(parallel.back()))
    width = tile.ranges[parallel.back()].size;
  bool full = getConstantIntValue(width) == lanes;
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Values work = transform.makeWork();
  work = transform.clearRows(work, full ? asValue(b, loc, count) : zero);
  if (getConstantIntValue(count) == 0)
    return work;
  return buildFor(
      b, loc, zero, asValue(b, loc, count), work,
      [&](Value t, ValueRange args) {
        Tile at = tile.at(time, inOrder ? timeAt(t) : OpFoldResult(t));
        Value slice = extractTile(b, loc, value, map, at);
        Value wr = tensor::ExtractOp::create(b, loc, weights[0], t);
        Value wi = tensor::ExtractOp::create(b, loc, weights[1], t);
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
        for (Value part : args)
          outs.push_back({tensor::ExtractSliceOp::create(
                              b, loc, rowType, part, offsets, shape, strides),
                          identity});
        // A value without the lane dimension is shared by all lanes.
        AffineMap source =
            cast<RankedTensorType>(slice.getType()).getRank() == 0
                ? AffineMap::get(1, 0, {}, b.getContext())
                : identity;
        Values rows = buildGeneric(
            b, loc, 1, {{slice, source}}, outs,
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              Value x = num.load(scalars[0]).re;
              return Values{num.mulf(x, wr), num.mulf(x, wi)};
            });
        Values next;
        for (auto [row, part] : llvm::zip_equal(rows, args))
          next.push_back(tensor::InsertSliceOp::create(
              b, loc, row, part, offsets, shape, strides));
        return next;
      });
}

Value FFTConvEmitter::store(ValueRange work, const Tile &tile, Value part) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  bool hasLanes = !parallel.empty();
  OpFoldResult width = hasLanes ? tile.ranges[parallel.back()].size
                                : OpFoldResult(b.getIndexAttr(1));
  Type element = op.getType().getElementType();
  return buildFor(
      b, loc, zero, asValue(b, loc, sizes[time]), part,
      [&](Value t, ValueRange args) {
        OpFoldResult none = b.getIndexAttr(0), one = b.getIndexAttr(1);
        SmallVector<OpFoldResult> offsets = {t, none}, shape = {one, width},
                                  strides = {one, one};
        SmallVector<int64_t> rowShape;
        if (hasLanes)
          rowShape.push_back(
              getConstantIntValue(width).value_or(ShapedType::kDynamic));
        auto rowType = RankedTensorType::get(rowShape, real);
        AffineMap identity = b.getMultiDimIdentityMap(rowShape.size());
        SmallVector<Indexed> ins;
        for (Value half : work)
          ins.push_back({tensor::ExtractSliceOp::create(
                             b, loc, rowType, half, offsets, shape, strides),
                         identity});
        Value wr = tensor::ExtractOp::create(b, loc, weights[0], t);
        Value wi = tensor::ExtractOp::create(b, loc, weights[1], t);
        Tile local = tile.at(time, timeAt(t));
        for (auto [dim, range] : llvm::enumerate(local.ranges))
          if (dim != time)
            range.offset = none;
        Value slice = extractTile(b, loc, args[0], resultMap, local);
        Value row = buildGeneric(
            b, loc, rowShape.size(), ins, {{slice, identity}},
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              Value y =
                  num.addf(num.mulf(scalars[0], wr), num.mulf(scalars[1], wi));
              return Values{num.store({y, Value()}, element)};
            })[0];
        return Values{insertTile(b, loc, row, args[0], resultMap, local)};
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
        Values work =
            load(op.getKernel(), kernelMap, tile, kernelLength, scale);
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
        Values work =
            load(op.getSignal(), signalMap, tile, sizes[time], Value());
        work = transform.emitConvolution(work, spectrum);
        Tile all = tile;
        all.kept = llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
        Value part = extractTile(b, loc, shared[0], resultMap, all);
        return SmallVector<TileResult>{
            {store(work, tile, part), resultMap, all}};
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

//===----------------------------------------------------------------------===//
// Complex convolutions by parts
//===----------------------------------------------------------------------===//

/// The real or imaginary part of a complex tensor.
static Value takePart(OpBuilder &b, Location loc, Value value, bool imaginary) {
  auto type = cast<RankedTensorType>(value.getType());
  Type real = getRealType(type.getElementType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, value), real);
  return buildGeneric(b, loc, type.getRank(), {{value, identity}},
                      {{out, identity}},
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        Num x = NumBuilder(nested, at, real).load(args[0]);
                        return SmallVector<Value>{imaginary ? x.im : x.re};
                      })[0];
}

namespace {
/// (ur + i ui) * (kr + i ki) by the convolutions of the parts that there are.
struct SplitComplexConv : OpRewritePattern<LongConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    auto type = dyn_cast<ComplexType>(op.getType().getElementType());
    if (!strategy || strategy.getKind() != StrategyKind::FFTConv || !type)
      return rewriter.notifyMatchFailure(op, "not a complex fft_conv");
    Location loc = op.getLoc();
    auto partsOf = [&](Value value) {
      if (!isa<ComplexType>(getElementTypeOrSelf(value)))
        return SmallVector<Value>{value};
      return SmallVector<Value>{takePart(rewriter, loc, value, false),
                                takePart(rewriter, loc, value, true)};
    };
    Type real = type.getElementType();
    auto partType = RankedTensorType::get(op.getType().getShape(), real);
    SmallVector<Indexed> ins;
    AffineMap identity =
        rewriter.getMultiDimIdentityMap(op.getType().getRank());
    SmallVector<Value> signal = partsOf(op.getSignal());
    SmallVector<Value> kernel = partsOf(op.getKernel());
    for (Value u : signal)
      for (Value k : kernel) {
        auto part = cast<LongConvOp>(rewriter.clone(*op));
        part.getSignalMutable().assign(u);
        part.getKernelMutable().assign(k);
        part.getResult().setType(partType);
        ins.push_back({part.getResult(), identity});
      }
    Value out = tensor::EmptyOp::create(
        rewriter, loc, tensor::getMixedSizes(rewriter, loc, ins[0].value),
        type);
    auto sum = buildGeneric(
        rewriter, loc, identity.getNumDims(), ins, {{out, identity}},
        [&](OpBuilder &nested, Location at, ValueRange args) {
          NumBuilder num(nested, at, real);
          Num y{args[0], args[1]};
          if (ins.size() == 4)
            y = {num.subf(args[0], args[3]), num.addf(args[1], args[2])};
          return SmallVector<Value>{num.store(y, type)};
        });
    rewriter.replaceOp(op, sum);
    return success();
  }
};

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
  patterns.add<SplitComplexConv, LowerFFTConv>(patterns.getContext());
}
