//===- BlockFFT.cpp - Transforms in a block's registers -------------------===//
//
//   forward   for every round: butterflies of 16 points in registers, times
//             roots of unity; points to the threads of the next round
//   inverse   the same backwards, with conjugate roots
//
// A round writes the points that it has read, in place: one barrier between
// writing and reading is enough, and frequencies are in the order of reversed
// digits, which a convolution does not see. The root of point q of a butterfly
// is a product of at most four that are computed once, w^(1, 2, 4, 8), and of a
// factor that all points of the thread are to have.
//
// Reference: Gentleman and Sande, "Fast Fourier Transforms: for fun and profit"
// (1966).
//
//===----------------------------------------------------------------------===//
#include "BlockFFT.h"
#include "Roots.h"

#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;

namespace ssm {

BlockFFT::BlockFFT(OpBuilder &b, Kernel &kernel, const GPUFFTPlan &plan)
    : b(b), k(kernel), plan(plan), rounds(plan.rounds()) {
  if (rounds.size() > 1)
    memory = k.addShared("points", 8 * plan.size());
  for (const GPUFFTPlan::Round &round : rounds) {
    Value part = findThreadPart(round);
    auto shifted = [&](int64_t distance) {
      return arith::ShRUIOp::create(b, k.loc, part, k.constant(distance));
    };
    Value low = arith::AndIOp::create(
        b, k.loc, arith::XOrIOp::create(b, k.loc, shifted(4), shifted(5)),
        k.constant(15));
    parts.push_back(part);
    places.push_back(arith::XOrIOp::create(b, k.loc, part, low));
    roots.emplace_back();
    int64_t size = plan.blockSize(round);
    if (size == int64_t(1) << round.bits)
      continue;
    Value inBlock = arith::AndIOp::create(b, k.loc, shifted(plan.logColumns),
                                          k.constant((size >> round.bits) - 1));
    for (int64_t bit = 0; bit < round.bits; ++bit)
      roots.back().push_back(emitRootOfUnity(
          b, k, k.mul(inBlock, k.constant(int64_t(1) << bit)), size));
  }
}

/// The bits of the thread's number at their places.
Value BlockFFT::findThreadPart(const GPUFFTPlan::Round &round) {
  Value thread = k.threadIndex(), sum;
  int64_t all = plan.logSize() - plan.logOwn;
  for (const GPUFFTPlan::Run &run : plan.threadRuns(round)) {
    Value bits = thread;
    if (run.from)
      bits = arith::ShRUIOp::create(b, k.loc, bits, k.constant(run.from));
    if (run.from + run.count < all)
      bits = arith::AndIOp::create(b, k.loc, bits,
                                   k.constant((int64_t(1) << run.count) - 1));
    if (run.to)
      bits = arith::ShLIOp::create(b, k.loc, bits, k.constant(run.to));
    sum = sum ? k.add(sum, bits) : bits;
  }
  return sum;
}

SmallVector<SmallVector<int64_t>> BlockFFT::runs(int64_t round,
                                                 int64_t most) const {
  int64_t length = 1;
  while (length < most &&
         llvm::is_contained(rounds[round].own, int64_t(llvm::Log2_64(length))))
    length *= 2;
  SmallVector<SmallVector<int64_t>> runs;
  std::map<int64_t, int64_t> numbers;
  for (int64_t i = 0; i < plan.perThread(); ++i)
    numbers[ownPart(round, i)] = i;
  for (auto [own, number] : numbers) {
    if (own % length == 0)
      runs.emplace_back();
    runs.back().push_back(number);
  }
  return runs;
}

//===----------------------------------------------------------------------===//
// Rounds
//===----------------------------------------------------------------------===//

void BlockFFT::butterflies(Points z, int64_t round, bool inverse) {
  int64_t radix = int64_t(1) << rounds[round].bits;
  for (int64_t first = 0; first < plan.perThread(); first += radix)
    emitButterfly(k.num, z.slice(first, radix), inverse);
}

/// The number as a value of its own, by inline assembly of no instructions: no
/// loop keeps products with it. For NVIDIA's chips, which alone have as much
/// shared memory.
Num BlockFFT::hide(Num x) {
  auto part = [&](Value value) {
    return LLVM::InlineAsmOp::create(
               b, k.loc, value.getType(), value, /*asm_string=*/"", "=f,0",
               /*has_side_effects=*/true, /*is_align_stack=*/false,
               LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
               ArrayAttr())
        .getResult(0);
  };
  return {part(x.re), part(x.im)};
}

/// z_q *= w^-q, where w is a root of the round's block; and by the factor. The
/// inverse by the conjugates. A thread that has neighbours in a block knows how
/// far they are apart. One that has no registers for products that a loop could
/// keep, or that both ways have in common, makes them each time, and in another
/// order on the way back.
void BlockFFT::twiddle(Points z, int64_t round, bool inverse) {
  bool hasFactor = round == 0 && factor.re;
  SmallVector<Num> w(int64_t(1) << rounds[round].bits);
  if (hasFactor)
    w[0] = conjugate(factor);
  int64_t size = plan.blockSize(rounds[round]);
  SmallVector<Num> by = roots[round];
  if (isFull() && !by.empty())
    by.back() = hide(by.back());
  for (int64_t q = 1; q < int64_t(w.size()); ++q) {
    if (by.empty()) {
      w[q] = w[0];
      continue;
    }
    unsigned bit =
        isFull() && inverse ? llvm::countr_zero(uint64_t(q)) : llvm::Log2_64(q);
    int64_t rest = q - (int64_t(1) << bit);
    w[q] = rest || hasFactor ? k.num.mul(w[rest], by[bit]) : by[bit];
  }
  for (int64_t i = 0; i < plan.perThread(); ++i) {
    int64_t q = i % int64_t(w.size());
    Num x = w[q];
    if (!x.re)
      continue;
    int64_t apart = plan.inBlock(rounds[round], ownPart(round, i));
    if (q * apart) {
      auto [re, im] = rootOfUnity(q * apart, size);
      x = k.num.mul(x, {k.num.constant(re).re, k.num.constant(im).re});
    }
    z[i] = k.num.mul(z[i], inverse ? x : conjugate(x));
  }
}

/// The place of the thread's i-th point. Bits of the thread's part and of the
/// point's own are different ones, so that an exclusive or adds them up.
Value BlockFFT::placeOf(int64_t round, int64_t i) {
  int64_t distance = plan.swizzle(ownPart(round, i));
  Value low =
      arith::XOrIOp::create(b, k.loc, places[round], k.constant(distance % 16));
  return k.add(low, k.constant(distance / 16 * 16));
}

/// A number's two parts in a word. As a vector they would have LLVM look for
/// more pairs among the butterflies, where the chip computes with pairs: for
/// longer than all else takes, and in vain.
Value BlockFFT::join(Num x) {
  auto bits = [&](Value part) -> Value {
    Value word = LLVM::BitcastOp::create(b, k.loc, b.getI32Type(), part);
    return LLVM::ZExtOp::create(b, k.loc, b.getI64Type(), word);
  };
  Value high = LLVM::ShlOp::create(b, k.loc, bits(x.im), k.constant(32));
  return LLVM::OrOp::create(b, k.loc, bits(x.re), high);
}

Num BlockFFT::takeApart(Value both) {
  auto part = [&](Value word) -> Value {
    Value bits = LLVM::TruncOp::create(b, k.loc, b.getI32Type(), word);
    return LLVM::BitcastOp::create(b, k.loc, b.getF32Type(), bits);
  };
  Value high = LLVM::LShrOp::create(b, k.loc, both, k.constant(32));
  return {part(both), part(high)};
}

void BlockFFT::store(Value memory, Value place, Num x) {
  LLVM::StoreOp::create(b, k.loc, join(x),
                        k.sharedPlace(memory, b.getI64Type(), place), 8);
}

Num BlockFFT::load(Value memory, Value place) {
  Type pair = b.getI64Type();
  return takeApart(LLVM::LoadOp::create(b, k.loc, pair,
                                        k.sharedPlace(memory, pair, place), 8));
}

void BlockFFT::exchange(Points z, int64_t from, int64_t to) {
  for (auto [i, x] : llvm::enumerate(z))
    store(memory, placeOf(from, i), x);
  gpu::BarrierOp::create(b, k.loc);
  for (auto [i, x] : llvm::enumerate(z))
    x = load(memory, placeOf(to, i));
}

void BlockFFT::forward(Points z) {
  for (int64_t round = 0; round < numRounds(); ++round) {
    if (round > 0)
      exchange(z, round - 1, round);
    butterflies(z, round, /*inverse=*/false);
    twiddle(z, round, /*inverse=*/false);
  }
}

void BlockFFT::inverse(Points z) {
  for (int64_t round = numRounds() - 1; round >= 0; --round) {
    twiddle(z, round, /*inverse=*/true);
    butterflies(z, round, /*inverse=*/true);
    if (round > 0)
      exchange(z, round, round - 1);
  }
}

} // namespace ssm
