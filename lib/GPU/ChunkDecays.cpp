//===- ChunkDecays.cpp - Products of a chunk's transitions ----------------===//
//
// L_ij = a_{j+1} ... a_i for all steps of a chunk, by products only, never by
// ratios, so that transitions may be zero or negative. Over blocks of 16 steps
// L_ij = r_i E_ij: r_i is the product from the start of i's block, E_ij the one
// from j to there. A thread for each j walks down its column, leaves E_ij at
// each block, and L_ij in j's own; one for each block does so from its start.
//
//===----------------------------------------------------------------------===//
#include "ChunkDecays.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

ChunkDecays::ChunkDecays(OpBuilder &b, Kernel &kernel)
    : b(b), k(kernel), steps(b, kernel, kChunk, b.getF32Type()),
      within(b, kernel, kChunk * (kBlock + 1), b.getF32Type()),
      across(b, kernel, (kBlocks + 1) * kColumns, b.getF32Type()) {}

void ChunkDecays::compute() {
  Value thread = k.threadIndex();
  Value hasColumn = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt,
                                          thread, k.constant(kColumns));
  k.when(hasColumn, [&] { walkDown(thread); });
}

void ChunkDecays::walkDown(Value column) {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, predicate, x, y);
  };
  Value size = k.constant(kBlock), one = k.num.constant(1).re;
  Value ofBlock = arith::SubIOp::create(b, k.loc, column, k.constant(kChunk));
  Value isStep = compare(arith::CmpIPredicate::slt, column, k.constant(kChunk));
  auto choose = [&](Value step, Value block) {
    return arith::SelectOp::create(b, k.loc, isStep, step, block);
  };
  Value mine = choose(arith::DivUIOp::create(b, k.loc, column, size), ofBlock);
  Value start = choose(k.add(column, k.constant(1)), k.mul(ofBlock, size));
  Value j = choose(arith::RemUIOp::create(b, k.loc, column, size), size);
  across.store(column, {one});
  k.loop(
      k.constant(0), k.constant(kBlocks), 1, {one},
      [&](Value block, Parts before) {
        Value isMine = compare(arith::CmpIPredicate::eq, block, mine);
        Parts after = k.loop(
            k.constant(0), size, 1, before, [&](Value inBlock, Parts product) {
              Value i = k.add(k.mul(block, size), inBlock);
              Value longer = k.num.mulf(product[0], steps.load(i)[0]);
              Value hasBegun = compare(arith::CmpIPredicate::sge, i, start);
              Parts next{arith::SelectOp::create(b, k.loc, hasBegun, longer,
                                                 product[0])};
              k.when(isMine, [&] { within.store(place(i, j), next); });
              return next;
            });
        Value below = k.mul(k.add(block, k.constant(1)), k.constant(kColumns));
        across.store(k.add(below, column), after);
        return after;
      });
}

} // namespace ssm
