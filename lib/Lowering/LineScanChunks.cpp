//===- LineScanChunks.cpp - A line alone, in chunks -----------------------===//
//
// A line is one chain of states. One that is alone is cut into chunks, for
// several threads (LineScanThreads.cpp). The map x -> p x + s of all steps of a
// chunk leads from the state before it to that after it.
//
// A chunk is reduced from its tail, the last steps. Where transitions decay the
// product of those vanishes, and the map is known; where it does not, the map
// is that of the rest and then of the tail.
//
// One thread, too, goes on from chunk to chunk by the maps, and computes that
// of the rest beside its states: where chunks end depends on the length alone,
// so that the results are the same for any number of threads.
//
// Products of transitions that decay go on as zero below the normal numbers: a
// subnormal one costs a hundred times as long, in every block that it decays
// through, and has lost digits that no later growth brings back. Those that
// grow end at the largest number, as infinity times a state of zero would be no
// number. What is infinite or no number stays: a map that is known by its tail
// knows nothing of it, and the state as it was scanned goes on.
//
// Precondition: a length that is known, no other line, and real numbers;
// complex ones are bound by their arithmetic, of which this is twice as much.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ssm;

LineScanEmitter::Groups LineScanEmitter::cutLine() {
  auto isOne = [&](unsigned dim) {
    return getConstantIntValue(problem->loopSizes[dim]) == 1;
  };
  auto length = getConstantIntValue(problem->loopSizes[problem->time]);
  if (!length || complexState || !llvm::all_of(problem->parallel, isOne))
    return {};
  int64_t chunks = *length / kChunk;
  if (chunks < kFewestChunks)
    return {};
  int64_t count = llvm::divideCeil(chunks, kMostChunks);
  return {count, chunks / count};
}

OpFoldResult LineScanEmitter::chunkBegin(Value number) {
  AffineExpr i = b.getAffineSymbolExpr(0);
  int64_t length = *getConstantIntValue(problem->loopSizes[problem->time]);
  return affine(b, loc,
                problem->backward ? length - (i + 1) * kChunk : i * kChunk,
                OpFoldResult(number));
}

TimeRange LineScanEmitter::restOfChunk() {
  return {b.getIndexAttr(problem->backward ? kTail : 0), b.getIndexAttr(kRest)};
}

TimeRange LineScanEmitter::tailOfChunk() {
  return {b.getIndexAttr(problem->backward ? 0 : kRest), b.getIndexAttr(kTail)};
}

TimeRange LineScanEmitter::pieceOfTail(Value number) {
  AffineExpr i = b.getAffineSymbolExpr(0);
  return {affine(b, loc,
                 problem->backward ? i * kPiece : kChunk - (i + 1) * kPiece,
                 OpFoldResult(number)),
          b.getIndexAttr(kPiece)};
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

LineScanEmitter::Map LineScanEmitter::startMap(const Tile &tile,
                                               int64_t steps) {
  Map map = {constant(1, false), constant(0, false)};
  if (powers)
    map.p.re = broadcast(powerOfTransition(tile, steps));
  return map;
}

Value LineScanEmitter::bound(Value p) {
  const llvm::fltSemantics &format = cast<FloatType>(real).getFloatSemantics();
  double smallest = APFloat::getSmallestNormalized(format).convertToDouble();
  double largest = APFloat::getLargest(format).convertToDouble();
  auto number = [&](double value) -> Value {
    Value x = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, value));
    return isa<VectorType>(p.getType()) ? broadcast(x) : x;
  };
  auto replace = [&](arith::CmpFPredicate predicate, Value x, double limit,
                     double by) {
    Value is = arith::CmpFOp::create(b, loc, predicate, x, number(limit));
    return arith::SelectOp::create(b, loc, is, number(by), p).getResult();
  };
  using Is = arith::CmpFPredicate;
  p = replace(Is::OLT, math::AbsFOp::create(b, loc, p), smallest, 0);
  p = replace(Is::OGT, p, largest, largest);
  return replace(Is::OLT, p, -largest, -largest);
}

