//===- SplitTime.cpp - A few channels along contiguous time ---------------===//
//
// One channel alone waits for each step's multiply-add. So time is cut into
// blocks of 16 segments of 64 steps, and the lanes hold segments:
//
//   1 transpose the block's operands to steps of lanes
//   2 for each segment: (p, s), the map x -> p x + s of all its steps
//   3 the states before the segments: a recurrence over (p, s), from the state
//     that the last block left
//   4 the recurrence within the segments, from those states; transpose back
//
// Everything of a block stays in the first cache. The cuts depend on the length
// alone. What is left over, less than a block, is a recurrence as it was.
//
// Precondition: strategy `sequential`; a diagonal, real, time-varying
// transition and nothing but signal and initial state beside it.
//
// Reference: Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190).
//
//===----------------------------------------------------------------------===//

#include "Recurrence.h"
#include "TimeLoop.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Plan/ScanPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
class SplitTimeEmitter {
public:
  SplitTimeEmitter(OpBuilder &b, LinearRecurrenceOp op)
      : b(b), op(op), loc(op.getLoc()), problem(makeDiagonalScan(b, op)),
        time(problem->time), real(op.getStateElementType()),
        steps(b.getMultiDimIdentityMap(2)),
        turned(AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0},
                                            b.getContext())),
        segments(AffineMap::get(2, 0, b.getAffineDimExpr(1), b.getContext())) {}

  SmallVector<Value> emit();

private:
  using Values = SmallVector<Value>;

  Values runBlock(const Tile &tile, OpFoldResult begin, ValueRange carried);
  Values runRest(const Tile &tile, TimeRange range, ValueRange carried);
  /// The block's steps as a row for each segment.
  Value cut(Value line);
  /// The operand's steps of the block, [step of the segment, segment].
  Value pack(Value value, AffineMap map, const Tile &block);
  /// A recurrence over the block in that layout.
  LinearRecurrenceOp makeSegments(Value transition, Value signal,
                                  AffineMap signalMap, Value init);
  /// The states before each segment, and the state after the last.
  std::pair<Value, Value> linkSegments(Value product, Value local, Value state);
  Value filled(ArrayRef<int64_t> shape, double value);
  /// The block in that layout.
  Tile matrix() {
    return wholeTile(
        b, {b.getIndexAttr(kSegmentSteps), b.getIndexAttr(kSegments)});
  }

  OpBuilder &b;
  LinearRecurrenceOp op;
  Location loc;
  std::unique_ptr<ScanProblem> problem;
  unsigned time;
  Type real;
  /// Maps of values in the block's layout, (step, segment), as it lies in
  /// memory, (segment, step), and of one value a segment.
  AffineMap steps, turned, segments;
};
} // namespace

Value SplitTimeEmitter::filled(ArrayRef<int64_t> shape, double value) {
  auto type = RankedTensorType::get(shape, real);
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, b.getFloatAttr(real, value)));
}

Value SplitTimeEmitter::cut(Value line) {
  auto element = cast<RankedTensorType>(line.getType()).getElementType();
  auto type = RankedTensorType::get({kSegments, kSegmentSteps}, element);
  ReassociationIndices both = {0, 1};
  return tensor::ExpandShapeOp::create(b, loc, type, line,
                                       ArrayRef<ReassociationIndices>{both});
}

Value SplitTimeEmitter::pack(Value value, AffineMap map, const Tile &block) {
  Tile line = block;
  line.kept = {time};
  Value lines = cut(extractTile(b, loc, value, map, line));
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{kSegmentSteps, kSegments},
      cast<RankedTensorType>(lines.getType()).getElementType());
  return transposeTile(b, loc, {lines, turned}, {empty, steps}, matrix(), 1, 0);
}

LinearRecurrenceOp SplitTimeEmitter::makeSegments(Value transition,
                                                  Value signal,
                                                  AffineMap signalMap,
                                                  Value init) {
  SmallVector<AffineMap> maps = {steps, signalMap, segments, steps, segments};
  Type element =
      cast<RankedTensorType>(op.getResult().getType()).getElementType();
  auto resultType = RankedTensorType::get({kSegmentSteps, kSegments}, element);
  auto finalType = RankedTensorType::get({kSegments}, real);
  return LinearRecurrenceOp::create(
      b, loc, TypeRange{resultType, finalType}, transition, signal,
      /*input=*/Value(), /*output=*/Value(), init, /*left=*/Value(),
      /*right=*/Value(), b.getAffineMapArrayAttr(maps), /*time=*/0,
      /*row=*/IntegerAttr(), /*column=*/IntegerAttr(), op.getDirection(),
      Projection::None, op.getRead(), op.getNumerics(),
      StrategyAttr::get(b.getContext(), StrategyKind::Sequential, 128,
                        kSegments));
}

std::pair<Value, Value>
SplitTimeEmitter::linkSegments(Value product, Value local, Value state) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  AffineMap none = AffineMap::get(1, 0, {}, b.getContext());
  SmallVector<AffineMap> maps = {identity, identity, none, identity, none};
  auto statesType = RankedTensorType::get({kSegments}, real);
  auto stateType = RankedTensorType::get({}, real);
  auto link = LinearRecurrenceOp::create(
      b, loc, TypeRange{statesType, stateType}, product, local,
      /*input=*/Value(), /*output=*/Value(), state, /*left=*/Value(),
      /*right=*/Value(), b.getAffineMapArrayAttr(maps), /*time=*/0,
      /*row=*/IntegerAttr(), /*column=*/IntegerAttr(), op.getDirection(),
      Projection::None, ReadPoint::Before, op.getNumerics(),
      StrategyAttr::get(b.getContext(), StrategyKind::Sequential, 128, 1));
  return {link.getResult(), link.getFinal()};
}

