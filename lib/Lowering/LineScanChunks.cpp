//===- LineScanChunks.cpp - A line alone, for several threads -------------===//
//
// A line is one chain of states. One that is alone is cut into chunks, four of
// which are a group:
//
//   for each chunk of the first group, in parallel:
//     the map x -> p x + s of all its steps
//   for each group:
//     the states before its chunks, by their maps
//     for each chunk, in parallel:
//       its states, and the map of the chunk in its place in the next group
//
// So a thread writes what it still has in its second cache and reads ahead at
// once: memory stays busy both ways.
//
// One thread computes the maps beside the states, and goes on from chunk to
// chunk by the maps: where chunks end depends on the length alone, so that the
// results are the same for any number of threads.
//
// Products of transitions that decay go on as zero below the normal numbers: a
// subnormal one costs a hundred times as long, in every block that it decays
// through, and has lost digits that no later growth brings back. Those that
// grow end at the largest number, as infinity times a state of zero would be no
// number.
//
// Precondition: a length that is known, no other line, and real numbers;
// complex ones are bound by their arithmetic, of which this is twice as much.
//
// Reference: Blelloch, "Prefix Sums and Their Applications" (1990), on scans of
// blocks.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ssm;

/// Steps of a chunk. A thread of two has 1 MiB on its way in its second cache:
/// of two chunks that it scans and of two that it reduces, two operands of f32
/// each.
static constexpr int64_t kChunk = 1 << 15;
static constexpr int64_t kChunks = 4, kGroup = kChunk * kChunks;

int64_t LineScanEmitter::countGroups() {
  auto isOne = [&](unsigned dim) {
    return getConstantIntValue(problem->loopSizes[dim]) == 1;
  };
  auto length = getConstantIntValue(problem->loopSizes[problem->time]);
  if (!length || complexState || !llvm::all_of(problem->parallel, isOne))
    return 0;
  return *length / kGroup;
}

LineScanEmitter::Map LineScanEmitter::startMap(const Tile &tile) {
  Map map = {constant(1, false), constant(0, false)};
  if (powers)
    map.p.re = broadcast(powerOfTransition(tile, kChunk));
  return map;
}

LineScanEmitter::Map LineScanEmitter::then(const Map &map, const Block &block) {
  Value s = num.mulAdd(block.product, map.s, block.local).re;
  if (powers)
    return {map.p, toNum(s)};
  Value p = num.mul(block.product, map.p).re;
  const llvm::fltSemantics &format = cast<FloatType>(real).getFloatSemantics();
  double smallest = APFloat::getSmallestNormalized(format).convertToDouble();
  double largest = APFloat::getLargest(format).convertToDouble();
  Value vanishes =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                            math::AbsFOp::create(b, loc, p), splat(smallest));
  p = arith::SelectOp::create(b, loc, vanishes, splat(0), p);
  p = arith::MinNumFOp::create(b, loc, p, splat(largest));
  p = arith::MaxNumFOp::create(b, loc, p, splat(-largest));
  return {toNum(p), toNum(s)};
}

TimeRange LineScanEmitter::chunkOf(OpFoldResult group, OpFoldResult number) {
  AffineExpr begin = b.getAffineSymbolExpr(0), i = b.getAffineSymbolExpr(1);
  AffineExpr at = problem->backward ? kChunks - 1 - i : i;
  return {affine(b, loc, begin + at * kChunk, {group, number}),
          b.getIndexAttr(kChunk)};
}

SmallVector<Value> LineScanEmitter::runChunkInOrder(const Tile &tile,
                                                    TimeRange chunk,
                                                    ValueRange start) {
  findPowers(tile);
  Num state = toNum(start[1]);
  Map before = startMap(tile);
  SmallVector<Value> carried = {start.front(), before.p.re, before.s.re};
  llvm::append_range(carried, flatten(startCarry(state)));
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  carried = forEachBlock(
      b, loc, chunk.length, kLineBlock, problem->backward, carried,
      [&](TimeRange range, ValueRange args) {
        range.begin = affine(b, loc, s0 + s1, {range.begin, chunk.begin});
        Block block = loadBlock(tile, range);
        Carry carry = unflatten(args.drop_front(3));
        link(block, carry);
        Map map = then({toNum(args[1]), toNum(args[2])}, block);
        SmallVector<Value> next = {storeBlock(block, range.begin, args.front()),
                                   map.p.re, map.s.re};
        llvm::append_range(next, flatten(carry));
        return next;
      });
  Num p = lastLane(toNum(carried[1])), s = lastLane(toNum(carried[2]));
  return {carried.front(), num.mulAdd(p, state, s).re};
}

