//===- TimeContiguous.cpp - Recurrences along contiguous time -------------===//
//
// Lanes are channels. Where steps of time lie next to each other in memory and
// channels far apart, a row of lanes would be gathered element by element. So
// for each tile of channels, and block after block of time:
//
//   1 transpose the block's operands, in registers, to steps of lanes
//   2 the recurrence over the block, from the state that the last one left
//   3 transpose its results back
//
// An operand's elementwise producer moves to the block, where the recurrence
// fuses it, and the producer's own operands are transposed.
//
// Precondition: strategy `sequential`; no input or output contraction.
//
//===----------------------------------------------------------------------===//

#include "Labelled.h"
#include "Recurrence.h"
#include "TimeLoop.h"
#include "Transpose.h"

#include "ssm/Analysis/Elementwise.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace ssm;

namespace {
class TimeContiguousEmitter {
public:
  TimeContiguousEmitter(OpBuilder &b, LinearRecurrenceOp op, int64_t lanes)
      : b(b), op(op), loc(op.getLoc()),
        problem(op.isDiagonal() ? makeDiagonalScan(b, op)
                                : makeMixingScan(b, op)),
        time(problem->time), lane(problem->parallel.back()), lanes(lanes) {}

  /// The op's results; all of them.
  SmallVector<Value> emit();

private:
  using Values = SmallVector<Value>;

  /// The tile's initial state, laid out like the final one.
  Value makeState(const Tile &tile);
  /// The carried values (result's part, state) after the block.
  Values runBlock(const Tile &tile, TimeRange range, ValueRange carried);
  /// The operand's part in the block, with its lanes last.
  Indexed pack(Value value, AffineMap map, const Tile &block);
  Indexed packProducer(const Elementwise &producer, AffineMap map,
                       const Tile &block);
  AffineMap packedMap(AffineMap map) const {
    return isTimeContiguous(map, time, lane) ? lanesLast(map, lane) : map;
  }

  OpBuilder &b;
  LinearRecurrenceOp op;
  Location loc;
  std::unique_ptr<ScanProblem> problem;
  unsigned time, lane;
  int64_t lanes;
};
} // namespace

Value TimeContiguousEmitter::makeState(const Tile &tile) {
  AffineMap finalMap = op.getFinalIndexingMap();
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(finalMap))
    sizes.push_back(tile.ranges[dim].size);
  Type element = op.getStateElementType(), real = getRealType(element);
  SmallVector<Indexed> ins;
  AffineMap identity = b.getMultiDimIdentityMap(sizes.size());
  if (op.getInit()) {
    Tile states = tile;
    states.kept = dimsOf(finalMap);
    ins.push_back(
        {extractTile(b, loc, op.getInit(), op.getInitIndexingMap(), states),
         states.sliceMap(op.getInitIndexingMap())});
  }
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return buildGeneric(
      b, loc, sizes.size(), ins, {{empty, identity}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = ins.empty() ? num.constant(0.0) : num.load(args[0]);
        if (isa<ComplexType>(element) && !x.isComplex())
          x.im = num.constant(0.0).re;
        return Values{num.store(x, element)};
      })[0];
}

Indexed TimeContiguousEmitter::packProducer(const Elementwise &producer,
                                            AffineMap map, const Tile &block) {
  // 1. The loops of the new op are the dimensions of the packed result.
  AffineMap packed = packedMap(map);
  Tile loops = block.atOrigin();
  loops.kept = dimsOf(packed);
  SmallVector<Indexed> ins;
  linalg::GenericOp old = producer.op;
  for (auto [input, inputMap] :
       llvm::zip_equal(old.getDpsInputs(), producer.maps))
    if (inputMap) {
      Indexed in = pack(input, inputMap, block);
      ins.push_back({in.value, loops.sliceMap(in.map)});
    }
  Value empty = tensor::EmptyOp::create(
      b, loc, loops.keptSizes(),
      cast<RankedTensorType>(old.getResult(0).getType()).getElementType());
  // 2. The body as it is; an input that is a scalar, or unused, stays.
  Value result = buildGeneric(
      b, loc, loops.kept.size(), ins, {{empty, loops.sliceMap(packed)}},
      [&](OpBuilder &nested, Location, ValueRange args) {
        IRMapping mapping;
        Block &body = *old.getBlock();
        for (auto [i, inputMap] : llvm::enumerate(producer.maps)) {
          mapping.map(body.getArgument(i),
                      inputMap ? args.front() : old->getOperand(i));
          if (inputMap)
            args = args.drop_front();
        }
        for (Operation &op : body.without_terminator())
          nested.clone(op, mapping);
        return Values{
            mapping.lookupOrDefault(body.getTerminator()->getOperand(0))};
      })[0];
  return {result, packed};
}

Indexed TimeContiguousEmitter::pack(Value value, AffineMap map,
                                    const Tile &block) {
  if (isTimeContiguous(map, time, lane) && !hasComplexElements(value))
    if (Elementwise producer = findProducer(value, map))
      return packProducer(producer, map, block);
  return packBlock(b, loc, {value, map}, block, time, lane);
}

