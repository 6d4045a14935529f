//===- LineScan.cpp - Real recurrences along contiguous time --------------===//
//
// The steps of a channel lie side by side: a line. A loop reads it in order, 64
// steps at a time, as four vectors of 16, and scans them in registers:
//
//   1 transpose the squares of 4 x 4 in the vectors: vector j then holds step j
//     of 16 segments of 4 steps
//   2 in each lane, for each step: (p, s), the map x -> p x + s of all steps of
//     the segment up to it
//   3 the same for the segments before each, over the lanes, by doubling; with
//     the state that the last block left: the states before the segments
//   4 x_j = p_j x + s_j; transpose back
//
// These are 9 shuffles and 5 multiply-adds for each vector, and three streams
// of memory for any number of channels. What is left over, less than a block,
// is a block whose missing steps change nothing.
//
// Precondition: strategy `sequential` and `numerics<norm>`, since products of
// transitions may overflow where states do not; a diagonal, real transition and
// nothing but signal and initial state beside it.
//
// References: Hillis and Steele, "Data Parallel Algorithms" (1986), of step 3;
// Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190), of the rest.
//
//===----------------------------------------------------------------------===//

#include "Labelled.h"
#include "Recurrence.h"
#include "TimeLoop.h"

#include "ssm/IR/Lines.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Plan/ScanPlan.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

#include <array>

using namespace mlir;
using namespace ssm;

/// Lanes, and steps of a segment; both squares of the vectors' transposes.
static constexpr int64_t kLanes = 16, kSide = 4;
static_assert(kLineBlock == kLanes * kSide);

namespace {
class LineScanEmitter {
public:
  LineScanEmitter(OpBuilder &b, LinearRecurrenceOp op)
      : b(b), op(op), loc(op.getLoc()), problem(makeDiagonalScan(b, op)),
        num(b, loc, op.getStateElementType()), real(op.getStateElementType()) {}

  SmallVector<Value> emit();

private:
  /// Four vectors: a block as it lies in memory, or a step of the segments
  /// each.
  using Rows = std::array<Value, kSide>;

  /// The carried values (the result's line, the state in all lanes) after a
  /// range of a block's steps at most.
  SmallVector<Value> runBlock(const Tile &tile, TimeRange range,
                              ValueRange carried);
  Rows load(Value value, AffineMap map, const Tile &block);
  Rows compute(const Elementwise &producer, const Tile &block);
  /// A line without the dimensions of size one after time: a vector that is
  /// read through them has one dimension of several, and falls apart.
  std::pair<Value, AffineMap> endWithTime(Value value, AffineMap map);
  /// What the body computes of scalars, of vectors.
  Value widen(Block &body, IRMapping &mapping);
  /// The rows, with `value` in the steps that the block lacks.
  Rows complete(const Rows &rows, const Tile &block, double value);
  Value store(const Rows &rows, Value line);
  /// Exchanges step and segment. The rows of an operand without time are alike.
  Rows transpose(const Rows &rows);
  /// The states before the segments, and after the last.
  std::pair<Value, Value> link(Value product, Value local, Value state);
  /// What the lane of `by` segments before holds, or `fill`.
  Value fromBefore(Value vector, int64_t by, double fill);
  /// What the lane of the last segment holds, in all lanes.
  Value fromLast(Value vector);

  /// Segments are numbered as time runs; of 16 lanes in memory, four by four,
  /// transposes make those the rows.
  int64_t laneOf(int64_t segment) const {
    if (problem->backward)
      segment = kLanes - 1 - segment;
    return segment % kSide * kSide + segment / kSide;
  }
  Value splat(Type type, double value) {
    auto vector = VectorType::get({kLanes}, type);
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vector, b.getFloatAttr(type, value)));
  }
  Value broadcast(Value scalar) {
    return vector::BroadcastOp::create(
        b, loc, VectorType::get({kLanes}, scalar.getType()), scalar);
  }
  Value shuffle(Value v, Value w, ArrayRef<int64_t> lanes) {
    return vector::ShuffleOp::create(b, loc, v, w, lanes);
  }
  Value mulAdd(Value x, Value y, Value z) {
    return num.addf(num.mulf(x, y), z);
  }
  /// Whether the block is a whole one.
  bool isWhole(const Tile &block) {
    return getConstantIntValue(block.ranges[problem->time].size) == kLineBlock;
  }

  OpBuilder &b;
  LinearRecurrenceOp op;
  Location loc;
  std::unique_ptr<ScanProblem> problem;
  NumBuilder num;
  Type real;
};
} // namespace