SmallVector<Value> LineScanEmitter::runChunk(const Tile &tile,
                                             const TimeRange *scanned,
                                             ValueRange start,
                                             const TimeRange *reduced) {
  findPowers(tile);
  SmallVector<Value> carried(start.take_front(scanned ? 1 : 0));
  if (scanned)
    llvm::append_range(carried, flatten(startCarry(toNum(start.drop_front()))));
  size_t numScanned = carried.size();
  if (reduced) {
    Map before = startMap(tile);
    carried.append({before.p.re, before.s.re});
    Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 0));
    llvm::append_range(carried, flatten(startCarry({zero, Value()})));
  }
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  auto blockOf = [&](TimeRange range, const TimeRange &chunk) {
    return loadBlock(tile, {affine(b, loc, s0 + s1, {range.begin, chunk.begin}),
                            range.length});
  };
  carried = forEachBlock(
      b, loc, b.getIndexAttr(kChunk), kLineBlock, problem->backward, carried,
      [&](TimeRange range, ValueRange args) {
        SmallVector<Value> next;
        if (scanned) {
          Block block = blockOf(range, *scanned);
          Carry carry = unflatten(args.take_front(numScanned).drop_front());
          link(block, carry);
          next.push_back(storeBlock(block, range.begin, args.front()));
          llvm::append_range(next, flatten(carry));
          args = args.drop_front(numScanned);
        }
        if (reduced) {
          Block block = blockOf(range, *reduced);
          Carry carry = unflatten(args.drop_front(2));
          link(block, carry);
          Map map = then({toNum(args[0]), toNum(args[1])}, block);
          next.append({map.p.re, map.s.re});
          llvm::append_range(next, flatten(carry));
        }
        return next;
      });
  SmallVector<Value> results(ArrayRef(carried).take_front(scanned ? 1 : 0));
  if (reduced)
    for (Value part : ArrayRef(carried).slice(numScanned, 2))
      results.push_back(lastLane(toNum(part)).re);
  return results;
}

SmallVector<Value>
LineScanEmitter::runPhase(const Tile &tile, Value line, Value starts,
                          std::optional<OpFoldResult> scanned,
                          std::optional<OpFoldResult> reduced) {
  unsigned time = problem->time;
  Tile group = tile;
  group.ranges[time].offset = b.getIndexAttr(0);
  AffineMap lineMap = problem->results.front().map;
  AffineMap numbers = AffineMap::get(problem->loopSizes.size(), 0,
                                     b.getAffineDimExpr(time), b.getContext());
  SmallVector<Value> outs;
  if (scanned)
    outs.push_back(line);
  if (reduced)
    for (int64_t part = 0; part < 2; ++part)
      outs.push_back(
          tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{kChunks}, real));
  return forEachTile(
      b, loc, unitAxis(b, time, b.getIndexAttr(kChunks)), group, outs,
      [&](OpBuilder &, const Tile &place, ValueRange shared) {
        OpFoldResult number = place.ranges[time].offset;
        TimeRange from, ahead;
        Tile part = tile.withAllDims();
        SmallVector<Value> start;
        if (scanned) {
          from = chunkOf(*scanned, number);
          part.ranges[time] = {from.begin, from.length, b.getIndexAttr(1)};
          start.push_back(extractTile(b, loc, shared.front(), lineMap, part));
          start.push_back(tensor::ExtractOp::create(b, loc, starts,
                                                    asValue(b, loc, number)));
        }
        if (reduced)
          ahead = chunkOf(*reduced, number);
        SmallVector<Value> values = runChunk(tile, scanned ? &from : nullptr,
                                             start, reduced ? &ahead : nullptr);
        SmallVector<TileResult> results;
        for (auto [i, value] : llvm::enumerate(values))
          if (scanned && i == 0)
            results.push_back({value, lineMap, part});
          else
            results.push_back(
                {tensor::FromElementsOp::create(
                     b, loc, RankedTensorType::get({}, real), value),
                 numbers, place});
        return results;
      });
}

