//===- Elementwise.cpp - What has no recurrence ---------------------------===//
//
//   block = 128 accesses of a row: elements that differ in the last dimension
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

  Value number = k.blockIndex(), per = k.constant(kThreads * run);
  SmallVector<GridFactor, 2> grid{{{}, 1},
                                  {{k.launchSize(last)}, kThreads * run}};
  auto outer = llvm::to_vector(llvm::seq<unsigned>(0, last));
  for (unsigned dim : outer)
    grid[0].elements.push_back(k.launchSize(dim));
  Value tiles = arith::CeilDivUIOp::create(b, k.loc, k.size(last), per);
  SmallVector<Value> indices(rank + 1);
  Value first = k.mul(arith::RemUIOp::create(b, k.loc, number, tiles), per);
  k.split(arith::DivUIOp::create(b, k.loc, number, tiles), outer, indices);
  Value index = k.add(first, k.mul(k.threadIndex(), k.constant(run)));
  Value inside = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult,
                                       index, k.size(last));
  // Threads beyond the last access read the first one's.
  index = arith::SelectOp::create(b, k.loc, inside, index, k.constant(0));
  SmallVector<unsigned> neighbours;
  if (rank)
    neighbours.push_back(last);
  Pointwise point(b, k, /*time=*/rank, neighbours, run, run, [&](int64_t i) {
    SmallVector<Value> at = indices;
    if (rank)
      at[last] = k.add(index, k.constant(i));
    return at;
  });
  KernelTensor tensor = k.result(value, mapped.map);
  SmallVector<Num> values;
  for (int64_t i = 0; i < run; ++i)
    values.push_back(point.read(mapped, i));
  k.when(inside,
         [&] { k.store(tensor, k.offset(tensor, point.at(0)), values); });
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.kernel = "elementwise";
  launch.threads = kThreads;
  launch.grid = grid;
  return launch;
}

} // namespace ssm
