//===- StepsTogether.cpp - Many states, several steps at a time -----------===//
//
// States that the registers do not hold are read from memory and written back
// in each step, and each waits in the output's sum for the one before it. So
// each is carried through several steps before the next one is read:
//
//   for each state n:
//     x = states[n]
//     for t in four steps:  x = a_t[n] x + b_t[n] u_t;  y_t += c_t[n] x
//     states[n] = x
//
// The sums are as many chains as steps, and memory is touched a fourth as
// often: 64 x 64 states of f32 take 1.5 cycles a vector (Zen 5), which is their
// three operations, instead of five. A matrix product over chunks of time would
// be no less work: of 16 steps 640 products of vectors a step instead of 768.
//
//===----------------------------------------------------------------------===//

#include "DiagonalTile.h"
#include "TileLoop.h"

#include "ssm/Analysis/ManyStates.h"
#include "ssm/IR/LoopDims.h"

using namespace mlir;
using namespace ssm;

/// Steps whose sums and signals are in registers beside a state.
static constexpr int64_t kSteps = 4;

int64_t DiagonalTile::countStepsTogether() const {
  LinearRecurrenceOp recurrence = op;
  SmallVector<unsigned> state = recurrence.getDims().state;
  // Lanes that are channels, or leaves of a tree's.
  bool areApart = state.size() == 1 && tile.kept.size() == 2 &&
                  tile.kept.front() == state.front();
  return areApart && hasManyStates(op) ? kSteps : 0;
}

void DiagonalTile::carryThrough(OpBuilder &b, Value state,
                                ArrayRef<DiagonalTile> tiles,
                                ArrayRef<Step> steps, Values &x,
                                SmallVectorImpl<Values> &sums) {
  bool readsBefore = op.getRead() == ReadPoint::Before;
  for (size_t i = 0; i < steps.size(); ++i) {
    DiagonalTile tileOfState = tiles[i];
    tileOfState.fixTo(b, tile.kept.front(), state, {&tileOfState.transition});
    // A state that is read before is so before it is advanced in place.
    if (readsBefore && !sums.empty())
      sums[i] = tileOfState.project(b, x, steps[i], sums[i]);
    x = tileOfState.advance(b, x, steps[i]);
    if (!readsBefore && !sums.empty())
      sums[i] = tileOfState.project(b, x, steps[i], sums[i]);
  }
}

ScanTile::Values DiagonalTile::carryAll(OpBuilder &b, ValueRange prefix,
                                        ArrayRef<DiagonalTile> tiles,
                                        ArrayRef<Step> steps, ValueRange outs) {
  Values carried(prefix);
  size_t numSums = outs.empty() ? 0 : steps.size();
  for (size_t i = 0; i < numSums; ++i)
    llvm::append_range(carried, makeSums(b));
  auto splitSums = [&](ValueRange values) {
    SmallVector<Values> sums(numSums);
    size_t parts = (values.size() - prefix.size()) / steps.size();
    for (size_t i = 0; i < numSums; ++i)
      sums[i] = Values(values.slice(prefix.size() + i * parts, parts));
    return sums;
  };

  AffineMap kept = mapOf(tile.kept);
  OpFoldResult one = b.getIndexAttr(1),
               count = tile.ranges[tile.kept.front()].size;
  auto body = [&](Value state, ValueRange args) {
    Tile place = tile.atOrigin();
    place.ranges[tile.kept.front()] = {OpFoldResult(state), one, one};
    place.kept.erase(place.kept.begin());
    Values x, next;
    for (Value part : args.take_front(prefix.size()))
      x.push_back(extractTile(b, loc, part, kept, place));
    SmallVector<Values> sums = splitSums(args);
    carryThrough(b, state, tiles, steps, x, sums);
    for (auto [part, whole] : llvm::zip(x, args))
      next.push_back(insertTile(b, loc, part, whole, kept, place));
    for (const Values &sum : sums)
      llvm::append_range(next, sum);
    return next;
  };
  carried = buildFor(b, loc, asValue(b, loc, b.getIndexAttr(0)),
                     asValue(b, loc, count), carried, body);

  Values stored(outs);
  for (auto [sum, step] : llvm::zip(splitSums(carried), steps))
    stored = storeOutput(b, sum, step, stored);
  carried.truncate(prefix.size());
  llvm::append_range(carried, stored);
  return carried;
}

ScanTile::Values DiagonalTile::takeTogether(OpBuilder &b, ValueRange prefix,
                                            ArrayRef<Step> steps,
                                            ValueRange outs) {
  SmallVector<DiagonalTile, 0> tiles(steps.size(), *this);
  for (size_t i = 0; i < steps.size(); ++i) {
    askAhead(b, steps[i]);
    tiles[i].ahead = {};
    tiles[i].fixAt(b, steps[i], tile.kept.front(), {&tiles[i].transition});
  }
  Value areNormal = arePowersNormal(b, tiles);
  if (!areNormal)
    return carryAll(b, prefix, tiles, steps, outs);
  auto carry = [&](bool normal) {
    for (DiagonalTile &step : tiles)
      step.transition.isNormalPower = normal;
    return carryAll(b, prefix, tiles, steps, outs);
  };
  Values results(prefix);
  llvm::append_range(results, outs);
  return buildIf(
      b, loc, ValueRange(results).getTypes(), areNormal,
      [&] { return carry(true); }, [&] { return carry(false); });
}
