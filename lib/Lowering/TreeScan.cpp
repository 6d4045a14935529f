//===- TreeScan.cpp - Leaves, a tree over their summaries, leaves ---------===//
//
// Time is cut into S = L div Q leaves of Q steps and a rest of fewer.
//
//   1 reduce   every leaf, in parallel: its summary
//   2 tree     the inclusive scan of the S summaries, work-efficient: up the
//              tree and down again, 2 log2(S) rounds (Brent and Kung)
//   3 apply    every leaf, in parallel: its results, from the prefix that the
//              scanned summary before it gives
//   4 rest     the last steps, from the last prefix
//
// With many channels a tile holds one leaf of several channels; with fewer than
// a vector it holds several leaves of one channel. The cuts depend on Q alone,
// so results do not depend on the number of threads.
//
// References: Brent and Kung, "A Regular Layout for Parallel Adders" (1982);
// Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190).
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"

#include "ssm/Plan/ScanPlan.h"

#include "TimeLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ssm;

namespace {
class TreeScanEmitter {
public:
  TreeScanEmitter(OpBuilder &b, ScanProblem &problem, int64_t leaf,
                  int64_t lanes);
  SmallVector<Value> emit();

private:
  using Values = SmallVector<Value>;

  Values makeSummaries();
  Values reduceLeaves(Values summaries);
  Values scanSummaries(Values summaries);
  Values applyLeaves(ValueRange summaries, Values outs);
  Values applyRest(ValueRange summaries, Values outs);

  SmallVector<SmallVector<TileAxis>> leafTilings();
  SmallVector<SmallVector<TileAxis>> onePlaceTilings();
  AffineMap makeSummaryMap(const SummaryPart &part);
  Tile partTile(const Tile &tile, size_t i);
  Values readSummary(OpBuilder &nested, ValueRange summaries, const Tile &tile);
  SmallVector<TileResult> asResults(ValueRange summary, const Tile &tile);
  Tile summaryTile(OpBuilder &nested, const Tile &tile, int64_t shift);
  Step leafStep(OpBuilder &nested, const Tile &tile, Value position);
  Tile leafBlock(OpBuilder &nested, const Tile &tile);

  OpBuilder &b;
  ScanProblem &problem;
  Location loc;
  int64_t leaf, lanes;
  OpFoldResult numLeaves, restBegin, restLength, leavesBegin;
  /// Loop sizes of a summary: time counts leaves, and one more for the prefix
  /// before the first.
  SmallVector<OpFoldResult> summarySizes;
  SmallVector<AffineMap> summaryMaps;
  bool leavesAsLanes;
};
} // namespace

static bool fillLanesWithLeaves(const ScanProblem &problem) {
  if (problem.parallel.empty())
    return true;
  auto channels =
      getConstantIntValue(problem.loopSizes[problem.parallel.back()]);
  return channels && *channels < kFewChannels;
}

TreeScanEmitter::TreeScanEmitter(OpBuilder &b, ScanProblem &problem,
                                 int64_t leaf, int64_t lanes)
    : b(b), problem(problem), loc(problem.loc), leaf(leaf), lanes(lanes),
      leavesAsLanes(fillLanesWithLeaves(problem)) {
  AffineExpr length = b.getAffineSymbolExpr(0);
  OpFoldResult total = problem.loopSizes[problem.time];
  numLeaves = affine(b, loc, length.floorDiv(leaf), total);
  restLength = affine(b, loc, length % leaf, total);
  // The rest is what comes last: at the upper end, or at the lower end if time
  // runs backward.
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult whole = affine(b, loc, length - length % leaf, total);
  restBegin = problem.backward ? zero : whole;
  leavesBegin = problem.backward ? restLength : zero;

  summarySizes = problem.loopSizes;
  summarySizes[problem.time] =
      affine(b, loc, b.getAffineSymbolExpr(0) + 1, numLeaves);
  for (const SummaryPart &part : problem.summary)
    summaryMaps.push_back(makeSummaryMap(part));
}

