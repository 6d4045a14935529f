//===- LineScan.cpp - Recurrences along contiguous time -------------------===//
//
// The steps of a channel lie side by side: a line. A loop reads it in order, 64
// steps at a time, as four vectors of 16, and scans them in registers (32 steps
// and vectors of 8 where there are 16 registers of half the size):
//
//   1 transpose the squares of 4 x 4 in the vectors: vector j then holds step j
//     of 16 segments of 4 steps
//   2 in each lane, for each step: (p, s), the map x -> p x + s of all steps of
//     the segment up to it
//   3 look ahead: by doubling, the map of a segment and of the 15 before it,
//     some of which are in the block before; it leads from a state that is
//     known to that after the segment
//   4 x_j = p_j x + s_j of the state x before the segment; transpose back
//
// These are 8.25 shuffles and 5 multiply-adds for each vector, and three
// streams of memory for any number of channels, which are asked for a page
// ahead. One multiply-add a block waits for the block before. What is left
// over, less than a block, is a block whose missing steps change nothing.
//
// Vectors have no complex elements; complex numbers are taken apart, and put
// together, by loops over a block. Transitions that vary do not look ahead
// then: step 3 begins with the block, and 4 from the state before it.
//
// Precondition: strategy `sequential` and `numerics<norm>`, since products of
// transitions may overflow where states do not; a diagonal transition, one
// state a channel, and every operand along lines or without time. Input, output
// and elementwise neighbours are computed as they lie in memory, without
// shuffles.
//
// References: Hillis and Steele, "Data Parallel Algorithms" (1986), of the
// doubling; Parhi and Messerschmitt, "Pipeline Interleaving and Parallelism in
// Recursive Digital Filters" (1989), of looking ahead.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "ssm/IR/Lines.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

LineScanEmitter::Rows
LineScanEmitter::complete(const Rows &rows, const Tile &block, double value) {
  if (isWhole(block))
    return rows;
  Rows completed;
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  for (auto [j, row] : llvm::enumerate(rows)) {
    Value count =
        asValue(b, loc, affine(b, loc, s0 - int64_t(j) * lanes, sizeOf(block)));
    Value mask = vector::CreateMaskOp::create(
        b, loc, VectorType::get({lanes}, b.getI1Type()), count);
    completed[j].re =
        arith::SelectOp::create(b, loc, mask, row.re, splat(value));
    if (row.isComplex())
      completed[j].im = arith::SelectOp::create(b, loc, mask, row.im, splat(0));
  }
  return completed;
}