LineScanEmitter::Map LineScanEmitter::then(const Map &map, const Block &block) {
  Num s = num.mulAdd(block.product, map.s, block.local);
  if (powers)
    return {map.p, s};
  return {toNum(bound(num.mul(block.product, map.p).re)), s};
}

LineScanEmitter::Map LineScanEmitter::join(const Map &before,
                                           const Map &after) {
  return {toNum(bound(num.mul(after.p, before.p).re)),
          num.mulAdd(after.p, before.s, after.s)};
}

LineScanEmitter::Map LineScanEmitter::mapOfChunk(const Tile &tile,
                                                 const Map &rest,
                                                 const Map &tail) {
  Map whole = join(rest, tail);
  if (powers)
    whole.p = toNum(powerOfTransition(tile, kChunk));
  return whole;
}

LineScanEmitter::Map LineScanEmitter::lastLanes(ValueRange parts) {
  return {lastLane(toNum(parts[0])), lastLane(toNum(parts[1]))};
}

Value LineScanEmitter::vanishes(const Map &tail) {
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 0));
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, tail.p.re,
                               zero);
}

Value LineScanEmitter::isFinite(Value x) {
  APFloat infinity = APFloat::getInf(cast<FloatType>(real).getFloatSemantics());
  Value limit =
      arith::ConstantOp::create(b, loc, b.getFloatAttr(real, infinity));
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                               math::AbsFOp::create(b, loc, x), limit);
}

Value LineScanEmitter::orWhatIsNoNumber(Value state, Value scanned) {
  return arith::SelectOp::create(b, loc, isFinite(scanned), state, scanned);
}

//===----------------------------------------------------------------------===//
// Blocks of a chunk
//===----------------------------------------------------------------------===//

SmallVector<Value> LineScanEmitter::forEachBlockOf(
    TimeRange part, OpFoldResult chunk, ValueRange carried,
    function_ref<SmallVector<Value>(TimeRange, OpFoldResult, ValueRange)>
        body) {
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  return forEachBlock(
      b, loc, part.length, blockSteps, problem->backward, carried,
      [&](TimeRange block, ValueRange args) {
        OpFoldResult begin = affine(b, loc, s0 + s1, {block.begin, part.begin});
        return body({affine(b, loc, s0 + s1, {begin, chunk}), block.length},
                    begin, args);
      });
}

SmallVector<Value> LineScanEmitter::startScan(Value line, Num state) {
  SmallVector<Value> carried = {line};
  llvm::append_range(carried, flatten(startCarry(state)));
  return carried;
}

SmallVector<Value> LineScanEmitter::scanBlock(Block &block, OpFoldResult begin,
                                              ValueRange carried) {
  Carry carry = unflatten(carried.drop_front());
  link(block, carry);
  SmallVector<Value> next = {storeBlock(block, begin, carried.front())};
  llvm::append_range(next, flatten(carry));
  return next;
}

Value LineScanEmitter::stateOf(ValueRange scan) {
  return lastLane(unflatten(scan.drop_front()).state).re;
}

SmallVector<Value> LineScanEmitter::startReduction(const Tile &tile,
                                                   int64_t steps) {
  Map map = startMap(tile, steps);
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(real, 0));
  SmallVector<Value> carried = {map.p.re, map.s.re};
  llvm::append_range(carried, flatten(startCarry(toNum(zero))));
  return carried;
}

SmallVector<Value> LineScanEmitter::reduceBlock(Block block,
                                                ValueRange carried) {
  Carry carry = unflatten(carried.drop_front(2));
  link(block, carry);
  Map map = then({toNum(carried[0]), toNum(carried[1])}, block);
  SmallVector<Value> next = {map.p.re, map.s.re};
  llvm::append_range(next, flatten(carry));
  return next;
}

SmallVector<Value> LineScanEmitter::scanAlong(const Tile &tile, TimeRange part,
                                              OpFoldResult chunk,
                                              ValueRange scan, bool inLine) {
  return forEachBlockOf(part, chunk, scan,
                        [&](TimeRange at, OpFoldResult begin, ValueRange args) {
                          Block block = loadBlock(tile, at);
                          return scanBlock(block, inLine ? at.begin : begin,
                                           args);
                        });
}

