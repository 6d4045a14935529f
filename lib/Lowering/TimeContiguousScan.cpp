//===- TimeContiguousScan.cpp - Associative scans along contiguous time ---===//
//
// As in TimeContiguous.cpp, lanes are independent scans, and for each tile of
// them, block after block of time:
//
//   1 transpose the block's inputs, in registers, to steps of lanes
//   2 combine its first element with what the block before ended in
//   3 scan the block
//   4 transpose its results back
//
// The prefixes before the elements are those after the elements a step later,
// so that an exclusive scan puts what the block before ended in before the
// block's elements, of which the last one is combined with the last prefix.
//
// Elements are combined in the same order as without blocks.
//
// Precondition: strategy `sequential`.
//
//===----------------------------------------------------------------------===//

#include "AssociativeScan.h"
#include "TimeLoop.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

namespace {
class BlockedScanEmitter {
public:
  BlockedScanEmitter(OpBuilder &b, AssociativeScanOp op, int64_t lanes)
      : b(b), op(op), loc(op.getLoc()), problem(makeAssociativeScan(b, op)),
        time(problem->time), lane(problem->parallel.back()), lanes(lanes),
        used(usedComponents(op)), carried(carriedComponents(op)) {
    map = b.getMultiDimIdentityMap(problem->loopSizes.size());
    packed = lanesLast(map, lane);
  }

  /// The results that are used.
  SmallVector<Value> emit();

private:
  using Values = SmallVector<Value>;

  Values emitTile(const Tile &tile, ValueRange outs);
  /// The parts of the used results, and then the carried components at the
  /// block's last step.
  Values runBlock(const Tile &tile, TimeRange range, ValueRange carry);
  /// A step's elements of the block, combined with the prefixes before it,
  /// unless it is said to be the scan's first.
  Values combineAt(const Tile &step, ValueRange inputs, ValueRange before,
                   Value isFirst = {});
  /// The block's elements with the prefixes after the block before it in the
  /// first ones, or in front of all, so that the last one is left out.
  Values joinFirst(const Tile &block, TimeRange range, ValueRange inputs,
                   ValueRange before);
  Values putBefore(const Tile &block, ValueRange inputs, ValueRange before);
  Tile atStep(const Tile &block, bool isLast);

  OpBuilder &b;
  AssociativeScanOp op;
  Location loc;
  std::unique_ptr<ScanProblem> problem;
  unsigned time, lane;
  int64_t lanes;
  SmallVector<unsigned> used, carried;
  AffineMap map, packed;
};
} // namespace

/// The first or the last step of a block in the scan's direction, as a tile of
/// packed values.
Tile BlockedScanEmitter::atStep(const Tile &block, bool isLast) {
  Tile step = block.atOrigin();
  LoopRange &range = step.ranges[time];
  AffineExpr size = b.getAffineSymbolExpr(0);
  if (isLast != problem->backward)
    range.offset = ssm::affine(b, loc, size - 1, {range.size});
  range.size = b.getIndexAttr(1);
  return step;
}

SmallVector<Value> BlockedScanEmitter::combineAt(const Tile &step,
                                                 ValueRange inputs,
                                                 ValueRange before,
                                                 Value isFirst) {
  unsigned rank = map.getNumDims(), size = inputs.size();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<Indexed> ins, outs;
  for (Value input : inputs)
    ins.push_back({extractTile(b, loc, input, packed, step), all});
  for (Value value : before)
    outs.push_back({value, all});
  return buildGeneric(
      b, loc, rank, ins, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        Values element(args.take_front(size)), prefix(size);
        for (auto [component, value] :
             llvm::zip_equal(carried, args.drop_front(size)))
          prefix[component] = value;
        Values combined = combineScalars(nested, op, prefix, element, carried);
        if (isFirst)
          for (auto [component, value] : llvm::zip_equal(carried, combined))
            value = arith::SelectOp::create(nested, bodyLoc, isFirst,
                                            element[component], value);
        return combined;
      });
}

SmallVector<Value> BlockedScanEmitter::joinFirst(const Tile &block,
                                                 TimeRange range,
                                                 ValueRange inputs,
                                                 ValueRange before) {
  AffineExpr begin = b.getAffineSymbolExpr(0),
             length = b.getAffineSymbolExpr(1), end = b.getAffineSymbolExpr(2);
  OpFoldResult steps =
      ssm::affine(b, loc, problem->backward ? end - begin - length : begin,
                  {range.begin, range.length, problem->loopSizes[time]});
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        asValue(b, loc, steps),
                                        asValue(b, loc, b.getIndexAttr(0)));
  Tile first = atStep(block, /*isLast=*/false).withAllDims();
  Values elements(inputs);
  for (auto [component, value] :
       llvm::zip_equal(carried, combineAt(first, inputs, before, isFirst)))
    elements[component] =
        insertTile(b, loc, value, elements[component], packed, first);
  return elements;
}