LineScanEmitter::Vectors LineScanEmitter::transpose(const Vectors &rows) {
  if (llvm::all_equal(rows))
    return rows;
  // Interleaves elements of two rows, or pairs of them, in each four.
  auto unpack = [&](Value v, Value w, ArrayRef<int64_t> four) {
    SmallVector<int64_t> from;
    for (int64_t at = 0; at < lanes; at += kSide)
      for (int64_t lane : four)
        from.push_back(lane < kSide ? at + lane : lanes + at + lane - kSide);
    return vector::ShuffleOp::create(b, loc, v, w, from).getResult();
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

LineScanEmitter::Rows LineScanEmitter::transpose(const Rows &rows) {
  Rows transposed;
  for (Value Num::*part : {&Num::re, &Num::im}) {
    if (!(rows.front().*part))
      continue;
    Vectors vectors;
    for (auto [vector, row] : llvm::zip_equal(vectors, rows))
      vector = row.*part;
    vectors = transpose(vectors);
    for (auto [row, vector] : llvm::zip_equal(transposed, vectors))
      row.*part = vector;
  }
  return transposed;
}

LineScanEmitter::Rows LineScanEmitter::loadDrive(const Tile &block) {
  Rows drive = loadNumbers(op.getSignal(), op.getSignalMap(), block);
  if (!op.getInput())
    return drive;
  Rows input = loadNumbers(op.getInput(), op.getInputIndexingMap(), block);
  for (auto [u, x] : llvm::zip_equal(drive, input))
    u = multiplyDrive(num, loc, x, u);
  return drive;
}

Num LineScanEmitter::fromBefore(Num before, Num now, int64_t by) {
  SmallVector<int64_t> from(lanes);
  for (int64_t segment = 0; segment < lanes; ++segment)
    from[laneOf(segment)] = segment < by ? laneOf(lanes + segment - by)
                                         : lanes + laneOf(segment - by);
  auto shuffle = [&](Value v, Value w) -> Value {
    return w ? vector::ShuffleOp::create(b, loc, v, w, from).getResult()
             : Value();
  };
  return {shuffle(before.re, now.re), shuffle(before.im, now.im)};
}

void LineScanEmitter::mapSegments(Block &block) {
  // The map of so many steps up to `at`, of which the first ones end `before`.
  auto join = [&](int64_t before, int64_t at, int64_t steps) {
    Num &p = block.p[rowOf(at)], &s = block.s[rowOf(at)];
    s = num.mulAdd(p, block.s[rowOf(before)], s);
    p = knowsPowers(block) ? powers->steps[steps - 1]
                           : num.mul(p, block.p[rowOf(before)]);
  };
  static_assert(kSide == 4);
  join(0, 1, 2);
  if (complexState) {
    join(1, 2, 3);
    join(2, 3, 4);
    return;
  }
  // By halves, whose last step waits for two joins and not for three. Complex
  // numbers have enough to do while they wait, and four more products to round.
  join(2, 3, 2);
  join(1, 2, 3);
  join(1, 3, 4);
}

void LineScanEmitter::link(Block &block, Carry &carry) {
  bool known = knowsPowers(block);
  // A rest multiplies step by step, and is a line of its own.
  if (!looksAhead() || (powers && !known))
    carry = startCarry(lastLane(carry.state));
  Num product = block.p[rowOf(kSide - 1)], local = block.s[rowOf(kSide - 1)];
  for (unsigned round = 0; round < rounds; ++round) {
    int64_t by = 1 << round;
    Num productBefore;
    if (!known)
      productBefore = fromBefore(carry.products[round], product, by);
    Num localBefore = fromBefore(carry.locals[round], local, by);
    carry.locals[round] = local;
    local =
        num.mulAdd(known ? powers->rounds[round] : product, localBefore, local);
    if (!known) {
      carry.products[round] = product;
      product = num.mul(product, productBefore);
    }
  }
  if (known) {
    product = carry.product;
    carry.product = powers->block;
  }
  block.product = product;
  block.local = local;
  block.state = num.mulAdd(product, carry.state, local);
  block.enter = fromBefore(carry.state, block.state, 1);
  carry.state = block.state;
}

LineScanEmitter::Rows LineScanEmitter::states(const Block &block) {
  Rows x;
  for (int64_t i = 0; i + 1 < kSide; ++i)
    x[rowOf(i)] = num.mulAdd(block.p[rowOf(i)], block.enter, block.s[rowOf(i)]);
  x[rowOf(kSide - 1)] = block.state;
  if (problem->readsBefore) {
    for (int64_t i = kSide - 1; i > 0; --i)
      x[rowOf(i)] = x[rowOf(i - 1)];
    x[rowOf(0)] = block.enter;
  }
  return x;
}

LineScanEmitter::Rows LineScanEmitter::project(const Rows &states,
                                               const Tile &block) {
  Rows rows = states, output;
  bool isComplex = hasComplexElements(op.getResult());
  if (op.getOutput())
    output = loadNumbers(op.getOutput(), op.getOutputIndexingMap(), block);
  for (auto [row, c] : llvm::zip_equal(rows, output)) {
    if (op.getOutput())
      row = isComplex ? num.mul(c, row) : num.realOfProduct(c, row);
    if (op.getProjection() == Projection::TwiceReal)
      row = num.add(row, row);
  }
  return rows;
}

Value LineScanEmitter::store(const Rows &states, const Tile &block,
                             Value line) {
  bool isComplex = hasComplexElements(op.getResult());
  Rows rows = states;
  // An output takes both parts of a state, and nothing else does.
  if (!isComplex && !op.getOutput())
    for (Num &row : rows)
      row.im = Value();
  rows = project(transpose(rows), block);
  if (isComplex)
    return putTogether(rows, block, line);
  Vectors results;
  Type element = getElementTypeOrSelf(op.getResult());
  for (auto [result, row] : llvm::zip_equal(results, rows))
    result = num.store({row.re, Value()}, element);
  if (consumer)
    results = compute(consumer, block, &results);
  return write(results, line, isWhole(block));
}

LineScanEmitter::Carry LineScanEmitter::startCarry(Num state) {
  Carry carry;
  carry.state.re = broadcast(state.re);
  if (state.isComplex())
    carry.state.im = broadcast(state.im);
  carry.products.fill(constant(1, complexTransition));
  carry.locals.fill(constant(0, complexState));
  if (powers)
    carry.product = powers->first;
  return carry;
}

SmallVector<Value> LineScanEmitter::flatten(const Carry &carry) {
  SmallVector<Value> values = toParts(carry.state, complexState);
  if (!looksAhead())
    return values;
  for (unsigned round = 0; round < rounds; ++round) {
    if (!powers)
      llvm::append_range(values,
                         toParts(carry.products[round], complexTransition));
    llvm::append_range(values, toParts(carry.locals[round], complexState));
  }
  if (powers)
    llvm::append_range(values, toParts(carry.product, complexTransition));
  return values;
}

LineScanEmitter::Carry LineScanEmitter::unflatten(ValueRange values) {
  auto take = [&](bool isComplex) {
    Num x = toNum(values.take_front(1 + isComplex));
    values = values.drop_front(1 + isComplex);
    return x;
  };
  Carry carry;
  carry.state = take(complexState);
  if (!looksAhead())
    return carry;
  for (unsigned round = 0; round < rounds; ++round) {
    if (!powers)
      carry.products[round] = take(complexTransition);
    carry.locals[round] = take(complexState);
  }
  if (powers)
    carry.product = take(complexTransition);
  return carry;
}

LineScanEmitter::Block LineScanEmitter::loadBlock(const Tile &tile,
                                                  TimeRange range) {
  Block block;
  block.tile = tile;
  block.tile.ranges[problem->time] = {range.begin, range.length,
                                      b.getIndexAttr(1)};
  Rows transition =
      loadNumbers(op.getTransition(), op.getTransitionMap(), block.tile);
  block.p = transpose(complete(transition, block.tile, 1));
  block.s = transpose(complete(loadDrive(block.tile), block.tile, 0));
  for (Num &row : block.s)
    if (complexState && !row.isComplex())
      row.im = splat(0);
  mapSegments(block);
  return block;
}

Value LineScanEmitter::storeBlock(const Block &block, OpFoldResult begin,
                                  Value line) {
  Tile place = block.tile.atOrigin();
  place.ranges[problem->time].offset = begin;
  place.kept = {problem->time};
  AffineMap map = problem->results.front().map;
  Value part = extractTile(b, loc, line, map, place);
  part = store(states(block), block.tile, part);
  return insertTile(b, loc, part, line, map, place);
}

SmallVector<Value> LineScanEmitter::runBlocks(const Tile &tile, TimeRange whole,
                                              Value line, Num state) {
  findPowers(tile);
  SmallVector<Value> carried = {line};
  llvm::append_range(carried, flatten(startCarry(state)));
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  carried = forEachBlock(
      b, loc, whole.length, blockSteps, problem->backward, carried,
      [&](TimeRange range, ValueRange args) {
        OpFoldResult begin =
            affine(b, loc, s0 + s1, {range.begin, whole.begin});
        Block block = loadBlock(tile, {begin, range.length});
        Carry carry = unflatten(args.drop_front());
        link(block, carry);
        SmallVector<Value> next = {storeBlock(block, range.begin, args[0])};
        llvm::append_range(next, flatten(carry));
        return next;
      });
  Num last = lastLane(unflatten(ArrayRef(carried).drop_front()).state);
  SmallVector<Value> results = {carried.front()};
  llvm::append_range(results, toParts(last, complexState));
  return results;
}

Num LineScanEmitter::lastLane(Num vector) {
  auto extract = [&](Value part) -> Value {
    return part ? vector::ExtractOp::create(b, loc, part, laneOf(lanes - 1))
                      .getResult()
                : Value();
  };
  return {extract(vector.re), extract(vector.im)};
}

Num LineScanEmitter::startState(ScanTile &scan) {
  SmallVector<Value> parts;
  for (Value part : scan.start(b))
    parts.push_back(tensor::ExtractOp::create(b, loc, part, ValueRange{}));
  return toNum(parts);
}

SmallVector<Value> LineScanEmitter::emit() {
  TimeRange whole{b.getIndexAttr(0), problem->loopSizes[problem->time]};
  SmallVector<TileAxis> axes;
  for (unsigned dim : problem->parallel)
    axes.push_back(unitAxis(b, dim, problem->loopSizes[dim]));
  groups = cutLine();
  SmallVector<Value> results = forEachTile(
      b, loc, axes, stateTile(b, *problem), makeOutputs(b, *problem),
      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
        std::unique_ptr<ScanTile> scan = problem->makeTile(b, tile);
        Value line = extractParts(b, *problem, tile, whole, shared).front();
        SmallVector<Value> carried =
            groups.count ? runGroups(tile, line, startState(*scan))
                         : runBlocks(tile, whole, line, startState(*scan));
        SmallVector<Value> finals;
        for (Value part : ArrayRef(carried).drop_front())
          finals.push_back(tensor::FromElementsOp::create(
              b, loc, RankedTensorType::get({}, real), part));
        finals.push_back(carried.front());
        return collectResults(b, *problem, *scan, tile, whole, finals);
      });
  keepInCaches(results);
  return results;
}

void LineScanEmitter::keepInCaches(ValueRange results) {
  if (options.cores > 1)
    ssm::keepInCaches(results, op.getResult().getType(), options.cached);
}

namespace {
struct LowerLineScan : OpRewritePattern<LinearRecurrenceOp> {
  LowerLineScan(MLIRContext *context, const LineScanOptions &options)
      : OpRewritePattern(context, /*benefit=*/3), options(options) {}

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
    Elementwise consumer = findLineConsumer(op);
    if (consumer)
      rewriter.setInsertionPoint(consumer.op);
    SmallVector<Value> values =
        LineScanEmitter(rewriter, op, consumer, options).emit();
    const Value *next = values.begin();
    if (consumer)
      rewriter.replaceOp(consumer.op, *next++);
    for (Value result : op->getResults())
      if (!result.use_empty())
        rewriter.replaceAllUsesWith(result, *next++);
    rewriter.eraseOp(op);
    return success();
  }

  LineScanOptions options;
};
} // namespace

void ssm::populateLineScanLowering(RewritePatternSet &patterns,
                                   const LineScanOptions &options) {
  patterns.add<LowerLineScan>(patterns.getContext(), options);
}