/// A part of the summaries keeps the order of its tiles: its own dimensions,
/// the state, then the lanes.
AffineMap TreeScanEmitter::makeSummaryMap(const SummaryPart &part) {
  ArrayRef<unsigned> outer = problem.parallel;
  unsigned lane = problem.time;
  SmallVector<unsigned> dims;
  if (!leavesAsLanes) {
    dims.push_back(problem.time);
    lane = outer.back();
    outer = outer.drop_back();
  }
  llvm::append_range(dims, outer);
  llvm::append_range(dims, part.extra);
  llvm::append_range(dims, problem.state);
  dims.push_back(lane);
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dims)
    exprs.push_back(b.getAffineDimExpr(dim));
  return AffineMap::get(problem.loopSizes.size(), 0, exprs, b.getContext());
}

/// What a tile of summaries keeps of part `i`.
Tile TreeScanEmitter::partTile(const Tile &tile, size_t i) {
  Tile part = tile;
  ArrayRef<unsigned> extra = problem.summary[i].extra;
  part.kept.insert(part.kept.begin(), extra.begin(), extra.end());
  return part;
}

SmallVector<Value> TreeScanEmitter::emit() {
  Values summaries = makeSummaries();
  summaries = reduceLeaves(summaries);
  summaries = scanSummaries(summaries);
  Values outs = makeOutputs(b, problem);
  outs = applyLeaves(summaries, outs);
  return applyRest(summaries, outs);
}

/// Summary tensors whose entry before the first leaf stands for no element.
SmallVector<Value> TreeScanEmitter::makeSummaries() {
  Values summaries;
  for (auto [part, map] : llvm::zip_equal(problem.summary, summaryMaps))
    summaries.push_back(tensor::EmptyOp::create(
        b, loc, applyMap(map, summarySizes), part.type));
  OpFoldResult before =
      problem.backward ? numLeaves : OpFoldResult(b.getIndexAttr(0));
  for (ArrayRef<TileAxis> axes : onePlaceTilings())
    summaries = forEachTile(
        b, loc, axes, stateTile(b, problem), summaries,
        [&](OpBuilder &nested, const Tile &tile, ValueRange) {
          return asResults(problem.makeTile(nested, tile)->neutral(nested),
                           tile.at(problem.time, before));
        });
  return summaries;
}

/// Tiles of channels at one place in time, in a summary's order.
SmallVector<SmallVector<TileAxis>> TreeScanEmitter::onePlaceTilings() {
  if (!leavesAsLanes)
    return channelTilings(b, problem, lanes);
  SmallVector<TileAxis> axes;
  for (unsigned dim : problem.parallel)
    axes.push_back(unitAxis(b, dim, problem.loopSizes[dim]));
  return {axes};
}

/// Tiles of leaves and channels; the time axis counts leaves.
SmallVector<SmallVector<TileAxis>> TreeScanEmitter::leafTilings() {
  SmallVector<SmallVector<TileAxis>> tilings;
  if (!leavesAsLanes) {
    tilings = channelTilings(b, problem, lanes);
    for (auto &axes : tilings)
      axes.insert(axes.begin(), unitAxis(b, problem.time, numLeaves));
    return tilings;
  }
  for (TileAxis leaves : splitLanes(b, loc, problem.time, numLeaves, lanes)) {
    SmallVector<TileAxis> axes;
    for (unsigned dim : problem.parallel)
      axes.push_back(unitAxis(b, dim, problem.loopSizes[dim]));
    axes.push_back(leaves);
    tilings.push_back(axes);
  }
  return tilings;
}

/// The summaries of a tile's leaves, `shift` entries further up.
Tile TreeScanEmitter::summaryTile(OpBuilder &nested, const Tile &tile,
                                  int64_t shift) {
  Tile shifted = tile;
  LoopRange &range = shifted.ranges[problem.time];
  range.offset =
      affine(nested, loc, nested.getAffineSymbolExpr(0) + shift, range.offset);
  return shifted;
}

