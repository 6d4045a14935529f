//===- ChunkDecays.cpp - Products of a chunk's transitions ----------------===//
//
// L_ij = a_{j+1} ... a_i for all steps of a chunk, by products only, never by
// ratios, so that transitions may be zero or negative. Over blocks of 16 steps
// L_ij = r_i p e_j: e_j is the product from j to the end of its block, r_i the
// one from the start of i's, and p that of the blocks between. The lanes of a
// warp join the steps of its block to find e_j.
//
// Inside of a block the same holds for its halves of 8 steps. Inside of a half
// a lane walks back from its row: the products that it passes are those of the
// columns there.
//
//===----------------------------------------------------------------------===//
#include "ChunkDecays.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kHalf = ChunkDecays::kBlock / 2;

ChunkDecays::ChunkDecays(OpBuilder &b, Kernel &kernel, WarpMatrix &warpMatrix,
                         int64_t buffers)
    : b(b), k(kernel), warpMatrix(warpMatrix),
      steps(kernel.addShared("steps", 4 * kChunk)),
      ends(kernel.addShared("ends", 4 * kChunk * buffers)),
      blocks(kernel.addShared("blocks", 4 * kBlocks * buffers)) {}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void ChunkDecays::useBuffer(Value number) { buffer = number; }

Value ChunkDecays::stepPlace(Value step) {
  return buffer ? k.add(step, k.mul(buffer, k.constant(kChunk))) : step;
}
Value ChunkDecays::blockPlace(Value block) {
  return buffer ? k.add(block, k.mul(buffer, k.constant(kBlocks))) : block;
}

SmallVector<Value> ChunkDecays::load(Value memory, Value index, int64_t count) {
  Type f32 = b.getF32Type();
  Value all = LLVM::LoadOp::create(b, k.loc, VectorType::get(count, f32),
                                   k.sharedPlace(memory, f32, index),
                                   /*alignment=*/4 * count);
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < count; ++i)
    loaded.push_back(
        LLVM::ExtractElementOp::create(b, k.loc, all, k.laneNumber(i)));
  return loaded;
}

Value ChunkDecays::load(Value memory, Value index) {
  Type f32 = b.getF32Type();
  return LLVM::LoadOp::create(b, k.loc, f32, k.sharedPlace(memory, f32, index),
                              /*alignment=*/4);
}

//===----------------------------------------------------------------------===//
// Steps of a block
//===----------------------------------------------------------------------===//

Parts ChunkDecays::join(Value a) {
  Value step = warpMatrix.laneIn(kBlock), one = k.num.constant(1).re;
  auto fromLane = [&](Value x, int64_t distance) {
    Value theirs = k.shuffle(gpu::ShuffleMode::DOWN, {x}, distance).front();
    Value isInside = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult,
                                           step, k.constant(kBlock - distance));
    return arith::SelectOp::create(b, k.loc, isInside, theirs, one).getResult();
  };
  Value toEnd = a;
  for (int64_t distance = 1; distance < kBlock; distance *= 2)
    toEnd = k.num.mulf(toEnd, fromLane(toEnd, distance));
  return {a, fromLane(toEnd, 1)};
}

void ChunkDecays::store(Value warp, const Parts &joined) {
  Value step = warpMatrix.laneIn(kBlock);
  Value place = k.add(k.mul(warp, k.constant(kBlock)), step);
  auto write = [&](Value x, Value memory, Value index) {
    LLVM::StoreOp::create(b, k.loc, x,
                          k.sharedPlace(memory, b.getF32Type(), index),
                          /*alignment=*/4);
  };
  auto isBelow = [&](Value x, int64_t bound) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x,
                                 k.constant(bound));
  };
  k.when(isBelow(warpMatrix.laneIn(kWarp), kBlock), [&] {
    write(joined[0], steps, place);
    write(joined[1], ends, stepPlace(place));
    k.when(isBelow(step, 1), [&] {
      write(k.num.mulf(joined[0], joined[1]), blocks, blockPlace(warp));
    });
  });
}

//===----------------------------------------------------------------------===//
// Inside of a block
//===----------------------------------------------------------------------===//

