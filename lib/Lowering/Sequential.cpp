//===- Sequential.cpp - A loop over time ----------------------------------===//
//
// For every tile of channels, in parallel:
//
//   for t in 0 .. L:  prefix = prefix * e_t;  store prefix
//
// The reference, and the fastest way once the channels fill the machine: each
// operand is read once and each result written once.
//
// A tile is as many channels as registers hold states of. A row of memory has
// many of those side by side, and a walk along time that touches a few cache
// lines of each row waits for every one of them. So tiles are taken together in
// bands: a step or a few of one tile, then of the next, along the rows.
// Backward in time they go from the end of a row to its start, so that memory
// is walked in one direction, which a prefetcher follows: half the time. Where
// a tile takes several steps, the rows of which are pages apart, none follows,
// and each step asks for what the next tile reads at the same one.
//
// The states of a band that other threads' bands lie beside are in memory of
// its own until the end. In the result they would lie beside each other: the
// prefetcher of one core, which follows them beyond its band, takes the lines
// from the core that writes them, at every step.
//
//===----------------------------------------------------------------------===//

#include "SharedRows.h"
#include "TimeChunks.h"
#include "TimeLoop.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/TypeUtilities.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace ssm;

/// Channels in a band: some kilobytes of a row, and states that fit the second
/// cache; 16 for each channel of f32 take 128 KiB.
static constexpr int64_t kBandChannels = 2048;

/// Steps that a tile takes before the next one does. Many states a channel are
/// then read and written once in so many steps; one is little beside its
/// operands, which are best read in whole rows.
static int64_t countSteps(const ScanProblem &problem) {
  return problem.state.empty() ? 1 : 16;
}

/// Bands that each row has to have, so that all together are enough for the
/// `cores`.
static int64_t countBands(const ScanProblem &problem, int64_t cores) {
  int64_t rows = 1;
  for (unsigned dim : ArrayRef(problem.parallel).drop_back())
    rows *= getConstantIntValue(problem.loopSizes[dim]).value_or(cores);
  return llvm::divideCeil(cores, std::clamp<int64_t>(rows, 1, cores));
}

/// Tiles of `lanes` channels in a band; a row is cut into equal bands or not at
/// all.
static int64_t countTiles(const ScanProblem &problem, int64_t lanes,
                          int64_t cores) {
  if (problem.parallel.empty())
    return 1;
  auto channels =
      getConstantIntValue(problem.loopSizes[problem.parallel.back()]);
  auto steps = getConstantIntValue(problem.loopSizes[problem.time]);
  if (!channels || *channels == 0 || *channels % lanes != 0 ||
      (steps && *steps <= countSteps(problem)))
    return 1;
  int64_t inRow = *channels / lanes;
  int64_t tiles =
      std::clamp<int64_t>(inRow / countBands(problem, cores), 1,
                          std::max<int64_t>(kBandChannels / lanes, 1));
  while (inRow % tiles != 0)
    --tiles;
  return tiles;
}

namespace {
/// The loop over time of one band.
class BandEmitter {
public:
  BandEmitter(OpBuilder &b, ScanProblem &problem, const Tile &band,
              int64_t lanes, int64_t tiles)
      : b(b), problem(problem), loc(problem.loc), band(band),
        laneDim(problem.parallel.back()), lanes(lanes), tiles(tiles),
        scan(problem.makeTile(b, band)) {}

  SmallVector<TileResult> emit(ValueRange shared);

private:
  using Values = SmallVector<Value>;

  /// All tiles, one after the other, over `length` steps from `begin` on.
  Values emitSteps(OpFoldResult begin, OpFoldResult length, ValueRange carried);
  /// The prefix in memory that is not the final result's, in rows that may be
  /// longer than the band.
  Values moveApart(ValueRange prefix);
  /// The slice of a prefix, whose last dimension is the lanes.
  Value slicePrefix(Value value, OpFoldResult offset, Value insert = Value());

  OpBuilder &b;
  ScanProblem &problem;
  Location loc;
  const Tile &band;
  unsigned laneDim;
  int64_t lanes, tiles;
  std::unique_ptr<ScanTile> scan;
  size_t numPrefix = 0;
};
} // namespace