SmallVector<Value> TreeScanEmitter::readSummary(OpBuilder &nested,
                                                ValueRange summaries,
                                                const Tile &tile) {
  Values summary;
  for (auto [i, value] : llvm::enumerate(summaries))
    summary.push_back(
        extractTile(nested, loc, value, summaryMaps[i], partTile(tile, i)));
  return summary;
}

SmallVector<TileResult> TreeScanEmitter::asResults(ValueRange summary,
                                                   const Tile &tile) {
  SmallVector<TileResult> results;
  for (auto [i, value] : llvm::enumerate(summary))
    results.push_back({value, summaryMaps[i], partTile(tile, i)});
  return results;
}

/// Position `position` of each of the tile's leaves.
Step TreeScanEmitter::leafStep(OpBuilder &nested, const Tile &tile,
                               Value position) {
  const LoopRange &leaves = tile.ranges[problem.time];
  AffineExpr s = nested.getAffineSymbolExpr(0);
  AffineExpr q = nested.getAffineSymbolExpr(1);
  AffineExpr begin = nested.getAffineSymbolExpr(2);
  OpFoldResult t = affine(nested, loc, begin + s * leaf + q,
                          {leaves.offset, position, leavesBegin});
  OpFoldResult stride = nested.getIndexAttr(leavesAsLanes ? leaf : 1);
  Step step;
  step.time = {t, leaves.size, stride};
  step.localTime = {OpFoldResult(position), leaves.size, stride};
  // The first element is the first of the leaf that comes first.
  Value firstPosition = asValue(
      nested, loc, nested.getIndexAttr(problem.backward ? leaf - 1 : 0));
  OpFoldResult firstLane =
      problem.backward
          ? affine(nested, loc, q - s - 1, {leaves.offset, numLeaves})
          : affine(nested, loc, -s, leaves.offset);
  step.isFirst = arith::CmpIOp::create(nested, loc, arith::CmpIPredicate::eq,
                                       position, firstPosition);
  step.firstLane = asValue(nested, loc, firstLane);
  if (!leavesAsLanes) {
    Value zero = asValue(nested, loc, nested.getIndexAttr(0));
    Value isFirstLeaf = arith::CmpIOp::create(
        nested, loc, arith::CmpIPredicate::eq, step.firstLane, zero);
    step.isFirst =
        arith::AndIOp::create(nested, loc, step.isFirst, isFirstLeaf);
    step.firstLane = Value();
  }
  return step;
}

SmallVector<Value> TreeScanEmitter::reduceLeaves(Values summaries) {
  OpFoldResult length = b.getIndexAttr(leaf);
  for (ArrayRef<TileAxis> axes : leafTilings())
    summaries = forEachTile(
        b, loc, axes, stateTile(b, problem), summaries,
        [&](OpBuilder &nested, const Tile &tile, ValueRange) {
          auto scan = problem.makeTile(nested, tile);
          Values summary = forEachStep(
              nested, problem, length, scan->neutral(nested),
              [&](OpBuilder &inner, Value position, ValueRange carried) {
                return scan->extend(inner, carried,
                                    leafStep(inner, tile, position));
              });
          return asResults(summary,
                           summaryTile(nested, tile, problem.backward ? 0 : 1));
        });
  return summaries;
}

/// The leaves' positions in time as one block of each tile.
Tile TreeScanEmitter::leafBlock(OpBuilder &nested, const Tile &tile) {
  Tile block = tile;
  LoopRange &range = block.ranges[problem.time];
  AffineExpr s = nested.getAffineSymbolExpr(0);
  AffineExpr begin = nested.getAffineSymbolExpr(1);
  OpFoldResult offset =
      affine(nested, loc, begin + s * leaf, {range.offset, leavesBegin});
  OpFoldResult size = affine(nested, loc, s * leaf, range.size);
  range = {offset, size, nested.getIndexAttr(1)};
  block.kept = llvm::to_vector(llvm::seq<unsigned>(block.ranges.size()));
  return block;
}

