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
//   1 the kernel's spectrum, for each tile of its channels, in parallel (or the
//     signal's, where all channels share it: SharedSignal.h)
//   2 load and weight, transform, multiply, transform back, weight and store,
//     for each tile of channels, in parallel
//
// Of one batch row, 1 may be a part of 2. Tiles that one thread computes one
// after the other share their border rounds: see FFTConvRuns.cpp.
//
// Of a long signal, or one of few channels, a tile has one channel, and parts
// of time in its lanes: see FFTConvSplit.cpp, and FFTConvTurned.cpp for one
// whose channels are last.
//
// A kernel much shorter than the signal is convolved by blocks of time instead:
// see FFTConvBlocks.cpp. Of lengths that are known at run time only, see
// FFTConvAnyLength.cpp.
//
// Threads take tiles. Where those are too few, they share the rounds of each:
// see FFTBorder.cpp.
//
// Precondition: real operands (SplitComplexConv.cpp takes complex ones apart).
// Reference: Crandall and Fagin, "Discrete Weighted Transforms and
// Large-Integer Arithmetic" (1994).
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/SharedSignal.h"
#include "ssm/IR/TimeSplit.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Sides.h"
#include "ssm/Utils/Threads.h"

#include "FFTConvEmitter.h"
#include "Transpose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

static OpFoldResult leastOf(OpBuilder &b, Location loc, OpFoldResult x,
                            OpFoldResult y) {
  auto xKnown = getConstantIntValue(x), yKnown = getConstantIntValue(y);
  if (xKnown && yKnown)
    return b.getIndexAttr(std::min(*xKnown, *yKnown));
  return OpFoldResult(Value(
      arith::MinSIOp::create(b, loc, asValue(b, loc, x), asValue(b, loc, y))));
}

FFTConvEmitter::FFTConvEmitter(OpBuilder &b, LongConvOp op,
                               StrategyAttr strategy, int64_t cores,
                               bool looksAhead, bool isWhole)
    : b(b), op(op), loc(op.getLoc()), lanes(strategy.getLanes()), cores(cores),
      blockSteps(strategy.getLeaf()), looksAhead(looksAhead), isWhole(isWhole),
      isSplit(strategy.getPoints() == 0 && !strategy.getMatrix() &&
              splitsTime(op, lanes)),
      time(op.getTime()), real(op.getType().getElementType()),
      resultMap(op.getResultMap(0)), sizes(getLoopSizes(b, op)),
      blocks(cutTime(op, strategy)), transform(makeTransform(strategy)) {
  for (unsigned dim : dimsOf(resultMap))
    if (dim != time)
      parallel.push_back(dim);
  streamed = {{op.getSignal(), op.getIndexingMapsArray()[0]},
              {{b.getIndexAttr(0), sizes[time]}},
              /*isTurned=*/op.getDirection() == Direction::Backward};
  filter = {{op.getKernel(), op.getIndexingMapsArray()[1]}, cutTaps()};
  if (!blocks && !products &&
      sharesSignal(parallel, streamed.map,
                   [&](unsigned dim) { return uses(filter.map, dim); }))
    std::swap(filter, streamed);
}

/// Taps that reach no output are left out.
SmallVector<FFTConvEmitter::Stretch> FFTConvEmitter::cutTaps() {
  Sides sides = Sides::of(b, op);
  OpFoldResult past = leastOf(b, loc, sides.past, sizes[time]);
  if (blocks)
    past = leastOf(b, loc, past, b.getIndexAttr(blocks->past + 1));
  Stretch present{sides.future, past};
  if (!sides.hasFuture())
    return {present};
  OpFoldResult count = leastOf(b, loc, sides.future, sizes[time]);
  OpFoldResult begin =
      affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
             {sides.future, count});
  return {present, {begin, count, /*isFuture=*/true}};
}

FFTEmitter FFTConvEmitter::makeTransform(StrategyAttr strategy) {
  int64_t points = strategy.getPoints();
  if (real.getIntOrFloatBitWidth() < 32)
    real = b.getF32Type();
  if (strategy.getMatrix()) {
    MatrixFFTPlan plan =
        points > 0
            ? MatrixFFTPlan::forPowerOf2(points)
            : MatrixFFTPlan::forAtLeast(*getConstantIntValue(sizes[time]));
    products.emplace(b, loc, plan, lanes);
    points = plan.size();
  }
  if (points > 0)
    return FFTEmitter(b, loc, real, FFTPlan::forSize(points), lanes);
  if (isSplit)
    return FFTEmitter(
        b, loc, real,
        FFTPlan::forSize(*getConstantIntValue(sizes[time]) / lanes), lanes);
  if (auto length = getConstantIntValue(sizes[time]))
    return FFTEmitter(b, loc, real, FFTPlan::forConvolution(*length), lanes);
  return FFTEmitter(b, loc, real, asValue(b, loc, sizes[time]), lanes);
}