Value LineScanEmitter::statesBefore(ValueRange maps, Num &state) {
  SmallVector<Value> before;
  for (int64_t i = 0; i < kChunks; ++i) {
    auto part = [&](Value parts) {
      return Num{tensor::ExtractOp::create(b, loc, parts, index(i)), Value()};
    };
    before.push_back(state.re);
    state = num.mulAdd(part(maps[0]), state, part(maps[1]));
  }
  return tensor::FromElementsOp::create(
      b, loc, RankedTensorType::get({kChunks}, real), before);
}

SmallVector<Value> LineScanEmitter::runGroupsAhead(const Tile &tile,
                                                   int64_t groups,
                                                   ValueRange carried) {
  // The line, the state, and the maps of the next group's chunks.
  SmallVector<Value> values(carried);
  llvm::append_range(values, runPhase(tile, Value(), Value(), std::nullopt,
                                      groupBegin(index(0))));
  auto advance = [&](ValueRange args, std::optional<OpFoldResult> scanned,
                     std::optional<OpFoldResult> reduced) {
    Num state = toNum(args[1]);
    Value starts = statesBefore(args.drop_front(2), state);
    SmallVector<Value> next =
        runPhase(tile, args.front(), starts, scanned, reduced);
    next.insert(next.begin() + 1, state.re);
    return next;
  };
  values =
      buildFor(b, loc, index(0), index(groups - 1), values,
               [&](Value g, ValueRange args) {
                 Value following = arith::AddIOp::create(b, loc, g, index(1));
                 return advance(args, groupBegin(g), groupBegin(following));
               });
  return advance(values, groupBegin(index(groups - 1)), std::nullopt);
}

OpFoldResult LineScanEmitter::groupBegin(Value number) {
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  int64_t length = *getConstantIntValue(problem->loopSizes[problem->time]);
  return affine(b, loc,
                problem->backward ? length - (s0 + 1) * kGroup : s0 * kGroup,
                OpFoldResult(number));
}

SmallVector<Value> LineScanEmitter::runGroupsInOrder(const Tile &tile,
                                                     int64_t groups,
                                                     ValueRange carried) {
  return buildFor(
      b, loc, index(0), index(groups), carried, [&](Value g, ValueRange args) {
        return buildFor(b, loc, index(0), index(kChunks), args,
                        [&](Value i, ValueRange inner) {
                          return runChunkInOrder(
                              tile, chunkOf(groupBegin(g), i), inner);
                        });
      });
}

SmallVector<Value> LineScanEmitter::runGroups(const Tile &tile, int64_t groups,
                                              Value line, Num state) {
  int64_t length = *getConstantIntValue(problem->loopSizes[problem->time]);
  int64_t rest = length - groups * kGroup;
  SmallVector<Value> carried = {line, state.re};
  carried = options.cores > 1 ? runGroupsAhead(tile, groups, carried)
                              : runGroupsInOrder(tile, groups, carried);
  if (rest == 0)
    return carried;
  TimeRange last = {b.getIndexAttr(problem->backward ? 0 : groups * kGroup),
                    b.getIndexAttr(rest)};
  AffineMap map = problem->results.front().map;
  Tile part = tile.withAllDims();
  part.ranges[problem->time] = {last.begin, last.length, b.getIndexAttr(1)};
  SmallVector<Value> done =
      runBlocks(tile, last, extractTile(b, loc, carried.front(), map, part),
                toNum(ArrayRef(carried).drop_front()));
  done.front() = insertTile(b, loc, done.front(), carried.front(), map, part);
  return done;
}