Value BandEmitter::slicePrefix(Value value, OpFoldResult offset, Value insert) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
  offsets.back() = offset;
  sizes.back() = b.getIndexAttr(lanes);
  if (insert)
    return tensor::InsertSliceOp::create(b, loc, insert, value, offsets, sizes,
                                         strides);
  return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
}

SmallVector<Value> BandEmitter::emitSteps(OpFoldResult begin,
                                          OpFoldResult length,
                                          ValueRange carried) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value count = asValue(b, loc, b.getIndexAttr(tiles));
  OpFoldResult one = b.getIndexAttr(1);
  return buildFor(b, loc, zero, count, carried, [&](Value i, ValueRange args) {
    AffineExpr tile = b.getAffineSymbolExpr(0);
    OpFoldResult offset =
        affine(b, loc, (problem.backward ? tiles - 1 - tile : tile) * lanes,
               OpFoldResult(i));
    LoopRange range{offset, b.getIndexAttr(lanes), one};
    auto tileScan = scan->narrow(b, laneDim, range);
    tileScan->ahead.tiles = problem.asksAhead && countSteps(problem) > 1;
    Values prefix;
    for (Value value : args.take_front(numPrefix))
      prefix.push_back(slicePrefix(value, offset));
    // The tile's part of the band's part of each result with time.
    Tile piece = band;
    for (LoopRange &whole : piece.ranges)
      whole.offset = b.getIndexAttr(0);
    piece.ranges[laneDim] = range;
    piece.ranges[problem.time] = {begin, length, one};
    piece.kept = llvm::to_vector(llvm::seq<unsigned>(piece.ranges.size()));
    SmallVector<AffineMap> maps;
    for (const ScanResult &result : problem.results)
      if (result.hasTime)
        maps.push_back(result.map);
    Values pieces;
    for (auto [part, map] : llvm::zip_equal(args.drop_front(numPrefix), maps))
      pieces.push_back(extractTile(b, loc, part, map, piece));
    Values done =
        scanRange(b, problem, *tileScan, {begin, length}, prefix, pieces);
    Values next;
    for (auto [k, value] : llvm::enumerate(args)) {
      if (k < numPrefix)
        next.push_back(slicePrefix(value, offset, done[k]));
      else
        next.push_back(
            insertTile(b, loc, done[k], value, maps[k - numPrefix], piece));
    }
    return next;
  });
}

SmallVector<Value> BandEmitter::moveApart(ValueRange prefix) {
  Values apart;
  for (Value value : prefix) {
    auto type = cast<RankedTensorType>(value.getType());
    RankedTensorType spread = spreadRows(type);
    if (spread == type) {
      apart.push_back(bufferization::AllocTensorOp::create(
          b, loc, type, ValueRange(), value));
      continue;
    }
    Value rows =
        bufferization::AllocTensorOp::create(b, loc, spread, ValueRange());
    apart.push_back(putRows(b, loc, value, rows));
  }
  return apart;
}

SmallVector<TileResult> BandEmitter::emit(ValueRange shared) {
  OpFoldResult length = problem.loopSizes[problem.time];
  TimeRange whole{b.getIndexAttr(0), length};
  Values carried = scan->start(b);
  numPrefix = carried.size();
  auto type = cast<RankedTensorType>(carried.front().getType());
  int64_t channels = *getConstantIntValue(problem.loopSizes[laneDim]);
  if (problem.liesApart &&
      (channels > lanes * tiles || spreadRows(type) != type))
    carried = moveApart(carried);
  llvm::append_range(carried, extractParts(b, problem, band, whole, shared));

  carried = forEachBlock(b, loc, length, countSteps(problem), problem.backward,
                         carried, [&](TimeRange range, ValueRange args) {
                           return emitSteps(range.begin, range.length, args);
                         });
  for (Value &part : MutableArrayRef(carried).take_front(numPrefix))
    if (part.getType() != type)
      part = takeRows(b, loc, part, type);
  return collectResults(b, problem, *scan, band, whole, carried);
}