SmallVector<Value> BlockedScanEmitter::putBefore(const Tile &block,
                                                 ValueRange inputs,
                                                 ValueRange before) {
  Tile from = block.atOrigin().withAllDims(), to = from;
  AffineExpr size = b.getAffineSymbolExpr(0);
  from.ranges[time].size = to.ranges[time].size =
      ssm::affine(b, loc, size - 1, {block.ranges[time].size});
  (problem->backward ? from : to).ranges[time].offset = b.getIndexAttr(1);
  Tile first = atStep(block, /*isLast=*/false).withAllDims();
  Values elements;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto type = cast<RankedTensorType>(input.getType());
    Value moved = tensor::EmptyOp::create(
        b, loc, tensor::getMixedSizes(b, loc, input), type.getElementType());
    moved = insertTile(b, loc, extractTile(b, loc, input, packed, from), moved,
                       packed, to);
    if (const unsigned *at = llvm::find(carried, i); at != carried.end())
      moved = insertTile(b, loc, before[at - carried.begin()], moved, packed,
                         first);
    elements.push_back(moved);
  }
  return elements;
}

SmallVector<Value> BlockedScanEmitter::runBlock(const Tile &tile,
                                                TimeRange range,
                                                ValueRange carry) {
  ValueRange parts = carry.take_front(used.size()),
             before = carry.drop_front(used.size());
  Tile block = tile;
  block.ranges[time] = {range.begin, range.length, b.getIndexAttr(1)};
  Values inputs;
  for (Value input : op.getInputs())
    inputs.push_back(packBlock(b, loc, {input, map}, block, time, lane).value);
  Values elements = op.getExclusive() ? putBefore(block, inputs, before)
                                      : joinFirst(block, range, inputs, before);

  unsigned place = 0;
  for (auto [i, dim] : llvm::enumerate(dimsOf(packed)))
    if (dim == time)
      place = i;
  IRMapping mapping;
  mapping.map(op.getInputs(), elements);
  auto inner = cast<AssociativeScanOp>(b.clone(*op, mapping));
  inner.setDimension(place);
  inner.setExclusive(false);
  for (auto [result, element] : llvm::zip_equal(inner.getResults(), elements))
    result.setType(element.getType());

  Values next;
  Tile at = block.atOrigin();
  at.ranges[time].offset = range.begin;
  for (auto [component, part] : llvm::zip_equal(used, parts)) {
    Value into = extractTile(b, loc, part, map, at.withAllDims());
    Value y = transposeTile(b, loc, {inner.getResult(component), packed},
                            {into, map}, block.atOrigin(), lane, time);
    next.push_back(insertTile(b, loc, y, part, map, at.withAllDims()));
  }
  Tile last = atStep(block, /*isLast=*/true).withAllDims();
  Values ends;
  for (unsigned component : carried)
    ends.push_back(
        extractTile(b, loc, inner.getResult(component), packed, last));
  llvm::append_range(next,
                     op.getExclusive() ? combineAt(last, inputs, ends) : ends);
  return next;
}

SmallVector<Value> BlockedScanEmitter::emitTile(const Tile &tile,
                                                ValueRange outs) {
  Values state;
  for (Value out : outs)
    state.push_back(extractTile(b, loc, out, map, tile));
  Tile step = tile;
  step.ranges[time].size = b.getIndexAttr(1);
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(packed))
    sizes.push_back(step.ranges[dim].size);
  for (unsigned component : carried) {
    Type type = getElementTypeOrSelf(op.getInputs()[component].getType());
    Value start = op.getExclusive() ? op.getIdentity()[component]
                                    : makeZero(b, loc, type);
    Value empty = tensor::EmptyOp::create(b, loc, sizes, type);
    state.push_back(linalg::FillOp::create(b, loc, start, empty).getResult(0));
  }
  return forEachBlock(b, loc, problem->loopSizes[time], kBlockSteps,
                      problem->backward, state,
                      [&](TimeRange range, ValueRange args) {
                        return runBlock(tile, range, args);
                      });
}

SmallVector<Value> BlockedScanEmitter::emit() {
  Values outs = makeOutputs(b, *problem);
  for (ArrayRef<TileAxis> axes : channelTilings(b, *problem, lanes))
    outs = forEachTile(b, loc, axes, stateTile(b, *problem), outs,
                       [&](OpBuilder &, const Tile &tile, ValueRange shared) {
                         Tile whole = tile.withAllDims();
                         Values done = emitTile(whole, shared);
                         SmallVector<TileResult> results;
                         for (unsigned i = 0; i < used.size(); ++i)
                           results.push_back({done[i], map, whole});
                         return results;
                       });
  return outs;
}

namespace {
struct LowerTimeContiguousScan : OpRewritePattern<AssociativeScanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AssociativeScanOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::Sequential)
      return rewriter.notifyMatchFailure(op, "strategy is not sequential");
    if (op->use_empty())
      return rewriter.notifyMatchFailure(op, "no result is used");
    auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
    int64_t rank = type.getRank(), time = op.getDimension();
    if (rank < 2 || time != rank - 1 || type.getDimSize(rank - 2) == 1 ||
        type.getDimSize(time) == 0)
      return rewriter.notifyMatchFailure(op, "time is not contiguous");
    constexpr int64_t kDefaultLanes = 16;
    SmallVector<unsigned> used = usedComponents(op);
    SmallVector<Value> results =
        BlockedScanEmitter(rewriter, op,
                           strategy ? strategy.getLanes() : kDefaultLanes)
            .emit();
    for (auto [component, result] : llvm::zip_equal(used, results))
      rewriter.replaceAllUsesWith(op.getResult(component), result);
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void ssm::populateTimeContiguousScanLowering(RewritePatternSet &patterns) {
  patterns.add<LowerTimeContiguousScan>(patterns.getContext(), /*benefit=*/2);
}