SmallVector<Value> TreeScanEmitter::applyLeaves(ValueRange summaries,
                                                Values outs) {
  // Results without time come from the rest.
  SmallVector<unsigned> timed;
  Values timedOuts;
  for (auto [i, result] : llvm::enumerate(problem.results))
    if (result.hasTime) {
      timed.push_back(i);
      timedOuts.push_back(outs[i]);
    }
  if (timed.empty())
    return outs;
  for (ArrayRef<TileAxis> axes : leafTilings())
    timedOuts = forEachTile(
        b, loc, axes, stateTile(b, problem), timedOuts,
        [&](OpBuilder &nested, const Tile &tile, ValueRange shared) {
          auto scan = problem.makeTile(nested, tile);
          Tile before = summaryTile(nested, tile, problem.backward ? 1 : 0);
          Values carried =
              scan->resume(nested, readSummary(nested, summaries, before));
          size_t numPrefix = carried.size();
          Tile block = leafBlock(nested, tile);
          for (auto [i, out] : llvm::zip_equal(timed, shared))
            carried.push_back(
                extractTile(nested, loc, out, problem.results[i].map, block));
          carried = forEachStep(
              nested, problem, nested.getIndexAttr(leaf), carried,
              [&](OpBuilder &inner, Value position, ValueRange args) {
                Step step = leafStep(inner, tile, position);
                ValueRange prefix = args.take_front(numPrefix);
                return advanceAndStore(inner, problem, *scan, prefix,
                                       args.drop_front(numPrefix), step);
              });
          SmallVector<TileResult> results;
          for (auto [i, value] :
               llvm::zip_equal(timed, ArrayRef(carried).drop_front(numPrefix)))
            results.push_back({value, problem.results[i].map, block});
          return results;
        });
  for (auto [i, out] : llvm::zip_equal(timed, timedOuts))
    outs[i] = out;
  return outs;
}

SmallVector<Value> TreeScanEmitter::applyRest(ValueRange summaries,
                                              Values outs) {
  OpFoldResult last =
      problem.backward ? OpFoldResult(b.getIndexAttr(0)) : numLeaves;
  // Without a rest, only the results without time are still due.
  bool noRest = getConstantIntValue(restLength) == 0;
  SmallVector<unsigned> due;
  Values dueOuts;
  for (auto [i, result] : llvm::enumerate(problem.results))
    if (!noRest || !result.hasTime) {
      due.push_back(i);
      dueOuts.push_back(outs[i]);
    }
  if (due.empty())
    return outs;
  for (ArrayRef<TileAxis> axes : onePlaceTilings())
    dueOuts = forEachTile(
        b, loc, axes, stateTile(b, problem), dueOuts,
        [&](OpBuilder &nested, const Tile &tile, ValueRange shared) {
          auto scan = problem.makeTile(nested, tile);
          Values prefix =
              scan->resume(nested, readSummary(nested, summaries,
                                               tile.at(problem.time, last)));
          SmallVector<TileResult> results;
          if (!noRest)
            return runTimeRange(nested, problem, *scan, tile,
                                {restBegin, restLength}, prefix, shared);
          for (auto [i, value] :
               llvm::zip_equal(due, scan->finish(nested, prefix)))
            results.push_back({value, problem.results[i].map, tile});
          return results;
        });
  for (auto [i, out] : llvm::zip_equal(due, dueOuts))
    outs[i] = out;
  return outs;
}

