//===- LineScanThreads.cpp - A line alone, for several threads ------------===//
//
// The chunks of a line, some of which are a group:
//
//   for each chunk of the first group, in parallel:
//     its map
//   for each group:
//     the states before its chunks, by their maps
//     for each chunk, in parallel:
//       its states, and the map of the chunk in its place in the next group
//   where a state is infinite or no number:
//     the states of the chunks behind, in order
//
// So a thread writes what it still has in its second cache and reads ahead at
// once: memory stays busy both ways. Where transitions decay it reads only the
// tail ahead.
//
// Reference: Blelloch, "Prefix Sums and Their Applications" (1990), on scans of
// blocks.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "ssm/Utils/Threads.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> LineScanEmitter::runChunk(const Tile &tile,
                                             const OpFoldResult *scanned,
                                             ValueRange start,
                                             const OpFoldResult *reduced) {
  if (!reduced)
    return runBlocks(tile, {*scanned, b.getIndexAttr(kChunk)}, start.front(),
                     toNum(start.drop_front()));
  findPowers(tile);
  SmallVector<Value> scan;
  if (scanned)
    scan = startScan(start.front(), toNum(start.drop_front()));
  Map tail = reduceTail(tile, *reduced);
  // The rest is read only if it matters, beside what is scanned.
  auto leave = [&]() {
    SmallVector<Value> values = {tail.p.re, tail.s.re};
    if (scanned)
      llvm::append_range(values,
                         scanAlong(tile, restOfChunk(), *scanned, scan));
    return values;
  };
  auto reduce = [&]() {
    SmallVector<Value> carried(scan);
    llvm::append_range(carried, startReduction(tile, kRest));
    carried = runBesides(tile, scanned, *reduced, carried, scan.size());
    ValueRange all(carried);
    Map rest = lastLanes(all.drop_front(scan.size()));
    Map whole = mapOfChunk(tile, rest, tail);
    SmallVector<Value> values = {whole.p.re, whole.s.re};
    llvm::append_range(values, all.take_front(scan.size()));
    return values;
  };
  SmallVector<Type> types(2, real);
  llvm::append_range(types, ValueRange(scan).getTypes());
  SmallVector<Value> values =
      buildIf(b, loc, types, vanishes(tail), leave, reduce);
  SmallVector<Value> results;
  if (scanned) {
    scan = scanAlong(tile, tailOfChunk(), *scanned,
                     ArrayRef(values).drop_front(2));
    results = {scan.front(), stateOf(scan)};
  }
  llvm::append_range(results, ArrayRef(values).take_front(2));
  return results;
}

SmallVector<Value> LineScanEmitter::runBesides(const Tile &tile,
                                               const OpFoldResult *scanned,
                                               OpFoldResult reduced,
                                               ValueRange carried,
                                               size_t numScanned) {
  return forEachBlockOf(
      restOfChunk(), reduced, carried,
      [&](TimeRange at, OpFoldResult begin, ValueRange args) {
        SmallVector<Value> next;
        if (scanned) {
          AffineExpr s0 = b.getAffineSymbolExpr(0),
                     s1 = b.getAffineSymbolExpr(1);
          Block block = loadBlock(
              tile, {affine(b, loc, s0 + s1, {begin, *scanned}), at.length});
          next = scanBlock(block, begin, args.take_front(numScanned));
        }
        llvm::append_range(next, reduceBlock(loadBlock(tile, at),
                                             args.drop_front(numScanned)));
        return next;
      });
}