void FFTConvEmitter::emitTables() {
  if (isSplit)
    return emitSplitTables();
  if (!products)
    return transform.emitTables(/*hasWeights=*/!blocks);
  products->emitTables(transform.getRoots());
  // All of them: no round has them in its twiddle factors.
  if (!blocks)
    transform.emitWeights();
}

Value FFTConvEmitter::emitForward(Value work) {
  return products ? products->emitForward(work) : transform.emitForward(work);
}

Value FFTConvEmitter::emitConvolution(Value work, Value spectrum) {
  return products ? products->emitConvolution(work, spectrum)
                  : transform.emitConvolution(work, spectrum);
}

bool FFTConvEmitter::leavesIdle(ArrayRef<TileAxis> axes) {
  if (products || getConstantIntValue(transform.getSize()).value_or(0) <
                      FFTPlan::kSharedPoints)
    return false;
  int64_t tiles = 1;
  for (const TileAxis &axis : axes)
    if (std::optional<int64_t> count = getConstantIntValue(axis.count))
      tiles *= *count;
    else
      return false;
  // More than a third of what all rounds of tiles could be.
  int64_t rounds = llvm::divideCeil(tiles, cores);
  return 2 * rounds * cores > 3 * tiles;
}

SmallVector<Value> FFTConvEmitter::share(Values results) {
  if (isShared)
    markIndependent(results);
  return results;
}

SmallVector<Value> FFTConvEmitter::forEachSharedTile(
    ArrayRef<TileAxis> axes, ValueRange outs,
    function_ref<SmallVector<TileResult>(const Tile &, ValueRange)> body) {
  isShared = leavesIdle(axes);
  transform.setShared(isShared);
  Values results =
      forEachTile(b, loc, axes, wholeOp(), outs,
                  [&](OpBuilder &, const Tile &tile, ValueRange shared) {
                    return body(tile, shared);
                  });
  auto loop = results[0].getDefiningOp<scf::ForallOp>();
  if (isShared && loop)
    loop->setAttr(kOneThreadAttrName, b.getUnitAttr());
  return results;
}

Tile FFTConvEmitter::wholeOp() {
  Tile tile = wholeTile(b, sizes);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  tile.ranges.push_back({zero, one, one});                   // tile number
  tile.ranges.push_back({zero, b.getIndexAttr(lanes), one}); // lane in tile
  tile.ranges.push_back({zero, one, one});                   // pair of blocks
  tile.ranges.push_back({zero, b.getIndexAttr(2), one});     // re and im
  return tile;
}

Tile FFTConvEmitter::spectrumTile(const Tile &tile,
                                  std::optional<TileAxis> laneAxis) {
  Tile numbered = tile;
  numbered.ranges[time] = {b.getIndexAttr(0), transform.getSize(),
                           b.getIndexAttr(1)};
  numbered.ranges[laneInTileDim()].size = b.getIndexAttr(countFilterLanes());
  numbered.kept = {time, partDim(), laneInTileDim()};
  if (!laneAxis || !filterHasLanes())
    return numbered;
  // Which tile of the lane axis this is.
  AffineExpr offset = b.getAffineSymbolExpr(0),
             begin = b.getAffineSymbolExpr(1);
  numbered.ranges[tileDim()].offset =
      affine(b, loc, (offset - begin).floorDiv(lanes),
             {tile.ranges[laneAxis->dim].offset, laneAxis->begin});
  return numbered;
}

Value FFTConvEmitter::emitScale() {
  OpFoldResult points = transform.getSize();
  if (isSplit)
    points = sizes[time];
  Value size = asValue(b, loc, points);
  Value one = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 1.0));
  return arith::DivFOp::create(
      b, loc, one,
      arith::SIToFPOp::create(
          b, loc, real,
          arith::IndexCastOp::create(b, loc, b.getI64Type(), size)));
}

