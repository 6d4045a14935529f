//===- RowScan.cpp - One block for each row of time -----------------------===//
//
//   for every chunk of threads x items, one after the other:
//     load     16 bytes of each operand a thread, or of each item's; of the
//              chunk behind, if the plan loads ahead
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
  Value timeOf(Value chunk);
  Parts emitChunk(Value chunk, Row::Items items, const Parts &carry);
  Parts emitChunks(Value chunks, const Parts &start);
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

/// Of the thread's first item.
Value RowScan::timeOf(Value chunk) {
  Value first =
      k.add(k.mul(chunk, k.constant(plan.threads / plan.columns)), slot);
  return k.mul(first, k.constant(row.items));
}

Parts RowScan::emitChunk(Value chunk, Row::Items items, const Parts &carry) {
  row.makePrefixes(items);
  Parts inclusive = row.scanWarp(items.elements.back(), row.items, lane);
  auto [warpStart, end] = foldWarps(inclusive, chunk, carry);
  Parts start = row.apply(row.makeExclusive(inclusive, lane), warpStart,
                          row.common(row.items, inWarp));
  row.store(timeOf(chunk), items, start);
  return end;
}

/// The carry behind all chunks.
Parts RowScan::emitChunks(Value chunks, const Parts &start) {
  Value zero = k.constant(0), one = k.constant(1);
  if (!plan.loadsAhead)
    return k.loop(zero, chunks, 1, start, [&](Value chunk, const Parts &carry) {
      return emitChunk(chunk, row.load(timeOf(chunk)), carry);
    });
  Parts first = start;
  first.append(row.loadParts(timeOf(zero)));
  auto step = [&](Value chunk, const Parts &all) {
    ArrayRef<Value> loaded = ArrayRef(all).drop_front(start.size());
    Parts carry(ArrayRef(all).take_front(start.size()));
    Parts ahead = row.loadParts(timeOf(k.add(chunk, one)));
    Parts next = emitChunk(chunk, row.takeApart(loaded), carry);
    next.append(ahead);
    return next;
  };
  Parts end = k.loop(zero, chunks, 1, first, step);
  end.truncate(start.size());
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
  Parts end = emitChunks(chunks, start);
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