/// What computes an operand of a channel's own, from lines and from what has no
/// time.
static Elementwise findLineProducer(LinearRecurrenceOp op, Value value,
                                    AffineMap map) {
  if (!uses(map, op.getTime()) ||
      !llvm::all_of(op.getDims().parallel,
                    [&](unsigned dim) { return uses(map, dim); }))
    return {};
  Elementwise producer = findProducer(value, map);
  // Vectors hold no complex numbers.
  if (!producer || llvm::any_of(producer.op->getOperands(), hasComplexElements))
    return {};
  for (auto [input, inputMap] :
       llvm::zip_equal(producer.op.getDpsInputs(), producer.maps))
    if (inputMap && uses(inputMap, op.getTime()) && !isLine(op, inputMap) &&
        !findLineProducer(op, input, inputMap))
      return {};
  return producer;
}

LineScanEmitter::Rows LineScanEmitter::compute(const Elementwise &producer,
                                               const Tile &block) {
  linalg::GenericOp generic = producer.op;
  std::array<IRMapping, kSide> mappings;
  for (auto [i, map] : llvm::enumerate(producer.maps)) {
    Value operand = generic->getOperand(i);
    if (!map && isa<RankedTensorType>(operand.getType()))
      continue; // the body does not use it
    Rows rows;
    if (map)
      rows = load(operand, map, block);
    else
      rows.fill(broadcast(operand));
    for (auto [mapping, row] : llvm::zip_equal(mappings, rows))
      mapping.map(generic.getBlock()->getArgument(i), row);
  }
  Rows results;
  for (auto [result, mapping] : llvm::zip_equal(results, mappings))
    result = widen(*generic.getBlock(), mapping);
  return results;
}

Value LineScanEmitter::widen(Block &body, IRMapping &mapping) {
  auto lookUp = [&](Value value) {
    Value mapped = mapping.lookupOrDefault(value);
    return isa<VectorType>(mapped.getType()) ? mapped : broadcast(mapped);
  };
  for (Operation &scalar : body.without_terminator()) {
    if (scalar.hasTrait<OpTrait::ConstantLike>()) {
      b.clone(scalar, mapping);
      continue;
    }
    for (Value operand : scalar.getOperands())
      mapping.map(operand, lookUp(operand));
    Operation *wide = b.clone(scalar, mapping);
    for (Value result : wide->getResults())
      result.setType(VectorType::get({kLanes}, result.getType()));
  }
  return lookUp(body.getTerminator()->getOperand(0));
}

std::pair<Value, AffineMap> LineScanEmitter::endWithTime(Value value,
                                                         AffineMap map) {
  unsigned last = *positionOf(map, problem->time), rank = map.getNumResults();
  if (last + 1 == rank)
    return {value, map};
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0; i <= last; ++i)
    groups.push_back({i});
  llvm::append_range(groups.back(), llvm::seq<int64_t>(last + 1, rank));
  return {tensor::CollapseShapeOp::create(b, loc, value, groups),
          map.getMajorSubMap(last + 1)};
}

LineScanEmitter::Rows LineScanEmitter::load(Value value, AffineMap map,
                                            const Tile &block) {
  if (Elementwise producer = findLineProducer(op, value, map))
    return compute(producer, block);
  Rows rows;
  Tile line = block;
  if (!uses(map, problem->time)) {
    Value element = extractTile(b, loc, value, map, line);
    element = tensor::ExtractOp::create(b, loc, element, ValueRange{});
    rows.fill(broadcast(element));
    return rows;
  }
  line.kept = {problem->time};
  std::tie(value, map) = endWithTime(value, map);
  Value slice = extractTile(b, loc, value, map, line);
  Type element = getElementTypeOrSelf(value);
  Value padding = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  for (auto [j, row] : llvm::enumerate(rows))
    row = vector::TransferReadOp::create(
        b, loc, VectorType::get({kLanes}, element), slice,
        asValue(b, loc, b.getIndexAttr(j * kLanes)), padding,
        b.getMultiDimIdentityMap(1), ArrayRef<bool>{isWhole(block)});
  return rows;
}

