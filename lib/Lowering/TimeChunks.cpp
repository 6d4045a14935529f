//===- TimeChunks.cpp - Few channels, in chunks of time -------------------===//
//
// Channels that fit one tile are one chain of steps, and threads that shared
// its rows would each read the cache lines of all. Where transitions decay, the
// states before a chunk of time are those of the steps just before it:
//
//   for each chunk but the last, in parallel:
//     the map x -> p x + s of its last steps, its tail
//   if every p vanishes:
//     for each chunk, in parallel: its steps, from the s before it
//   otherwise, or if the state after a chunk is infinite or no number, of which
//   a tail may not know:
//     all steps, in order
//
// The cuts depend on the length alone and one thread makes them, too, so that
// the results are the same for any number of threads.
//
// Precondition: known sizes, and real numbers whose sums may be rounded in
// another order.
//
//===----------------------------------------------------------------------===//

#include "TimeChunks.h"

#include "TimeLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

/// Steps of a tail, which is read twice. Transitions of 0.84 in the mean vanish
/// in so many.
static constexpr int64_t kTail = 512;

namespace {
class TimeChunkEmitter {
public:
  TimeChunkEmitter(OpBuilder &b, ScanProblem &problem);

  SmallVector<Value> emit(ValueRange outs,
                          function_ref<SmallVector<Value>(ValueRange)> inOrder);

private:
  using Values = SmallVector<Value>;
  using ChunkBody = function_ref<SmallVector<TileResult>(
      OpBuilder &, const Tile &, ValueRange)>;

  /// All channels of `count` chunks; a tile's place in time is its chunk.
  Values forEachChunk(int64_t count, ValueRange outs, ChunkBody body);
  /// The states before all chunks, and the products of all tails.
  std::pair<Value, Value> reduceTails();
  /// The results with time, and the states after all chunks.
  Values scanChunks(ValueRange outs, Value starts);
  /// All results, of which those without time are of the last state.
  Values finish(ValueRange scanned, ValueRange outs);
  /// The steps of the chunk with this number, and the last of them.
  TimeRange chunkAt(OpBuilder &nested, OpFoldResult number);
  TimeRange tailAt(OpBuilder &nested, OpFoldResult number);
  Value makeStates(int64_t count);
  /// Runs the body if the condition holds. It is a loop, whose results are
  /// known to be in the place of what it carries; those of an scf.if are a
  /// copy.
  Values runIf(Value condition, ValueRange carried,
               function_ref<Values(ValueRange)> body);
  /// i1: no element is as far from zero as `limit`, or no number.
  Value areBelow(Value states, const APFloat &limit);

  OpBuilder &b;
  ScanProblem &problem;
  Location loc;
  unsigned lane;
  int64_t steps, channels, chunks, chunk;
  FloatType real;
  /// Of states, over chunks in the place of time.
  AffineMap map;
};
} // namespace

TimeChunkEmitter::TimeChunkEmitter(OpBuilder &b, ScanProblem &problem)
    : b(b), problem(problem), loc(problem.loc), lane(problem.parallel.back()),
      steps(*getConstantIntValue(problem.loopSizes[problem.time])),
      channels(*getConstantIntValue(problem.loopSizes[lane])),
      chunks(problem.timeChunks), chunk(llvm::divideCeil(steps, chunks)),
      real(cast<FloatType>(problem.summary.front().type)),
      map(AffineMap::get(
          problem.loopSizes.size(), 0,
          {b.getAffineDimExpr(problem.time), b.getAffineDimExpr(lane)},
          b.getContext())) {}

Value TimeChunkEmitter::makeStates(int64_t count) {
  return tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{count, channels},
                                 real);
}