Value FFTConvEmitter::emitSpectra(std::optional<TileAxis> laneAxis) {
  // 1. One work tile per tile of the filter's channels.
  SmallVector<TileAxis> axes;
  SmallVector<AffineExpr> exprs;
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : parallel)
    if (uses(filter.map, dim) && !(laneAxis && dim == laneAxis->dim)) {
      axes.push_back(unitAxis(b, dim, sizes[dim]));
      exprs.push_back(b.getAffineDimExpr(dim));
      shape.push_back(sizes[dim]);
    }
  bool hasLanes = laneAxis && filterHasLanes();
  if (hasLanes)
    axes.push_back(*laneAxis);
  for (unsigned dim : {tileDim(), time, partDim(), laneInTileDim()})
    exprs.push_back(b.getAffineDimExpr(dim));
  shape.push_back(hasLanes ? laneAxis->count : OpFoldResult(b.getIndexAttr(1)));
  shape.push_back(transform.getSize());
  shape.push_back(b.getIndexAttr(2));
  shape.push_back(b.getIndexAttr(countFilterLanes()));
  spectrumMap = AffineMap::get(partDim() + 1, 0, exprs, b.getContext());
  Value empty = tensor::EmptyOp::create(b, loc, shape, real);

  // 2. The inverse transform's 1/size goes into the spectrum.
  Value scale = emitScale();
  return forEachSharedTile(axes, empty, [&](const Tile &tile, ValueRange) {
    Value spectrum;
    FFTConvEmitter own = *this;
    own.setLanes(countFilterLanes());
    if (isSplit)
      spectrum = own.emitForward(own.loadSplit(filter, tile, scale));
    else if (canJoin(filter, filter.steps, tile))
      spectrum = own.transform.withoutBorder().emitForward(
          own.loadJoined(filter, tile, scale));
    else
      spectrum = own.emitForward(own.load(filter, tile, scale));
    return SmallVector<TileResult>{
        {spectrum, spectrumMap, spectrumTile(tile, laneAxis)}};
  })[0];
}

/// A spectrum that all lanes share has one lane, unless it is multiplied by
/// rows of matrices.
int64_t FFTConvEmitter::countFilterLanes() {
  return filterHasLanes() || parallel.empty() || products || isSplit ? lanes
                                                                     : 1;
}

Value FFTConvEmitter::spectrumOf(const Tile &tile,
                                 std::optional<TileAxis> laneAxis) {
  return extractTile(b, loc, spectra, spectrumMap,
                     spectrumTile(tile, laneAxis));
}

bool FFTConvEmitter::hasWholeLines() {
  constexpr int64_t kLineBits = 512;
  return lanes * op.getType().getElementTypeBitWidth() >= kLineBits;
}

bool FFTConvEmitter::writesLinesApart() {
  if (isTimeContiguous(resultMap, time, parallel.back()))
    return true;
  RankedTensorType type = op.getType();
  return hasWholeLines() && type.hasStaticShape() &&
         type.getNumElements() * type.getElementTypeBitWidth() / 8 >=
             kStreamedBytes;
}

/// A thread takes the tiles whose spectra it has computed: they are in its
/// caches. Where channels are tiles, those are a group of them, and tiles of
/// the group that lie beside each other are computed one after the other.
SmallVector<TileAxis>
FFTConvEmitter::tileAxes(std::optional<TileAxis> laneAxis) {
  SmallVector<TileAxis> axes, others;
  for (unsigned dim : parallel)
    if (!(laneAxis && dim == laneAxis->dim))
      (uses(filter.map, dim) ? axes : others)
          .push_back(unitAxis(b, dim, sizes[dim]));
  if (laneAxis && filterHasLanes() && axes.empty() && !others.empty() &&
      writesLinesApart()) {
    int64_t tiles = getConstantIntValue(laneAxis->count).value_or(0),
            perThread = tiles / cores;
    if (perThread > 0 && tiles % cores == 0) {
      axes.push_back({laneAxis->dim, laneAxis->begin, b.getIndexAttr(cores),
                      b.getIndexAttr(perThread * lanes), /*kept=*/false});
      laneAxis->begin = b.getIndexAttr(0);
      laneAxis->count = b.getIndexAttr(perThread);
    }
  }
  axes.append(others);
  if (laneAxis)
    axes.push_back(*laneAxis);
  return axes;
}

bool FFTConvEmitter::fitsTwoTiles() {
  constexpr int64_t kSecondCache = 1 << 20;
  std::optional<int64_t> rows = getConstantIntValue(transform.getSize());
  int64_t rowBytes = 2 * lanes * real.getIntOrFloatBitWidth() / 8;
  return rows && 2 * *rows * rowBytes <= kSecondCache;
}

/// Where nothing else uses a tile's spectrum, the blocks of both transforms
/// take turns, so that none of it goes to the last cache or to memory before it
/// is used. Two work tiles that the second cache holds do not gain by that.
bool FFTConvEmitter::transformsBeside(std::optional<TileAxis> laneAxis) {
  if (!isWhole || !(isSplit || (laneAxis && filterHasLanes())))
    return false;
  for (unsigned dim : parallel)
    if (!uses(filter.map, dim) && getConstantIntValue(sizes[dim]) != 1)
      return false;
  if (isSplit)
    return !fitsTwoTiles();
  Tile tile = wholeOp();
  tile.ranges[laneAxis->dim].size = laneAxis->size;
  Stretch all{b.getIndexAttr(0), sizes[time]};
  return canJoin(filter, filter.steps, tile) &&
         canJoin(streamed, streamed.steps, tile) &&
         canJoin({Value(), resultMap}, all, tile) && !fitsTwoTiles();
}