SmallVector<Value> LineScanEmitter::runPhase(const Tile &tile, Value line,
                                             Value starts,
                                             std::optional<Value> scanned,
                                             std::optional<Value> reduced) {
  unsigned time = problem->time;
  Tile group = tile;
  group.ranges[time].offset = b.getIndexAttr(0);
  AffineMap lineMap = problem->results.front().map;
  AffineMap numbers = AffineMap::get(problem->loopSizes.size(), 0,
                                     b.getAffineDimExpr(time), b.getContext());
  SmallVector<Value> outs;
  if (scanned)
    outs.push_back(line);
  for (unsigned i = 0, parts = (scanned ? 1 : 0) + (reduced ? 2 : 0); i < parts;
       ++i)
    outs.push_back(tensor::EmptyOp::create(
        b, loc, ArrayRef<int64_t>{groups.chunks}, real));
  auto chunkOf = [&](Value group, OpFoldResult number) {
    Value first = arith::MulIOp::create(b, loc, group, index(groups.chunks));
    return chunkBegin(
        arith::AddIOp::create(b, loc, first, asValue(b, loc, number)));
  };
  SmallVector<Value> results = forEachTile(
      b, loc, unitAxis(b, time, b.getIndexAttr(groups.chunks)), group, outs,
      [&](OpBuilder &, const Tile &place, ValueRange shared) {
        OpFoldResult number = place.ranges[time].offset, from, ahead;
        Tile part = tile.withAllDims();
        SmallVector<Value> start;
        if (scanned) {
          from = chunkOf(*scanned, number);
          part.ranges[time] = {from, b.getIndexAttr(kChunk), b.getIndexAttr(1)};
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
  keepInCaches(results);
  return results;
}

Value LineScanEmitter::statesBefore(ValueRange maps, Num &state) {
  Value empty =
      tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{groups.chunks}, real);
  SmallVector<Value> done = buildFor(
      b, loc, index(0), index(groups.chunks), {empty, state.re},
      [&](Value i, ValueRange args) {
        auto part = [&](Value parts) {
          return toNum(tensor::ExtractOp::create(b, loc, parts, i).getResult());
        };
        Value before = tensor::InsertOp::create(b, loc, args[1], args[0], i);
        Num after = num.mulAdd(part(maps[0]), toNum(args[1]), part(maps[1]));
        return SmallVector<Value>{before, after.re};
      });
  state.re = done[1];
  return done[0];
}

SmallVector<Value> LineScanEmitter::runGroupsAhead(const Tile &tile,
                                                   ValueRange carried) {
  // The line, the states after the chunks, the state, and the maps of the next
  // group's chunks.
  Value ends = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{groups.numChunks()}, real);
  SmallVector<Value> values = {carried[0], ends, carried[1]};
  llvm::append_range(values,
                     runPhase(tile, Value(), Value(), std::nullopt, index(0)));
  auto advance = [&](ValueRange args, Value scanned,
                     std::optional<Value> reduced) {
    Num state = toNum(args[2]);
    Value starts = statesBefore(args.drop_front(3), state);
    SmallVector<Value> done = runPhase(tile, args[0], starts, scanned, reduced);
    Value at = arith::MulIOp::create(b, loc, scanned, index(groups.chunks));
    Value ends = tensor::InsertSliceOp::create(
        b, loc, done[1], args[1], OpFoldResult(at),
        OpFoldResult(b.getIndexAttr(groups.chunks)),
        OpFoldResult(b.getIndexAttr(1)));
    SmallVector<Value> next = {done[0], ends, state.re};
    llvm::append_range(next, ArrayRef(done).drop_front(2));
    return next;
  };
  values = buildFor(b, loc, index(0), index(groups.count - 1), values,
                    [&](Value g, ValueRange args) {
                      Value following =
                          arith::AddIOp::create(b, loc, g, index(1));
                      return advance(args, g, following);
                    });
  values = advance(values, index(groups.count - 1), std::nullopt);
  return keepWhatIsNoNumber(tile, values);
}

SmallVector<Value> LineScanEmitter::keepWhatIsNoNumber(const Tile &tile,
                                                       ValueRange scanned) {
  Value ends = scanned[1];
  AffineMap map = problem->results.front().map;
  auto endOf = [&](Value chunk) -> Value {
    return tensor::ExtractOp::create(b, loc, ends, chunk);
  };
  SmallVector<Value> done = buildFor(
      b, loc, index(1), index(groups.numChunks()),
      {scanned[0], endOf(index(0))}, [&](Value i, ValueRange args) {
        auto keep = [&]() { return SmallVector<Value>{args[0], endOf(i)}; };
        auto repeat = [&]() {
          OpFoldResult begin = chunkBegin(i), length = b.getIndexAttr(kChunk);
          Tile part = tile.withAllDims();
          part.ranges[problem->time] = {begin, length, b.getIndexAttr(1)};
          SmallVector<Value> values = runBlocks(
              tile, {begin, length}, extractTile(b, loc, args[0], map, part),
              toNum(args[1]));
          values[0] = insertTile(b, loc, values[0], args[0], map, part);
          return values;
        };
        return buildIf(b, loc, args.getTypes(), isFinite(args[1]), keep,
                       repeat);
      });
  done.front().getDefiningOp()->setAttr(kCachedAttrName, b.getUnitAttr());
  return {done[0], orWhatIsNoNumber(scanned[2], done[1])};
}