SmallVector<Value> SplitTimeEmitter::runBlock(const Tile &tile,
                                              OpFoldResult begin,
                                              ValueRange carried) {
  Tile block = tile;
  block.ranges[time] = {begin, b.getIndexAttr(kSegmentBlock),
                        b.getIndexAttr(1)};
  // 1. Steps of lanes.
  Value a = pack(op.getTransition(), op.getTransitionMap(), block);
  Value u = pack(op.getSignal(), op.getSignalMap(), block);
  // 2. The map of each segment.
  AffineMap none = AffineMap::get(2, 0, {}, b.getContext());
  Type element = getElementTypeOrSelf(op.getSignal());
  Value still = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(RankedTensorType::get({}, element),
                             b.getFloatAttr(element, 0.0)));
  Value product =
      makeSegments(a, still, none, filled({kSegments}, 1.0)).getFinal();
  Value local = makeSegments(a, u, steps, filled({kSegments}, 0.0)).getFinal();
  // 3. The states before them.
  auto [before, state] = linkSegments(product, local, carried[1]);
  // 4. All states.
  Value y = makeSegments(a, u, steps, before).getResult();
  Tile place = block.atOrigin();
  place.ranges[time].offset = begin;
  place.kept = {time};
  AffineMap map = op.getResultIndexingMap();
  Value lines = cut(extractTile(b, loc, carried[0], map, place));
  lines = transposeTile(b, loc, {y, steps}, {lines, turned}, matrix(), 1, 0);
  ReassociationIndices both = {0, 1};
  Value line = tensor::CollapseShapeOp::create(
      b, loc, lines, ArrayRef<ReassociationIndices>{both});
  return {insertTile(b, loc, line, carried[0], map, place), state};
}

SmallVector<Value> SplitTimeEmitter::runRest(const Tile &tile, TimeRange range,
                                             ValueRange carried) {
  Tile place = tile.atOrigin().withAllDims();
  place.ranges[time] = {range.begin, range.length, b.getIndexAttr(1)};
  AffineMap resultMap = op.getResultIndexingMap();
  Value part = extractTile(b, loc, carried[0], resultMap, place);
  std::unique_ptr<ScanTile> scan = problem->makeTile(b, tile);
  Values done = scanRange(b, *problem, *scan, range, carried[1], part);
  return {insertTile(b, loc, done[1], carried[0], resultMap, place), done[0]};
}

SmallVector<Value> SplitTimeEmitter::emit() {
  OpFoldResult length = problem->loopSizes[time];
  TimeRange whole{b.getIndexAttr(0), length};
  Values outs = makeOutputs(b, *problem);
  SmallVector<TileAxis> axes;
  for (unsigned dim : problem->parallel)
    axes.push_back(unitAxis(b, dim, problem->loopSizes[dim]));
  return forEachTile(
      b, loc, axes, stateTile(b, *problem), outs,
      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
        std::unique_ptr<ScanTile> scan = problem->makeTile(b, tile);
        Values carried = extractParts(b, *problem, tile, whole, shared);
        llvm::append_range(carried, scan->start(b));
        carried = forEachBlock(b, loc, length, kSegmentBlock, problem->backward,
                               carried, [&](TimeRange range, ValueRange args) {
                                 return getConstantIntValue(range.length) ==
                                                kSegmentBlock
                                            ? runBlock(tile, range.begin, args)
                                            : runRest(tile, range, args);
                               });
        return collectResults(b, *problem, *scan, tile, whole,
                              {carried[1], carried[0]});
      });
}

/// Steps that lie next to each other, up to dimensions of size one.
static bool isLine(LinearRecurrenceOp op, AffineMap map) {
  if (!uses(map, op.getTime()))
    return false;
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  return llvm::all_of(
      ArrayRef(dimsOf(map)).drop_front(*positionOf(map, op.getTime()) + 1),
      [&](unsigned dim) { return sizes[dim] == 1; });
}

namespace {
struct LowerSplitTime : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    LinearRecurrenceOp::Dims dims = op.getDims();
    SmallVector<int64_t> sizes = getStaticLoopSizes(op);
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::Sequential)
      return rewriter.notifyMatchFailure(op, "strategy is not sequential");
    if (!op.isDiagonal() || op.getInput() || op.getOutput() ||
        isa<ComplexType>(op.getStateElementType()) ||
        op.getResult().use_empty())
      return rewriter.notifyMatchFailure(op, "not real states of a diagonal");
    if (!isLine(op, op.getTransitionMap()) || !isLine(op, op.getSignalMap()) ||
        !isLine(op, op.getResultIndexingMap()))
      return rewriter.notifyMatchFailure(op, "time is not contiguous");
    int64_t channels = dims.parallel.empty() ? 1 : sizes[dims.parallel.back()];
    if (ShapedType::isDynamic(channels) || channels >= kFewChannels)
      return rewriter.notifyMatchFailure(op, "channels fill the lanes");
    if (!ShapedType::isDynamic(sizes[dims.time]) &&
        sizes[dims.time] < kSegmentBlock)
      return rewriter.notifyMatchFailure(op, "less than a block");
    SmallVector<Value> values = SplitTimeEmitter(rewriter, op).emit();
    const Value *next = values.begin();
    for (Value result : op->getResults())
      if (!result.use_empty())
        rewriter.replaceAllUsesWith(result, *next++);
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void ssm::populateSplitTimeLowering(RewritePatternSet &patterns) {
  patterns.add<LowerSplitTime>(patterns.getContext(), /*benefit=*/3);
}