SmallVector<Value>
TimeChunkEmitter::forEachChunk(int64_t count, ValueRange outs, ChunkBody body) {
  SmallVector<TileAxis> axes = {
      unitAxis(b, problem.time, b.getIndexAttr(count))};
  for (unsigned dim : ArrayRef(problem.parallel).drop_back())
    axes.push_back(unitAxis(b, dim, b.getIndexAttr(1)));
  axes.push_back({lane, b.getIndexAttr(0), b.getIndexAttr(1),
                  b.getIndexAttr(channels), /*kept=*/true});
  return forEachTile(b, loc, axes, stateTile(b, problem), outs, body);
}

TimeRange TimeChunkEmitter::chunkAt(OpBuilder &nested, OpFoldResult number) {
  AffineExpr i = nested.getAffineSymbolExpr(0),
             taken = nested.getAffineSymbolExpr(1);
  OpFoldResult size = nested.getIndexAttr(chunk);
  // The last in time is what is left over.
  if (steps % chunk != 0)
    size = OpFoldResult(arith::MinSIOp::create(
        nested, loc, asValue(nested, loc, size),
        asValue(nested, loc, affine(nested, loc, steps - i * chunk, number))));
  if (problem.backward)
    return {affine(nested, loc, steps - i * chunk - taken, {number, size}),
            size};
  return {affine(nested, loc, i * chunk, number), size};
}

TimeRange TimeChunkEmitter::tailAt(OpBuilder &nested, OpFoldResult number) {
  AffineExpr end = (nested.getAffineSymbolExpr(0) + 1) * chunk;
  return {
      affine(nested, loc, problem.backward ? steps - end : end - kTail, number),
      nested.getIndexAttr(kTail)};
}

std::pair<Value, Value> TimeChunkEmitter::reduceTails() {
  OpFoldResult zero = b.getIndexAttr(0);
  Values starts =
      forEachChunk(1, makeStates(chunks),
                   [&](OpBuilder &nested, const Tile &tile, ValueRange) {
                     return SmallVector<TileResult>{
                         {problem.makeTile(nested, tile)->start(nested).front(),
                          map, tile.at(problem.time, zero)}};
                   });
  Values tails = forEachChunk(
      chunks - 1, {starts.front(), makeStates(chunks - 1)},
      [&](OpBuilder &nested, const Tile &tile, ValueRange) {
        auto scan = problem.makeTile(nested, tile);
        OpFoldResult number = tile.ranges[problem.time].offset;
        TimeRange tail = tailAt(nested, number);
        Values summary = forEachStep(
            nested, problem, tail.length, scan->neutral(nested),
            [&](OpBuilder &inner, Value position, ValueRange args) {
              AffineExpr sum =
                  inner.getAffineSymbolExpr(0) + inner.getAffineSymbolExpr(1);
              OpFoldResult one = inner.getIndexAttr(1);
              OpFoldResult t =
                  affine(inner, loc, sum, {OpFoldResult(position), tail.begin});
              return scan->extend(inner, args, Step{{t, one, one}, {}, {}, {}});
            });
        AffineExpr next = nested.getAffineSymbolExpr(0) + 1;
        return SmallVector<TileResult>{
            {summary[1], map,
             tile.at(problem.time, affine(nested, loc, next, number))},
            {summary[0], map, tile}};
      });
  return {tails[0], tails[1]};
}

SmallVector<Value> TimeChunkEmitter::scanChunks(ValueRange outs, Value starts) {
  Values shared;
  SmallVector<AffineMap> maps;
  for (auto [result, out] : llvm::zip_equal(problem.results, outs))
    if (result.hasTime) {
      shared.push_back(out);
      maps.push_back(result.map);
    }
  shared.push_back(makeStates(chunks));
  return forEachChunk(
      chunks, shared,
      [&](OpBuilder &nested, const Tile &tile, ValueRange outs) {
        auto scan = problem.makeTile(nested, tile);
        TimeRange range = chunkAt(nested, tile.ranges[problem.time].offset);
        Tile part = tile.withAllDims();
        part.ranges[problem.time] = {range.begin, range.length,
                                     nested.getIndexAttr(1)};
        Values parts;
        for (auto [out, timed] : llvm::zip(outs, maps))
          parts.push_back(extractTile(nested, loc, out, timed, part));
        Value start = extractTile(nested, loc, starts, map, tile);
        Values carried = scanRange(nested, problem, *scan, range, start, parts);
        SmallVector<TileResult> results;
        for (auto [value, timed] :
             llvm::zip_equal(ArrayRef(carried).drop_front(), maps))
          results.push_back({value, timed, part});
        results.push_back({carried.front(), map, tile});
        return results;
      });
}