Value FFTConvEmitter::emitTile(const Tile &tile, Value spectrum, Value part) {
  if (isSplit) {
    Value taps = spectrum ? Value() : loadSplit(filter, tile, emitScale());
    Value work = loadSplit(streamed, tile, Value());
    work = spectrum ? transform.emitConvolution(work, spectrum)
                    : transform.emitConvolutionBeside(work, taps);
    return storeSplit(work, tile, part);
  }
  if (!spectrum) {
    Value taps = loadJoined(filter, tile, emitScale());
    Value work = loadJoined(streamed, tile, Value());
    work = transform.withoutBorder().emitConvolutionBeside(work, taps);
    return storeJoined(work, tile, part);
  }
  Stretch all{b.getIndexAttr(0), sizes[time]};
  if (canJoin(streamed, streamed.steps, tile) &&
      canJoin({Value(), resultMap}, all, tile)) {
    Value work = loadJoined(streamed, tile, Value());
    work = transform.withoutBorder().emitConvolution(work, spectrum);
    return storeJoined(work, tile, part);
  }
  Value work = load(streamed, tile, Value());
  return store(emitConvolution(work, spectrum), tile, part);
}

Value FFTConvEmitter::emitTiles(std::optional<TileAxis> laneAxis, Value out) {
  bool beside = transformsBeside(laneAxis);
  if (!beside && (!spectra || filterHasLanes()))
    spectra = emitSpectra(laneAxis);
  if (blocks)
    return emitBlocks(laneAxis, out);
  SmallVector<TileAxis> axes = tileAxes(laneAxis);
  transform.setLooksAhead(looksAhead && !beside);
  if (!beside)
    if (std::optional<Runs> runs = splitRuns(axes))
      return emitRuns(*runs, laneAxis, out);
  return forEachSharedTile(axes, out, [&](const Tile &tile, ValueRange shared) {
    Value spectrum = beside ? Value() : spectrumOf(tile, laneAxis);
    Tile whole = tile.withAllDims();
    Value part = extractTile(b, loc, shared[0], resultMap, whole);
    return SmallVector<TileResult>{
        {emitTile(tile, spectrum, part), resultMap, whole}};
  })[0];
}

/// Channels that are left over have a tile of their own, as full as it can be.
void FFTConvEmitter::narrowTo(const TileAxis &axis) {
  std::optional<int64_t> channels = getConstantIntValue(axis.size);
  if (channels && !products)
    setLanes(std::min<int64_t>(
        lanes, llvm::PowerOf2Ceil(std::max(*channels, FFTPlan::kFewestLanes))));
}

Value FFTConvEmitter::emit() {
  emitTables();
  Value out = tensor::EmptyOp::create(b, loc, applyMap(resultMap, sizes),
                                      op.getType().getElementType());
  if (parallel.empty() || isSplit)
    return emitTiles(std::nullopt, out);
  unsigned laneDim = parallel.back();
  for (TileAxis axis : splitLanes(b, loc, laneDim, sizes[laneDim], lanes)) {
    narrowTo(axis);
    out = emitTiles(axis, out);
  }
  return out;
}

/// long_conv_c7.
static bool mayUseMatrix(LongConvOp op, StrategyAttr strategy) {
  RankedTensorType type = op.getType();
  unsigned time = *positionOf(op.getResultMap(0), op.getTime());
  return type.getElementTypeBitWidth() <= 32 &&
         (strategy.getPoints() > 0 || !type.isDynamicDim(time));
}

namespace {
struct LowerFFTConv : OpRewritePattern<LongConvOp> {
  LowerFFTConv(MLIRContext *context, int64_t cores, bool looksAhead,
               bool isWhole)
      : OpRewritePattern(context), cores(cores), looksAhead(looksAhead),
        isWhole(isWhole) {}

  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (!strategy || strategy.getKind() != StrategyKind::FFTConv)
      return rewriter.notifyMatchFailure(op, "strategy is not fft_conv");
    if (op.getNumerics() == Numerics::Strict)
      return rewriter.notifyMatchFailure(op, "numerics<strict>");
    if (isa<ComplexType>(op.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "complex: convolved by parts");
    // A recurrence that has become a convolution was not verified as one.
    if (strategy.getMatrix() && !mayUseMatrix(op, strategy))
      return rewriter.notifyMatchFailure(op, "long_conv_c7");
    FFTConvEmitter emitter(rewriter, op, strategy, cores, looksAhead, isWhole);
    rewriter.replaceOp(op, emitter.emit());
    return success();
  }

  int64_t cores;
  bool looksAhead, isWhole;
};
} // namespace

void ssm::populateFFTConvLowering(RewritePatternSet &patterns, int64_t cores,
                                  bool looksAhead, bool isWhole) {
  patterns.add<LowerFFTConv>(patterns.getContext(), cores, looksAhead, isWhole);
}
