//===- Elementwise.cpp - What has no recurrence ---------------------------===//
//
//   block = 128 accesses of a row: elements that differ in the last dimension;
//           or of several short ones
//
// For parameters that a product reads often and an op computes: here each is
// computed once.
//
// Precondition: walkProducers.
//
//===----------------------------------------------------------------------===//
#include "Elementwise.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 128;

/// Elements of an access that all tensors have along their last dimension.
static int64_t findRun(Kernel &k, Mapped value, unsigned last) {
  int64_t count = k.countAccess(k.result(value.tensor, value.map));
  walkProducers(value, [&](Mapped leaf) {
    if (!isa<BlockArgument>(leaf.tensor))
      return;
    KernelTensor tensor = k.argument(leaf.tensor, leaf.map);
    SmallVector<unsigned> dims = dimsOf(tensor.map);
    if (!dims.empty() && dims.back() == last)
      count = std::gcd(count, k.countAccess(tensor));
  });
  return count;
}

/// Of a row: a power of two.
static int64_t countThreads(int64_t size, int64_t run) {
  if (size < 0)
    return kThreads;
  int64_t accesses = std::max<int64_t>(llvm::divideCeil(size, run), 1);
  return std::min<int64_t>(llvm::PowerOf2Ceil(accesses), kThreads);
}

namespace {
/// Of a thread's access: its first element, whether it exists, and the blocks.
struct Place {
  SmallVector<Value> indices;
  Value exists;
  SmallVector<GridFactor, 2> grid;
};
} // namespace

/// Threads beyond the last access have the first one.
static Place findPlace(OpBuilder &b, Kernel &k, unsigned last, int64_t run) {
  int64_t perRow = countThreads(k.launchSize(last), run);
  int64_t rows = kThreads / perRow;
  auto outer = llvm::to_vector(llvm::seq<unsigned>(0, last));
  Place place{SmallVector<Value>(last + 2),
              {},
              {{{}, rows}, {{k.launchSize(last)}, perRow * run}}};
  Value count = k.constant(1);
  for (unsigned dim : outer) {
    place.grid[0].elements.push_back(k.launchSize(dim));
    count = k.mul(count, k.size(dim));
  }
  auto split = [&](Value x, Value by) {
    return std::pair<Value, Value>(arith::DivUIOp::create(b, k.loc, x, by),
                                   arith::RemUIOp::create(b, k.loc, x, by));
  };
  auto isBelow = [&](Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
  };
  Value per = k.constant(perRow * run);
  Value tiles = arith::CeilDivUIOp::create(b, k.loc, k.size(last), per);
  auto [group, tile] = split(k.blockIndex(), tiles);
  auto [rowOfBlock, inRow] = split(k.threadIndex(), k.constant(perRow));
  Value row = k.add(k.mul(group, k.constant(rows)), rowOfBlock);
  Value index = k.add(k.mul(tile, per), k.mul(inRow, k.constant(run)));
  place.exists = arith::AndIOp::create(b, k.loc, isBelow(row, count),
                                       isBelow(index, k.size(last)));
  auto choose = [&](Value x) {
    return arith::SelectOp::create(b, k.loc, place.exists, x, k.constant(0));
  };
  k.split(choose(row), outer, place.indices);
  place.indices[last] = choose(index);
  return place;
}

Launch emitElementwise(OpBuilder &b, const KernelFrame &frame, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  // One more dimension, so that there is one; none is time.
  SmallVector<int64_t> sizes(type.getShape());
  sizes.push_back(1);
  unsigned rank = type.getRank(), last = rank ? rank - 1 : 0;
  Kernel k(b, frame, value.getLoc(), sizes,
           getWorkingType({type.getElementType()}), kThreads);
  Mapped mapped{value,
                AffineMap::getMultiDimIdentityMap(rank + 1, b.getContext())
                    .dropResult(rank)};
  int64_t run = rank ? findRun(k, mapped, last) : 1;
  Place place = findPlace(b, k, last, run);
  SmallVector<unsigned> neighbours;
  if (rank)
    neighbours.push_back(last);
  Pointwise point(b, k, /*time=*/rank, neighbours, run, run, [&](int64_t i) {
    SmallVector<Value> at = place.indices;
    if (rank)
      at[last] = k.add(at[last], k.constant(i));
    return at;
  });
  KernelTensor tensor = k.result(value, mapped.map);
  SmallVector<Num> values;
  for (int64_t i = 0; i < run; ++i)
    values.push_back(point.read(mapped, i));
  k.when(place.exists,
         [&] { k.store(tensor, k.offset(tensor, point.at(0)), values); });
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.kernel = "elementwise";
  launch.threads = kThreads;
  launch.grid = place.grid;
  return launch;
}

} // namespace ssm