SmallVector<Value> TimeChunkEmitter::finish(ValueRange scanned,
                                            ValueRange outs) {
  Values results;
  for (auto [result, out] : llvm::zip_equal(problem.results, outs)) {
    if (result.hasTime) {
      results.push_back(scanned[results.size()]);
      continue;
    }
    AffineMap final = result.map;
    llvm::append_range(
        results,
        forEachChunk(
            1, out, [&](OpBuilder &nested, const Tile &tile, ValueRange) {
              Tile last =
                  tile.at(problem.time, nested.getIndexAttr(chunks - 1));
              Value state = extractTile(nested, loc, scanned.back(), map, last);
              auto scan = problem.makeTile(nested, tile);
              return SmallVector<TileResult>{
                  {scan->finish(nested, state).front(), final, tile}};
            }));
  }
  return results;
}

Value TimeChunkEmitter::areBelow(Value states, const APFloat &limit) {
  auto index = [&](int64_t value) {
    return asValue(b, loc, b.getIndexAttr(value));
  };
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 0));
  int64_t count = cast<RankedTensorType>(states.getType()).getDimSize(0);
  Value most =
      buildFor(b, loc, index(0), index(count), zero, [&](Value i, Value sofar) {
        return buildFor(b, loc, index(0), index(channels), sofar,
                        [&](Value k, Value other) -> Value {
                          Value x = tensor::ExtractOp::create(b, loc, states,
                                                              ValueRange{i, k});
                          return arith::MaximumFOp::create(
                              b, loc, math::AbsFOp::create(b, loc, x), other);
                        });
      });
  return arith::CmpFOp::create(
      b, loc, arith::CmpFPredicate::OLT, most,
      arith::ConstantOp::create(b, loc, b.getFloatAttr(real, limit)));
}

SmallVector<Value>
TimeChunkEmitter::runIf(Value condition, ValueRange carried,
                        function_ref<Values(ValueRange)> body) {
  Value once =
      arith::IndexCastUIOp::create(b, loc, b.getIndexType(), condition);
  return buildFor(b, loc, asValue(b, loc, b.getIndexAttr(0)), once, carried,
                  [&](Value, ValueRange args) { return body(args); });
}

SmallVector<Value>
TimeChunkEmitter::emit(ValueRange outs,
                       function_ref<SmallVector<Value>(ValueRange)> inOrder) {
  const llvm::fltSemantics &format = real.getFloatSemantics();
  Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  auto [starts, products] = reduceTails();
  Values carried(outs);
  carried.push_back(yes);
  carried =
      runIf(areBelow(products, APFloat::getSmallestNormalized(format)), carried,
            [&, starts = starts](ValueRange args) {
              ValueRange outs = args.drop_back();
              Values scanned = scanChunks(outs, starts);
              Values values = finish(scanned, outs);
              Value isKnown = areBelow(scanned.back(), APFloat::getInf(format));
              values.push_back(arith::XOrIOp::create(b, loc, isKnown, yes));
              return values;
            });
  Value isDue = carried.pop_back_val();
  return runIf(isDue, carried, inOrder);
}

SmallVector<Value>
ssm::emitTimeChunks(OpBuilder &b, ScanProblem &problem, ValueRange outs,
                    function_ref<SmallVector<Value>(ValueRange)> inOrder) {
  return TimeChunkEmitter(b, problem).emit(outs, inOrder);
}
