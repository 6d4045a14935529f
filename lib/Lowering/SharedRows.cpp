//===- SharedRows.cpp - Rows of channels that threads share ---------------===//
//
// Where several threads take a part of each row, none of them walks along
// memory. A prefetcher that follows a part of a row runs on into the part
// beside it, and takes lines from the core that writes them; at the next row it
// begins anew. So a thread asks for what it reads two steps ahead, and takes
// its part in bands of a kilobyte, most of which have neighbours of its own:
//
//   for t in 0 .. L:
//     ask for the lines of a[t + 2], u[t + 2]
//     for line in 0 .. 16:  x[line] = a[t, line] x[line] + u[t, line]
//                           store x[line]
//
// The states of such a band are in registers: in memory each would take a place
// in the queue of stores, where those to the result wait for the last cache.
// The order of lines is kept by fences for the compiler, which cost nothing at
// run time: all requests first, then one line after the other.
//
// 1,024 steps of 1,024 channels of f32, 12 MiB, on two threads of a Zen 5, one
// complex: 61 us where C++ in halves of rows takes 78.
//
//===----------------------------------------------------------------------===//

#include "SharedRows.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace ssm;

/// Lines of a band, and registers for its states: half of those of AVX-512.
static constexpr int64_t kLines = 16;
/// A shorter part of a row gains nothing.
static constexpr int64_t kFewestLines = 8;

/// Steps of which most are not asked for.
static constexpr int64_t kFewSteps = 16;

/// Numbers of the problem's states that fill a register; 0 if there are none.
static int64_t lanesOf(const ScanProblem &problem) {
  auto real = dyn_cast<FloatType>(problem.summary.front().type);
  return real ? kLine / bytesOf(real) : 0;
}

int64_t ssm::countSharedChannels(const ScanProblem &problem, int64_t channels) {
  if (problem.sharedRowsAhead == 0 || !problem.state.empty() ||
      problem.results.empty() || !problem.results.front().hasTime)
    return 0;
  // The second caches have what is smaller.
  RankedTensorType type = problem.results.front().type;
  if (bytesOf(type).value_or(0) < kStreamedBytes)
    return 0;
  int64_t lanes = lanesOf(problem);
  int64_t row =
      *getConstantIntValue(problem.loopSizes[problem.parallel.back()]);
  int64_t steps = *getConstantIntValue(problem.loopSizes[problem.time]);
  if (lanes == 0 || channels % lanes != 0 || row % channels != 0 ||
      steps <= kFewSteps)
    return 0;
  int64_t parts = 1 + isa<ComplexType>(type.getElementType());
  int64_t tiles = channels / lanes;
  if (tiles * parts < kFewestLines)
    return 0;
  int64_t most = std::min(kLines / parts, tiles);
  while (tiles % most != 0)
    --most;
  return most * lanes;
}

namespace {
/// The loop over time of one band.
class SharedBandEmitter {
public:
  SharedBandEmitter(OpBuilder &b, ScanProblem &problem, const Tile &band);

  SmallVector<TileResult> emit(ValueRange shared);

private:
  using Values = SmallVector<Value>;

  /// The prefixes of all tiles, and the parts of the results, one step later.
  Values emitStep(OpBuilder &nested, const Step &step, ValueRange carried);
  /// The part of a band that is tile `i`, with all of its dimensions.
  Tile pieceAt(size_t i, const Step &step);
  /// One prefix of those of all tiles.
  Values putTogether(ValueRange prefixes);

  OpBuilder &b;
  ScanProblem &problem;
  Location loc;
  const Tile &band;
  unsigned laneDim;
  std::unique_ptr<ScanTile> scan;
  /// Of one register each, in the order in which memory is walked.
  SmallVector<LoopRange> ranges;
  SmallVector<std::unique_ptr<ScanTile>> tiles;
  size_t numParts = 0;
};
} // namespace

