//===- RowScan.cpp - One block for each row of time -----------------------===//
//
//   for every chunk of threads x items, one after the other:
//     load     16 bytes of each operand a thread, or of each item's
//     thread   prefixes of its items
//     warp     inclusive scan by 5 shuffles
//     block    totals of the warps through shared memory, folded by each thread
//     store    the carry at each item
//
// One barrier a chunk: the totals of odd and even chunks have separate memory.
// Elements beyond the row are neutral, so the carry after the last chunk is the
// row's.
//
// Where channels are contiguous, a block has `columns` rows beside each other:
// neighbouring lanes have neighbouring rows, and only every `columns`-th lane
// is of the same row.
//
// Precondition: those of the row; enough rows to fill the machine.
//
// Reference: Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190).
//
//===----------------------------------------------------------------------===//
#include "Row.h"

using namespace mlir;

namespace ssm {

namespace {
class RowScan {
public:
  RowScan(OpBuilder &b, Kernel &kernel, Row &row, const GPUScanPlan &plan)
      : b(b), k(kernel), row(row), plan(plan), warps(plan.threads / kWarp),
        totals(b, kernel, 2 * warps * plan.columns, row.elementTypes()) {}

  Launch emit();

private:
  Parts emitChunk(Value chunk, const Parts &carry);
  std::pair<Parts, Parts> foldWarps(const Parts &inclusive, Value chunk,
                                    const Parts &carry);

  OpBuilder &b;
  Kernel &k;
  Row &row;
  const GPUScanPlan &plan;
  int64_t warps;
  SharedArray totals;
  Value lane, warp;
  /// The thread's row, and its number in that; and among lanes of its warp.
  Value column, slot, inWarp;
};
} // namespace

/// The carries at the start of the thread's warp and after the chunk.
std::pair<Parts, Parts> RowScan::foldWarps(const Parts &inclusive, Value chunk,
                                           const Parts &carry) {
  Value buffer = k.mul(arith::AndIOp::create(b, k.loc, chunk, k.constant(1)),
                       k.constant(warps));
  Value isLast = row.compare(arith::CmpIPredicate::sge, lane,
                             k.constant(kWarp - plan.columns));
  auto placeOf = [&](Value warp) {
    return k.add(k.mul(k.add(buffer, warp), k.constant(plan.columns)), column);
  };
  k.when(isLast, [&] { totals.store(placeOf(warp), inclusive); });
  gpu::BarrierOp::create(b, k.loc);
  Parts mine = carry, end = carry;
  Parts common = row.common(row.items * kWarp / plan.columns);
  for (int64_t w = 0; w < warps; ++w) {
    end = row.apply(totals.load(placeOf(k.constant(w))), end, common);
    Value before = row.compare(arith::CmpIPredicate::slt, k.constant(w), warp);
    mine = row.select(before, end, mine);
  }
  return {mine, end};
}

Parts RowScan::emitChunk(Value chunk, const Parts &carry) {
  Value first =
      k.add(k.mul(chunk, k.constant(plan.threads / plan.columns)), slot);
  Value time = k.mul(first, k.constant(row.items));
  Row::Items items = row.load(time);
  row.makePrefixes(items);
  Parts inclusive = row.scanWarp(items.elements.back(), row.items, lane);
  auto [warpStart, end] = foldWarps(inclusive, chunk, carry);
  Parts start = row.apply(row.makeExclusive(inclusive, lane), warpStart,
                          row.common(row.items, inWarp));
  row.store(time, items, start);
  return end;
}

Launch RowScan::emit() {
  Value thread = k.threadIndex(), columns = k.constant(plan.columns);
  column = arith::RemUIOp::create(b, k.loc, thread, columns);
  slot = arith::DivUIOp::create(b, k.loc, thread, columns);
  lane = arith::RemUIOp::create(b, k.loc, thread, k.constant(kWarp));
  warp = arith::DivUIOp::create(b, k.loc, thread, k.constant(kWarp));
  inWarp = arith::DivUIOp::create(b, k.loc, lane, columns);
  Parts start = row.enter(k.add(k.mul(k.blockIndex(), columns), column));
  Value chunks = arith::CeilDivUIOp::create(b, k.loc, row.numSteps(),
                                            k.constant(plan.tileSize()));
  Parts end = k.loop(
      k.constant(0), chunks, 1, start,
      [&](Value chunk, const Parts &carry) { return emitChunk(chunk, carry); });
  Value isFirst = row.compare(arith::CmpIPredicate::eq, slot, k.constant(0));
  if (Value exists = row.exists())
    isFirst = arith::AndIOp::create(b, k.loc, isFirst, exists);
  row.finish(isFirst, end);
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.threads = plan.threads;
  launch.grid = {row.rowFactor(plan.columns)};
  return launch;
}

Launch emitRowScan(OpBuilder &b, Kernel &kernel, Row &row,
                   const GPUScanPlan &plan) {
  return RowScan(b, kernel, row, plan).emit();
}

} // namespace ssm
