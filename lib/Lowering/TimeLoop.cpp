//===- TimeLoop.cpp - The loop over time of one tile ----------------------===//
#include "TimeLoop.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> ssm::makeOutputs(OpBuilder &b, const ScanProblem &problem) {
  SmallVector<Value> outs;
  for (const ScanResult &result : problem.results)
    outs.push_back(tensor::EmptyOp::create(
        b, problem.loc, applyMap(result.map, problem.loopSizes),
        result.type.getElementType()));
  return outs;
}

Tile ssm::stateTile(OpBuilder &b, const ScanProblem &problem) {
  Tile tile = wholeTile(b, problem.loopSizes);
  tile.kept.assign(problem.state.begin(), problem.state.end());
  return tile;
}

SmallVector<SmallVector<TileAxis>>
ssm::channelTilings(OpBuilder &b, const ScanProblem &problem, int64_t lanes) {
  if (problem.parallel.empty())
    return {{}};
  SmallVector<TileAxis> units;
  for (unsigned dim : ArrayRef(problem.parallel).drop_back())
    units.push_back(unitAxis(b, dim, problem.loopSizes[dim]));
  unsigned laneDim = problem.parallel.back();
  SmallVector<SmallVector<TileAxis>> tilings;
  for (TileAxis axis :
       splitLanes(b, problem.loc, laneDim, problem.loopSizes[laneDim], lanes)) {
    tilings.push_back(units);
    tilings.back().push_back(axis);
  }
  return tilings;
}

SmallVector<Value> ssm::forEachStep(
    OpBuilder &b, const ScanProblem &problem, OpFoldResult length,
    ValueRange carried,
    function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body) {
  // A slice at step 0 of a dimension without steps would not verify.
  if (getConstantIntValue(length) == 0)
    return SmallVector<Value>(carried);
  Location loc = problem.loc;
  Value upper = asValue(b, loc, length);
  Value lower = asValue(b, loc, b.getIndexAttr(0));
  Value step = asValue(b, loc, b.getIndexAttr(1));
  return buildFor(b, loc, lower, upper, carried, [&](Value i, ValueRange args) {
    Value position = i;
    if (problem.backward) {
      Value last = arith::SubIOp::create(b, loc, upper, step);
      position = arith::SubIOp::create(b, loc, last, i);
    }
    return body(b, position, args);
  });
}

/// i1: step `t` is the scan's first.
static Value isFirst(OpBuilder &b, const ScanProblem &problem, OpFoldResult t) {
  Location loc = problem.loc;
  OpFoldResult first = b.getIndexAttr(0);
  if (problem.backward)
    first = affine(b, loc, b.getAffineSymbolExpr(0) - 1,
                   problem.loopSizes[problem.time]);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                               asValue(b, loc, t), asValue(b, loc, first));
}

/// The tile over a time range, with all of its dimensions.
static Tile partOf(OpBuilder &b, const ScanProblem &problem, const Tile &tile,
                   TimeRange range) {
  Tile part = tile;
  part.ranges[problem.time] = {range.begin, range.length, b.getIndexAttr(1)};
  part.kept = llvm::to_vector(llvm::seq<unsigned>(part.ranges.size()));
  return part;
}

SmallVector<Value> ssm::extractParts(OpBuilder &b, const ScanProblem &problem,
                                     const Tile &tile, TimeRange range,
                                     ValueRange shared) {
  Tile part = partOf(b, problem, tile, range);
  SmallVector<Value> parts;
  for (auto [result, out] : llvm::zip_equal(problem.results, shared))
    if (result.hasTime)
      parts.push_back(extractTile(b, problem.loc, out, result.map, part));
  return parts;
}

SmallVector<Value> ssm::advanceAndStore(OpBuilder &b,
                                        const ScanProblem &problem,
                                        ScanTile &scan, ValueRange before,
                                        ValueRange parts, const Step &step) {
  SmallVector<Value> next, stored;
  if (problem.readsBefore)
    stored = scan.store(b, before, before, step, parts);
  next = scan.advance(b, before, step);
  if (!problem.readsBefore)
    stored = scan.store(b, before, next, step, parts);
  llvm::append_range(next, stored);
  return next;
}

Step ssm::stepAt(OpBuilder &b, const ScanProblem &problem, TimeRange range,
                 OpFoldResult position) {
  OpFoldResult one = b.getIndexAttr(1);
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  OpFoldResult t = affine(b, problem.loc, sum, {position, range.begin});
  return {{t, one, one},
          {position, one, one},
          isFirst(b, problem, t),
          /*firstLane=*/Value()};
}