SharedBandEmitter::SharedBandEmitter(OpBuilder &b, ScanProblem &problem,
                                     const Tile &band)
    : b(b), problem(problem), loc(problem.loc), band(band),
      laneDim(problem.parallel.back()), scan(problem.makeTile(b, band)) {
  int64_t lanes = lanesOf(problem);
  int64_t channels = *getConstantIntValue(band.ranges[laneDim].size);
  for (int64_t first = 0; first < channels; first += lanes)
    ranges.push_back(
        {b.getIndexAttr(first), b.getIndexAttr(lanes), b.getIndexAttr(1)});
  if (problem.backward)
    std::reverse(ranges.begin(), ranges.end());
  for (const LoopRange &range : ranges)
    tiles.push_back(scan->narrow(b, laneDim, range));
  // The band asks for its tiles.
  scan->ahead.steps = problem.sharedRowsAhead;
}

Tile SharedBandEmitter::pieceAt(size_t i, const Step &step) {
  Tile piece = band.atOrigin().withAllDims();
  piece.ranges[laneDim] = ranges[i];
  piece.ranges[problem.time] = step.localTime;
  return piece;
}

SmallVector<Value> SharedBandEmitter::emitStep(OpBuilder &nested,
                                               const Step &step,
                                               ValueRange carried) {
  scan->askAhead(nested, step);
  Values prefixes, parts(carried.take_back(numParts));
  size_t numPrefix = carried.drop_back(numParts).size() / tiles.size();
  Step local = step;
  local.localTime.offset = nested.getIndexAttr(0);
  for (auto [i, tile] : llvm::enumerate(tiles)) {
    Tile piece = pieceAt(i, step);
    Values pieces;
    auto timed =
        llvm::make_filter_range(problem.results, [](const ScanResult &result) {
          return result.hasTime;
        });
    for (auto [part, result] : llvm::zip(parts, timed))
      pieces.push_back(extractTile(nested, loc, part, result.map, piece));
    Values done =
        advanceAndStore(nested, problem, *tile,
                        carried.slice(i * numPrefix, numPrefix), pieces, local);
    prefixes.append(done.begin(), done.begin() + numPrefix);
    ArrayRef<Value> stored = ArrayRef(done).drop_front(numPrefix);
    for (auto [part, result, value] : llvm::zip(parts, timed, stored))
      part = insertTile(nested, loc, value, part, result.map, piece);
  }
  llvm::append_range(prefixes, parts);
  return prefixes;
}

SmallVector<Value> SharedBandEmitter::putTogether(ValueRange prefixes) {
  size_t numPrefix = prefixes.size() / tiles.size();
  Values whole;
  for (size_t k = 0; k < numPrefix; ++k) {
    auto type = cast<RankedTensorType>(prefixes[k].getType());
    Value all = tensor::EmptyOp::create(b, loc, band.keptSizes(),
                                        type.getElementType());
    for (auto [i, range] : llvm::enumerate(ranges))
      all = tensor::InsertSliceOp::create(
          b, loc, prefixes[i * numPrefix + k], all,
          ArrayRef<OpFoldResult>{range.offset}, {range.size}, {range.stride});
    whole.push_back(all);
  }
  return whole;
}

SmallVector<TileResult> SharedBandEmitter::emit(ValueRange shared) {
  OpFoldResult zero = b.getIndexAttr(0);
  TimeRange whole{zero, problem.loopSizes[problem.time]};
  Values carried;
  for (auto &tile : tiles)
    llvm::append_range(carried, tile->start(b));
  Values parts = extractParts(b, problem, band, whole, shared);
  numParts = parts.size();
  llvm::append_range(carried, parts);
  carried = forEachStep(b, problem, whole.length, carried,
                        [&](OpBuilder &nested, Value t, ValueRange args) {
                          return emitStep(
                              nested, stepAt(nested, problem, whole, t), args);
                        });
  carried.front().getDefiningOp()->setAttr(kInOrderAttrName, b.getUnitAttr());
  Values last = putTogether(ValueRange(carried).drop_back(numParts));
  llvm::append_range(last, ValueRange(carried).take_back(numParts));
  return collectResults(b, problem, *scan, band, whole, last);
}

SmallVector<TileResult> ssm::emitSharedBand(OpBuilder &b, ScanProblem &problem,
                                            const Tile &band,
                                            ValueRange shared) {
  return SharedBandEmitter(b, problem, band).emit(shared);
}