SmallVector<Value> TimeContiguousEmitter::runBlock(const Tile &tile,
                                                   TimeRange range,
                                                   ValueRange carried) {
  Tile block = tile;
  block.ranges[time] = {range.begin, range.length, b.getIndexAttr(1)};
  // 1. The op on the block.
  IRMapping mapping;
  SmallVector<AffineMap> maps;
  auto next = op.getIndexingMapsArray();
  for (auto [value, map] : llvm::zip(op.getIndexedOperands(), next)) {
    if (value == op.getInit()) {
      maps.push_back(op.getFinalIndexingMap());
      continue;
    }
    Indexed in = pack(value, map, block);
    mapping.map(value, in.value);
    maps.push_back(in.map);
  }
  auto inner = cast<LinearRecurrenceOp>(b.clone(*op, mapping));
  if (!op.getInit()) {
    // The maps follow the order of the operands.
    unsigned before = 2 + bool(op.getInput()) + bool(op.getOutput());
    maps.insert(maps.begin() + before, op.getFinalIndexingMap());
  }
  inner.getInitMutable().assign(carried[1]);
  AffineMap resultMap = op.getResultIndexingMap();
  AffineMap packedResult = packedMap(resultMap);
  maps.append({packedResult, op.getFinalIndexingMap()});
  inner.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
  auto resize = [&](Value result, AffineMap map) {
    SmallVector<int64_t> shape;
    for (unsigned dim : dimsOf(map))
      shape.push_back(getConstantIntValue(block.ranges[dim].size)
                          .value_or(ShapedType::kDynamic));
    result.setType(cast<RankedTensorType>(result.getType()).clone(shape));
  };
  resize(inner.getResult(), packedResult);
  resize(inner.getFinal(), op.getFinalIndexingMap());
  // 2. Its result into the tile's part.
  Tile place = block.atOrigin();
  place.ranges[time].offset = range.begin;
  Value y = inner.getResult();
  if (packedResult != resultMap) {
    Value part = extractTile(b, loc, carried[0], resultMap, place);
    y = transposeTile(b, loc, {y, packedResult}, {part, resultMap},
                      block.atOrigin(), lane, time);
  }
  return {insertTile(b, loc, y, carried[0], resultMap, place),
          inner.getFinal()};
}

SmallVector<Value> TimeContiguousEmitter::emit() {
  AffineMap resultMap = op.getResultIndexingMap(),
            finalMap = op.getFinalIndexingMap();
  ArrayRef<OpFoldResult> sizes = problem->loopSizes;
  Values outs = {
      tensor::EmptyOp::create(b, loc, applyMap(resultMap, sizes),
                              op.getResult().getType().getElementType()),
      tensor::EmptyOp::create(b, loc, applyMap(finalMap, sizes),
                              op.getStateElementType())};
  for (ArrayRef<TileAxis> axes : channelTilings(b, *problem, lanes))
    outs = forEachTile(
        b, loc, axes, stateTile(b, *problem), outs,
        [&](OpBuilder &, const Tile &tile, ValueRange shared) {
          Tile whole = tile.withAllDims();
          Values carried = {extractTile(b, loc, shared[0], resultMap, whole),
                            makeState(whole)};
          carried =
              forEachBlock(b, loc, sizes[time], kBlockSteps, problem->backward,
                           carried, [&](TimeRange range, ValueRange args) {
                             return runBlock(whole, range, args);
                           });
          return SmallVector<TileResult>{{carried[0], resultMap, whole},
                                         {carried[1], finalMap, whole}};
        });
  return outs;
}

namespace {
struct LowerTimeContiguous : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    LinearRecurrenceOp::Dims dims = op.getDims();
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::Sequential)
      return rewriter.notifyMatchFailure(op, "strategy is not sequential");
    if (!dims.input.empty() || !dims.output.empty())
      return rewriter.notifyMatchFailure(op, "contractions are not hoisted");
    SmallVector<int64_t> sizes = getStaticLoopSizes(op);
    if (dims.parallel.empty() || sizes[dims.parallel.back()] == 1)
      return rewriter.notifyMatchFailure(op, "there is one channel");
    if (sizes[dims.time] == 0)
      return rewriter.notifyMatchFailure(op, "there are no steps");
    auto strided = [&](AffineMap map) {
      return isTimeContiguous(map, dims.time, dims.parallel.back());
    };
    if (llvm::none_of(op.getIndexingMapsArray(), strided))
      return rewriter.notifyMatchFailure(op, "time is not contiguous");
    constexpr int64_t kDefaultLanes = 16;
    TimeContiguousEmitter emitter(
        rewriter, op, strategy ? strategy.getLanes() : kDefaultLanes);
    rewriter.replaceOp(op, emitter.emit());
    return success();
  }
};
} // namespace

void ssm::populateTimeContiguousLowering(RewritePatternSet &patterns) {
  patterns.add<LowerTimeContiguous>(patterns.getContext(), /*benefit=*/2);
}