/// Scans a block of steps of the range, which the tile takes together.
static SmallVector<Value> takeTogether(OpBuilder &b, const ScanProblem &problem,
                                       ScanTile &scan, TimeRange range,
                                       TimeRange block, ValueRange prefix,
                                       ValueRange parts) {
  SmallVector<Step> steps;
  int64_t count = *getConstantIntValue(block.length);
  for (int64_t i : llvm::seq(count)) {
    AffineExpr at =
        b.getAffineSymbolExpr(0) + (problem.backward ? count - 1 - i : i);
    steps.push_back(
        stepAt(b, problem, range, affine(b, problem.loc, at, block.begin)));
  }
  return scan.takeTogether(b, prefix, steps, parts);
}

SmallVector<Value> ssm::scanRange(OpBuilder &b, ScanProblem &problem,
                                  ScanTile &scan, TimeRange range,
                                  ValueRange prefix, ValueRange parts) {
  SmallVector<Value> carried(prefix);
  llvm::append_range(carried, parts);
  auto oneByOne = [&](TimeRange block, ValueRange args) {
    return forEachStep(
        b, problem, block.length, args,
        [&](OpBuilder &nested, Value i, ValueRange inner) {
          AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
          OpFoldResult position =
              affine(nested, problem.loc, sum, {OpFoldResult(i), block.begin});
          return advanceAndStore(nested, problem, scan,
                                 inner.take_front(prefix.size()),
                                 inner.drop_front(prefix.size()),
                                 stepAt(nested, problem, range, position));
        });
  };
  int64_t together = scan.countStepsTogether();
  if (together == 0)
    return oneByOne({b.getIndexAttr(0), range.length}, carried);
  return forEachBlock(b, problem.loc, range.length, together, problem.backward,
                      carried, [&](TimeRange block, ValueRange args) {
                        if (getConstantIntValue(block.length) != together)
                          return oneByOne(block, args);
                        return takeTogether(b, problem, scan, range, block,
                                            args.take_front(prefix.size()),
                                            args.drop_front(prefix.size()));
                      });
}

SmallVector<TileResult>
ssm::collectResults(OpBuilder &b, const ScanProblem &problem, ScanTile &scan,
                    const Tile &tile, TimeRange range, ValueRange carried) {
  Tile part = partOf(b, problem, tile, range);
  size_t numParts = llvm::count_if(
      problem.results, [](const ScanResult &result) { return result.hasTime; });
  ValueRange parts = carried.take_back(numParts);
  SmallVector<Value> finals = scan.finish(b, carried.drop_back(numParts));
  SmallVector<TileResult> results;
  auto timed = parts.begin();
  const Value *final = finals.begin();
  for (const ScanResult &result : problem.results) {
    if (result.hasTime)
      results.push_back({*timed++, result.map, part});
    else
      results.push_back({*final++, result.map, tile});
  }
  return results;
}

SmallVector<TileResult> ssm::runTimeRange(OpBuilder &b, ScanProblem &problem,
                                          ScanTile &scan, const Tile &tile,
                                          TimeRange range, ValueRange prefix,
                                          ValueRange shared) {
  SmallVector<Value> parts = extractParts(b, problem, tile, range, shared);
  SmallVector<Value> carried =
      scanRange(b, problem, scan, range, prefix, parts);
  return collectResults(b, problem, scan, tile, range, carried);
}

SmallVector<Value>
ssm::forEachBlock(OpBuilder &b, Location loc, OpFoldResult length,
                  int64_t steps, bool backward, ValueRange carried,
                  function_ref<SmallVector<Value>(TimeRange, ValueRange)> body,
                  bool independent) {
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult rounds = affine(b, loc, s0.floorDiv(steps), length);
  OpFoldResult rest = affine(b, loc, s0 % steps, length);
  SmallVector<Value> values(carried);
  if (getConstantIntValue(rounds) != 0) {
    values = buildFor(b, loc, asValue(b, loc, zero), asValue(b, loc, rounds),
                      values, [&](Value i, ValueRange args) {
                        AffineExpr at =
                            backward ? s1 - (s0 + 1) * steps : s0 * steps;
                        OpFoldResult begin =
                            affine(b, loc, at, {OpFoldResult(i), length});
                        return body({begin, b.getIndexAttr(steps)}, args);
                      });
    if (independent)
      markIndependent(values);
  }
  if (getConstantIntValue(rest) != 0) {
    OpFoldResult begin =
        backward ? zero : affine(b, loc, s0 - s0 % steps, length);
    values = body({begin, rest}, values);
  }
  return values;
}