/// summaries[right + stride * k] = summaries[left + stride * k] * itself, for
/// k < count.
static SmallVector<Value>
combineStrided(OpBuilder &b, ScanProblem &problem, ArrayRef<AffineMap> maps,
               ArrayRef<OpFoldResult> sizes, ValueRange summaries, Value left,
               Value right, Value stride, Value count) {
  Location loc = problem.loc;
  Tile tile = wholeTile(b, sizes);
  tile.kept = llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
  auto slicesAt = [&](Value offset) {
    tile.ranges[problem.time] = {offset, count, stride};
    SmallVector<Value> slices;
    for (auto [value, map] : llvm::zip_equal(summaries, maps))
      slices.push_back(extractTile(b, loc, value, map, tile));
    return slices;
  };
  SmallVector<Value> lefts = slicesAt(left), rights = slicesAt(right);
  SmallVector<Value> combined = problem.combine(b, maps, lefts, rights);
  SmallVector<Value> out;
  for (auto [value, summary, map] : llvm::zip_equal(combined, summaries, maps))
    out.push_back(insertTile(b, loc, value, summary, map, tile));
  return out;
}

/// Runs over the tree's rounds: with stride s = 1, 2, 4, ... up, entry 2s-1 +
/// 2sk takes in the entry s before it; with s falling again, entry 3s-1 + 2sk
/// does.
SmallVector<Value> TreeScanEmitter::scanSummaries(Values summaries) {
  if (auto known = getConstantIntValue(numLeaves); known && *known <= 1)
    return summaries;
  // Entry i, counted in the direction of time, lies at 1 + i, and backward at
  // S - 1 - i.
  Value one = asValue(b, loc, b.getIndexAttr(1));
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value leaves = asValue(b, loc, numLeaves);
  Value i64Leaves = arith::IndexCastOp::create(b, loc, b.getI64Type(), leaves);
  Value leading = math::CountLeadingZerosOp::create(b, loc, i64Leaves);
  Value bits = arith::SubIOp::create(
      b, loc, asValue(b, loc, b.getIndexAttr(64)),
      arith::IndexCastOp::create(b, loc, b.getIndexType(), leading));

  auto round = [&](OpBuilder &nested, Value level, int64_t lead,
                   ValueRange args) {
    // Entries lead*s - 1 + 2sk for k < count, each with its partner s before.
    auto times = [&](Value x, int64_t factor) -> Value {
      return arith::MulIOp::create(
          nested, loc, x, asValue(nested, loc, nested.getIndexAttr(factor)));
    };
    auto minus = [&](Value x, Value y) -> Value {
      return arith::SubIOp::create(nested, loc, x, y);
    };
    Value s = arith::ShLIOp::create(nested, loc, one, level);
    Value two = times(s, 2);
    Value reach = arith::MaxSIOp::create(nested, loc, zero,
                                         minus(leaves, times(s, lead - 2)));
    Value count = arith::DivUIOp::create(nested, loc, reach, two);
    // An empty slice must still start inside.
    Value isEmpty = arith::CmpIOp::create(nested, loc, arith::CmpIPredicate::eq,
                                          count, zero);
    auto at = [&](int64_t multiple) -> Value {
      Value offset = times(s, multiple);
      // Backward, the slice starts at the entry that is last in time.
      if (problem.backward)
        offset =
            minus(minus(leaves, offset),
                  arith::MulIOp::create(nested, loc, minus(count, one), two));
      return arith::SelectOp::create(nested, loc, isEmpty, zero, offset);
    };
    return combineStrided(nested, problem, summaryMaps, summarySizes, args,
                          at(lead - 1), at(lead), two, count);
  };
  summaries = buildFor(
      b, loc, zero, bits, summaries,
      [&](Value level, ValueRange args) { return round(b, level, 2, args); });
  return buildFor(b, loc, zero, bits, summaries, [&](Value i, ValueRange args) {
    Value last = arith::SubIOp::create(b, loc, bits, one);
    return round(b, arith::SubIOp::create(b, loc, last, i), 3, args);
  });
}

SmallVector<Value> ssm::emitTreeScan(OpBuilder &b, ScanProblem &problem,
                                     int64_t leaf, int64_t lanes) {
  return TreeScanEmitter(b, problem, leaf, lanes).emit();
}
