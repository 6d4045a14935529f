//===- RowScan.cpp - One block for each row of contiguous time ------------===//
//
//   for every chunk of threads x items, one after the other:
//     load     16 bytes of each operand a thread
//     thread   prefixes of its items
//     warp     inclusive scan by 5 shuffles
//     block    totals of the warps through shared memory, folded by each thread
//     store    the carry at each item
//
// One barrier a chunk: the totals of odd and even chunks have separate memory.
// Elements beyond the row are neutral, so the carry after the last chunk is the
// row's.
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
        totals(b, kernel, 2 * warps, row.elementTypes()) {}

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
  Value thread, lane, warp;
};
} // namespace

/// The carries at the start of the thread's warp and after the chunk.
std::pair<Parts, Parts> RowScan::foldWarps(const Parts &inclusive, Value chunk,
                                           const Parts &carry) {
  Value buffer = k.mul(arith::AndIOp::create(b, k.loc, chunk, k.constant(1)),
                       k.constant(warps));
  Value isLast =
      row.compare(arith::CmpIPredicate::eq, lane, k.constant(kWarp - 1));
  k.when(isLast, [&] { totals.store(k.add(buffer, warp), inclusive); });
  gpu::BarrierOp::create(b, k.loc);
  Parts mine = carry, end = carry;
  for (int64_t w = 0; w < warps; ++w) {
    end = row.apply(totals.load(k.add(buffer, k.constant(w))), end);
    Value before = row.compare(arith::CmpIPredicate::slt, k.constant(w), warp);
    mine = row.select(before, end, mine);
  }
  return {mine, end};
}

Parts RowScan::emitChunk(Value chunk, const Parts &carry) {
  Value first = k.add(k.mul(chunk, k.constant(plan.threads)), thread);
  Value time = k.mul(first, k.constant(row.items));
  Row::Items items = row.load(time);
  SmallVector<Parts> &prefixes = items.elements;
  for (unsigned i = 1; i < row.items; ++i)
    prefixes[i] = row.combine(prefixes[i - 1], prefixes[i]);
  Parts inclusive = row.scanWarp(prefixes.back(), lane);
  auto [warpStart, end] = foldWarps(inclusive, chunk, carry);
  Parts start = row.apply(row.makeExclusive(inclusive, lane), warpStart);
  row.store(time, items, start);
  return end;
}

Launch RowScan::emit() {
  thread = k.threadIndex();
  lane = arith::RemUIOp::create(b, k.loc, thread, k.constant(kWarp));
  warp = arith::DivUIOp::create(b, k.loc, thread, k.constant(kWarp));
  Parts start = row.enter(k.blockIndex());
  Value chunks = arith::CeilDivUIOp::create(
      b, k.loc, row.length(), k.constant(plan.threads * row.items));
  Parts end = k.loop(
      k.constant(0), chunks, 1, start,
      [&](Value chunk, const Parts &carry) { return emitChunk(chunk, carry); });
  k.when(row.compare(arith::CmpIPredicate::eq, thread, k.constant(0)),
         [&] { row.finish(end); });
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.threads = plan.threads;
  launch.grid = {row.rowFactor()};
  return launch;
}

Launch emitRowScan(OpBuilder &b, Kernel &kernel, Row &row,
                   const GPUScanPlan &plan) {
  return RowScan(b, kernel, row, plan).emit();
}

} // namespace ssm