/// Steps behind the row count as 1.
ChunkDecays::Half ChunkDecays::walkBack(ArrayRef<Value> a) {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, int64_t y) {
    return arith::CmpIOp::create(b, k.loc, predicate, x, k.constant(y));
  };
  Value one = k.num.constant(1).re;
  // From a step to the row, that step included.
  SmallVector<Value> toRow(kHalf + 1, one);
  for (int64_t step = kHalf - 1; step >= 0; --step) {
    Value isInside = compare(arith::CmpIPredicate::uge, warpMatrix.g, step);
    Value factor = arith::SelectOp::create(b, k.loc, isInside, a[step], one);
    toRow[step] = k.num.mulf(toRow[step + 1], factor);
  }
  Half half{toRow[0], {}};
  for (int64_t part = 0; part < 2; ++part) {
    Value product = toRow[kHalf - 1 + part];
    for (int64_t t = 2; t >= 0; --t)
      product = arith::SelectOp::create(
          b, k.loc, compare(arith::CmpIPredicate::eq, warpMatrix.t, t),
          toRow[2 * t + 1 + part], product);
    Value column = k.add(k.mul(warpMatrix.t, k.constant(2)), k.constant(part));
    Value isCausal = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ule,
                                           column, warpMatrix.g);
    half.inside[part] = arith::SelectOp::create(b, k.loc, isCausal, product,
                                                k.num.constant(0).re);
  }
  return half;
}

void ChunkDecays::enter(Value warp) {
  SmallVector<Value> a;
  Value first = k.mul(warp, k.constant(kBlock));
  for (int64_t i = 0; i < kBlock; i += 4)
    a.append(load(steps, k.add(first, k.constant(i)), 4));
  for (int64_t half = 0; half < 2; ++half)
    halves[half] = walkBack(ArrayRef(a).slice(half * kHalf, kHalf));
  // The last row of the first half has what leads to that half's end.
  auto ofLastRow = [&](Value x) {
    Value lane = arith::TruncIOp::create(
        b, k.loc, b.getI32Type(),
        k.add(warpMatrix.t, k.constant(4 * (kHalf - 1))));
    return k.shuffle(gpu::ShuffleMode::IDX, {x}, lane).front();
  };
  rows[0] = halves[0].row;
  rows[1] = k.num.mulf(ofLastRow(halves[0].row), halves[1].row);
  for (int64_t part = 0; part < 2; ++part)
    across[part] = k.num.mulf(ofLastRow(halves[0].inside[part]), halves[1].row);
}

Value ChunkDecays::inside(int64_t down, int64_t half, int64_t part) {
  if (down == half)
    return halves[half].inside[part];
  return down ? across[part] : k.num.constant(0).re;
}

Parts ChunkDecays::toBlockEnd(Value block, int64_t half) {
  Value column =
      k.add(k.mul(warpMatrix.t, k.constant(2)), k.constant(half * kHalf));
  Value step = k.add(k.mul(block, k.constant(kBlock)), column);
  return load(ends, stepPlace(step), 2);
}

Value ChunkDecays::toBlockEnd(Value step) {
  return load(ends, stepPlace(step));
}

//===----------------------------------------------------------------------===//
// Whole blocks
//===----------------------------------------------------------------------===//

Value ChunkDecays::ofBlock(Value block) {
  return load(blocks, blockPlace(block));
}

/// Of those from one on to which the block compares so.
Value ChunkDecays::multiplyBlocks(arith::CmpIPredicate counts, Value block,
                                  int64_t from) {
  Value product = k.num.constant(1).re;
  SmallVector<Value> all = load(blocks, blockPlace(k.constant(0)), kBlocks);
  for (int64_t i = from; i < kBlocks; ++i) {
    Value isFactor =
        arith::CmpIOp::create(b, k.loc, counts, block, k.constant(i));
    product = arith::SelectOp::create(b, k.loc, isFactor,
                                      k.num.mulf(product, all[i]), product);
  }
  return product;
}

Value ChunkDecays::before(Value block) { return between(0, block); }
Value ChunkDecays::between(int64_t from, Value block) {
  return multiplyBlocks(arith::CmpIPredicate::ugt, block, from);
}
Value ChunkDecays::after(Value block) {
  return multiplyBlocks(arith::CmpIPredicate::ult, block, 0);
}

Value ChunkDecays::fromLast(Value block, Value i) {
  Value behind = arith::SubIOp::create(b, k.loc, block, i);
  return arith::SubIOp::create(b, k.loc, behind, k.constant(1));
}

} // namespace ssm