/// Tiles of channels. Where lanes are states, a tile is the channels of a step
/// that are taken together; those left over are tiles of their own, of which
/// the channel is no dimension.
static SmallVector<SmallVector<TileAxis>>
makeTilings(OpBuilder &b, const ScanProblem &problem, int64_t lanes,
            int64_t tiles) {
  if (lanes > 1 || problem.state.empty())
    return channelTilings(b, problem, lanes * tiles);
  int64_t channels = problem.stepChannels;
  auto tilings = channelTilings(b, problem, channels);
  for (SmallVector<TileAxis> &axes : tilings)
    if (!axes.empty() &&
        (channels == 1 || getConstantIntValue(axes.back().size) != channels)) {
      TileAxis &axis = axes.back();
      OpFoldResult count = channels == 1 ? axis.count : axis.size;
      axis = {axis.dim, axis.begin, count, b.getIndexAttr(1), /*kept=*/false};
    }
  return tilings;
}

/// A tile whose last dimensions are the lanes: channels, or else states.
static Tile withLanesLast(const ScanProblem &problem, int64_t lanes,
                          Tile tile) {
  if (lanes == 1)
    std::rotate(tile.kept.begin(), tile.kept.begin() + problem.state.size(),
                tile.kept.end());
  return tile;
}

/// Bands of `band` channels of rows that threads share. Stores through the
/// caches are best if a thread has neighbours of its own.
static SmallVector<Value> scanSharedRows(OpBuilder &b, ScanProblem &problem,
                                         int64_t band, bool areCached,
                                         SmallVector<Value> outs) {
  auto tilings = channelTilings(b, problem, band);
  assert(tilings.size() == 1 && "bands fill the row");
  outs =
      forEachTile(b, problem.loc, tilings.front(), stateTile(b, problem), outs,
                  [&](OpBuilder &nested, const Tile &tile, ValueRange shared) {
                    return emitSharedBand(nested, problem, tile, shared);
                  });
  if (areCached)
    keepInCaches(outs, problem.results.front().type, problem.cachedBytes / 2);
  return outs;
}

/// Every step after the one before it.
static SmallVector<Value> scanInOrder(OpBuilder &b, ScanProblem &problem,
                                      int64_t lanes, int64_t cores,
                                      SmallVector<Value> outs) {
  Location loc = problem.loc;
  OpFoldResult zero = b.getIndexAttr(0);
  int64_t tiles = lanes == 1 ? 1 : countTiles(problem, lanes, cores);
  int64_t channels = lanes * tiles;
  if (lanes > 1 && !problem.parallel.empty() && countBands(problem, cores) > 1)
    if (int64_t band = countSharedChannels(problem, channels))
      return scanSharedRows(b, problem, band, channels > band, outs);
  for (ArrayRef<TileAxis> axes : makeTilings(b, problem, lanes, tiles)) {
    outs = forEachTile(
        b, loc, axes, stateTile(b, problem), outs,
        [&](OpBuilder &nested, const Tile &place, ValueRange shared) {
          Tile tile = withLanesLast(problem, lanes, place);
          if (tiles > 1)
            return BandEmitter(nested, problem, tile, lanes, tiles)
                .emit(shared);
          std::unique_ptr<ScanTile> scan = problem.makeTile(nested, tile);
          TimeRange range{zero, problem.loopSizes[problem.time]};
          return runTimeRange(nested, problem, *scan, tile, range,
                              scan->start(nested), shared);
        });
  }
  return outs;
}

SmallVector<Value> ssm::emitSequentialScan(OpBuilder &b, ScanProblem &problem,
                                           int64_t lanes, int64_t cores) {
  SmallVector<Value> outs = makeOutputs(b, problem);
  auto inOrder = [&](ValueRange outs) {
    return scanInOrder(b, problem, lanes, cores, SmallVector<Value>(outs));
  };
  return problem.timeChunks > 1 ? emitTimeChunks(b, problem, outs, inOrder)
                                : inOrder(outs);
}