LineScanEmitter::Rows
LineScanEmitter::complete(const Rows &rows, const Tile &block, double value) {
  if (isWhole(block))
    return rows;
  Rows completed;
  OpFoldResult size = block.ranges[problem->time].size;
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  for (auto [j, row] : llvm::enumerate(rows)) {
    Value count =
        asValue(b, loc, affine(b, loc, s0 - int64_t(j) * kLanes, size));
    Value mask = vector::CreateMaskOp::create(
        b, loc, VectorType::get({kLanes}, b.getI1Type()), count);
    completed[j] =
        arith::SelectOp::create(b, loc, mask, row, splat(real, value));
  }
  return completed;
}

Value LineScanEmitter::store(const Rows &rows, Value line) {
  bool whole =
      cast<RankedTensorType>(line.getType()).getDimSize(0) == kLineBlock;
  for (auto [j, row] : llvm::enumerate(rows))
    line = vector::TransferWriteOp::create(
               b, loc, row, line, asValue(b, loc, b.getIndexAttr(j * kLanes)),
               b.getMultiDimIdentityMap(1), ArrayRef<bool>{whole})
               .getResult();
  return line;
}

LineScanEmitter::Rows LineScanEmitter::transpose(const Rows &rows) {
  if (llvm::all_equal(rows))
    return rows;
  // Interleaves elements of two rows, or pairs of them, in each four.
  auto unpack = [&](Value v, Value w, ArrayRef<int64_t> four) {
    SmallVector<int64_t> lanes;
    for (int64_t at = 0; at < kLanes; at += kSide)
      for (int64_t lane : four)
        lanes.push_back(lane < kSide ? at + lane : kLanes + at + lane - kSide);
    return shuffle(v, w, lanes);
  };
  Value low = unpack(rows[0], rows[1], {0, 4, 1, 5});
  Value high = unpack(rows[0], rows[1], {2, 6, 3, 7});
  Value nextLow = unpack(rows[2], rows[3], {0, 4, 1, 5});
  Value nextHigh = unpack(rows[2], rows[3], {2, 6, 3, 7});
  return {unpack(low, nextLow, {0, 1, 4, 5}),
          unpack(low, nextLow, {2, 3, 6, 7}),
          unpack(high, nextHigh, {0, 1, 4, 5}),
          unpack(high, nextHigh, {2, 3, 6, 7})};
}

Value LineScanEmitter::fromBefore(Value vector, int64_t by, double fill) {
  SmallVector<int64_t> lanes(kLanes);
  for (int64_t segment = 0; segment < kLanes; ++segment)
    lanes[laneOf(segment)] =
        segment < by ? laneOf(segment) : kLanes + laneOf(segment - by);
  return shuffle(splat(real, fill), vector, lanes);
}

Value LineScanEmitter::fromLast(Value vector) {
  return shuffle(vector, vector,
                 SmallVector<int64_t>(kLanes, laneOf(kLanes - 1)));
}

std::pair<Value, Value> LineScanEmitter::link(Value product, Value local,
                                              Value state) {
  for (int64_t by = 1; by < kLanes; by *= 2) {
    local = mulAdd(product, fromBefore(local, by, 0), local);
    product = num.mulf(product, fromBefore(product, by, 1));
  }
  return {mulAdd(fromBefore(product, 1, 1), state, fromBefore(local, 1, 0)),
          mulAdd(fromLast(product), state, fromLast(local))};
}