LineScanEmitter::Map LineScanEmitter::reduceTail(const Tile &tile,
                                                 OpFoldResult chunk) {
  auto number = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(real, value));
  };
  auto mapOf = [](ValueRange parts) {
    return Map{toNum(parts[0]), toNum(parts[1])};
  };
  return mapOf(
      buildFor(b, loc, index(0), index(kPieces), {number(1), number(0)},
               [&](Value i, ValueRange args) {
                 auto leave = [&]() { return llvm::to_vector_of<Value>(args); };
                 auto reduce = [&]() {
                   Map piece = lastLanes(forEachBlockOf(
                       pieceOfTail(i), chunk, startReduction(tile, kPiece),
                       [&](TimeRange at, OpFoldResult, ValueRange args) {
                         return reduceBlock(loadBlock(tile, at), args);
                       }));
                   Map tail = join(piece, mapOf(args));
                   return SmallVector<Value>{tail.p.re, tail.s.re};
                 };
                 return buildIf(b, loc, args.getTypes(), vanishes(mapOf(args)),
                                leave, reduce);
               }));
}

//===----------------------------------------------------------------------===//
// One thread
//===----------------------------------------------------------------------===//

SmallVector<Value> LineScanEmitter::runChunkInOrder(const Tile &tile,
                                                    OpFoldResult chunk,
                                                    ValueRange start) {
  findPowers(tile);
  Num state = toNum(start[1]);
  SmallVector<Value> scan = startScan(start[0], state);
  Map tail = reduceTail(tile, chunk);
  auto leave = [&]() {
    SmallVector<Value> values = {tail.p.re, tail.s.re};
    llvm::append_range(values, scanAlong(tile, restOfChunk(), chunk, scan,
                                         /*inLine=*/true));
    return values;
  };
  auto reduce = [&]() {
    Map begin = startMap(tile, kRest);
    SmallVector<Value> carried = {begin.p.re, begin.s.re};
    llvm::append_range(carried, scan);
    carried =
        forEachBlockOf(restOfChunk(), chunk, carried,
                       [&](TimeRange at, OpFoldResult, ValueRange args) {
                         Block block = loadBlock(tile, at);
                         SmallVector<Value> next =
                             scanBlock(block, at.begin, args.drop_front(2));
                         Map map =
                             then({toNum(args[0]), toNum(args[1])}, block);
                         next.insert(next.begin(), {map.p.re, map.s.re});
                         return next;
                       });
    Map whole = mapOfChunk(tile, lastLanes(carried), tail);
    carried[0] = whole.p.re;
    carried[1] = whole.s.re;
    return carried;
  };
  SmallVector<Type> types(2, real);
  llvm::append_range(types, ValueRange(scan).getTypes());
  SmallVector<Value> values =
      buildIf(b, loc, types, vanishes(tail), leave, reduce);
  scan = scanAlong(tile, tailOfChunk(), chunk, ArrayRef(values).drop_front(2),
                   /*inLine=*/true);
  Num next = num.mulAdd(toNum(values[0]), state, toNum(values[1]));
  return {scan.front(), orWhatIsNoNumber(next.re, stateOf(scan))};
}

SmallVector<Value> LineScanEmitter::runChunksInOrder(const Tile &tile,
                                                     ValueRange carried) {
  return buildFor(b, loc, index(0), index(groups.numChunks()), carried,
                  [&](Value i, ValueRange args) {
                    return runChunkInOrder(tile, chunkBegin(i), args);
                  });
}

SmallVector<Value> LineScanEmitter::runGroups(const Tile &tile, Value line,
                                              Num state) {
  int64_t length = *getConstantIntValue(problem->loopSizes[problem->time]);
  int64_t rest = length - groups.steps();
  SmallVector<Value> carried = {line, state.re};
  carried = options.cores > 1 ? runGroupsAhead(tile, carried)
                              : runChunksInOrder(tile, carried);
  if (rest == 0)
    return carried;
  TimeRange last = {b.getIndexAttr(problem->backward ? 0 : groups.steps()),
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