SmallVector<Value> LineScanEmitter::runBlock(const Tile &tile, TimeRange range,
                                             ValueRange carried) {
  unsigned time = problem->time;
  Tile block = tile;
  block.ranges[time] = {range.begin, range.length, b.getIndexAttr(1)};
  // 1. A step of all segments in each row.
  auto bring = [&](Value value, AffineMap map, double neutral) {
    Rows rows = load(value, map, block);
    for (Value &row : rows)
      row = num.load(row).re;
    return transpose(complete(rows, block, neutral));
  };
  Rows p = bring(op.getTransition(), op.getTransitionMap(), 1);
  Rows s = bring(op.getSignal(), op.getSignalMap(), 0);
  // 2. The segments' maps. Steps are numbered as time runs.
  auto step = [&](int64_t i) { return problem->backward ? kSide - 1 - i : i; };
  for (int64_t i = 1; i < kSide; ++i) {
    int64_t at = step(i), before = step(i - 1);
    s[at] = mulAdd(p[at], s[before], s[at]);
    p[at] = num.mulf(p[at], p[before]);
  }
  // 3. The states before them.
  auto [enter, state] = link(p[step(3)], s[step(3)], carried[1]);
  // 4. All states.
  Rows x;
  for (int64_t j = 0; j < kSide; ++j)
    x[j] = mulAdd(p[j], enter, s[j]);
  if (problem->readsBefore) {
    for (int64_t i = kSide - 1; i > 0; --i)
      x[step(i)] = x[step(i - 1)];
    x[step(0)] = enter;
  }
  x = transpose(x);
  Type element = op.getResult().getType().getElementType();
  for (Value &row : x)
    row = num.store({row, Value()}, element);
  Tile place = block.atOrigin();
  place.ranges[time].offset = range.begin;
  place.kept = {time};
  AffineMap map = op.getResultIndexingMap();
  Value line = store(x, extractTile(b, loc, carried[0], map, place));
  return {insertTile(b, loc, line, carried[0], map, place), state};
}

SmallVector<Value> LineScanEmitter::emit() {
  OpFoldResult length = problem->loopSizes[problem->time];
  TimeRange whole{b.getIndexAttr(0), length};
  SmallVector<TileAxis> axes;
  for (unsigned dim : problem->parallel)
    axes.push_back(unitAxis(b, dim, problem->loopSizes[dim]));
  return forEachTile(
      b, loc, axes, stateTile(b, *problem), makeOutputs(b, *problem),
      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
        std::unique_ptr<ScanTile> scan = problem->makeTile(b, tile);
        SmallVector<Value> carried =
            extractParts(b, *problem, tile, whole, shared);
        carried.push_back(broadcast(tensor::ExtractOp::create(
            b, loc, scan->start(b)[0], ValueRange{})));
        carried = forEachBlock(b, loc, length, kLineBlock, problem->backward,
                               carried, [&](TimeRange range, ValueRange args) {
                                 return runBlock(tile, range, args);
                               });
        Value state = vector::ExtractOp::create(b, loc, carried[1], 0);
        state = tensor::FromElementsOp::create(
            b, loc, RankedTensorType::get({}, real), state);
        return collectResults(b, *problem, *scan, tile, whole,
                              {state, carried[0]});
      });
}

namespace {
struct LowerLineScan : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::Sequential)
      return rewriter.notifyMatchFailure(op, "strategy is not sequential");
    if (!scansLines(op))
      return rewriter.notifyMatchFailure(op, "not states along lines");
    if (ShapedType::isStatic(getStaticLoopSizes(op)[op.getTime()]) &&
        getStaticLoopSizes(op)[op.getTime()] < kLineBlock)
      return rewriter.notifyMatchFailure(op, "less than a block");
    if (op.getResult().use_empty())
      return rewriter.notifyMatchFailure(op, "only the last state is used");
    SmallVector<Value> values = LineScanEmitter(rewriter, op).emit();
    const Value *next = values.begin();
    for (Value result : op->getResults())
      if (!result.use_empty())
        rewriter.replaceAllUsesWith(result, *next++);
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void ssm::populateLineScanLowering(RewritePatternSet &patterns) {
  patterns.add<LowerLineScan>(patterns.getContext(), /*benefit=*/3);
}
