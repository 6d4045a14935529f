//===- Transpose.cpp - Tensors with time last -----------------------------===//
//
//   block = a tile of 32 steps and 32 places of the dimension that is last
//   threads read neighbours along one of them, and write neighbours along the
//   other, up to four by an access; rows of the tile in shared memory have 33
//   places, in different banks
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kTile = 32, kThreads = 256;
/// Of an access: all threads have one of a tile.
static constexpr int64_t kMostNeighbours = kTile * kTile / kThreads;

namespace {
class Transpose {
public:
  Transpose(OpBuilder &b, Kernel &kernel, ConvOperands &operands,
            KernelTensor from, KernelTensor to)
      : b(b), k(kernel), operands(operands), from(from), to(to),
        parts(isa<ComplexType>(from.element) ? 2 : 1) {}

  SmallVector<GridFactor> emit();

private:
  void forAccesses(unsigned along, unsigned across, int64_t neighbours,
                   function_ref<void(Value, Value)> body);
  Value placeOf(int64_t part, Value row, Value column);
  Value further(Value place, int64_t i) { return k.add(place, k.constant(i)); }

  OpBuilder &b;
  Kernel &k;
  ConvOperands &operands;
  KernelTensor from, to;
  int64_t parts;
  SmallVector<Value> memory, firsts;
};
} // namespace

/// Calls the body where the tensor is, with the place in the tile along each
/// of the dimensions, along the first one that of an access; so are threads.
void Transpose::forAccesses(unsigned along, unsigned across, int64_t neighbours,
                            function_ref<void(Value, Value)> body) {
  int64_t inRow = kTile / neighbours;
  Value thread = k.threadIndex(), row = k.constant(inRow);
  Value place = k.mul(arith::RemUIOp::create(b, k.loc, thread, row),
                      k.constant(neighbours));
  Value line = arith::DivUIOp::create(b, k.loc, thread, row);
  auto enter = [&](unsigned dim, Value inTile) {
    Value index = k.add(firsts[dim], inTile);
    operands.indices[dim] = index;
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, index,
                                 k.size(dim));
  };
  for (int64_t row = 0; row < kTile; row += kThreads / inRow) {
    Value inTile = further(line, row);
    Value isInside = arith::AndIOp::create(b, k.loc, enter(along, place),
                                           enter(across, inTile));
    k.when(isInside, [&] { body(place, inTile); });
  }
}

Value Transpose::placeOf(int64_t part, Value row, Value column) {
  Value index = k.add(k.mul(row, k.constant(kTile + 1)), column);
  return k.sharedPlace(memory[part], b.getF32Type(), index);
}

/// Blocks are numbered over the other dimensions and tiles along these two.
SmallVector<GridFactor> Transpose::emit() {
  unsigned dims[2] = {dimsOf(from.map).back(), dimsOf(to.map).back()};
  for (int64_t part = 0; part < parts; ++part)
    memory.push_back(k.addShared(k.nameShared(), 4 * kTile * (kTile + 1)));
  Value number = k.blockIndex(), tile = k.constant(kTile);
  firsts.resize(operands.indices.size());
  SmallVector<GridFactor> grid{{{}, 1}};
  for (unsigned dim : dims) {
    Value tiles = arith::CeilDivUIOp::create(b, k.loc, k.size(dim), tile);
    firsts[dim] = k.mul(arith::RemUIOp::create(b, k.loc, number, tiles), tile);
    number = arith::DivUIOp::create(b, k.loc, number, tiles);
    grid.push_back({{k.launchSize(dim)}, kTile});
  }
  SmallVector<unsigned> others;
  for (unsigned dim : dimsOf(from.map))
    if (dim != dims[0] && dim != dims[1]) {
      others.push_back(dim);
      grid[0].elements.push_back(k.launchSize(dim));
    }
  operands.enter(number, others);

  auto countNeighbours = [&](const KernelTensor &tensor) {
    return std::min(k.countAccess(tensor), kMostNeighbours);
  };
  int64_t read = countNeighbours(from), written = countNeighbours(to);
  forAccesses(dims[0], dims[1], read, [&](Value column, Value row) {
    auto loaded = k.load(from, k.offset(from, operands.indices), read);
    for (auto [i, x] : llvm::enumerate(loaded))
      for (int64_t part = 0; part < parts; ++part)
        LLVM::StoreOp::create(b, k.loc, part ? x.im : x.re,
                              placeOf(part, row, further(column, i)), 4);
  });
  gpu::BarrierOp::create(b, k.loc);
  forAccesses(dims[1], dims[0], written, [&](Value row, Value column) {
    SmallVector<Num> turned(written);
    for (auto [i, x] : llvm::enumerate(turned))
      for (int64_t part = 0; part < parts; ++part)
        (part ? x.im : x.re) =
            LLVM::LoadOp::create(b, k.loc, b.getF32Type(),
                                 placeOf(part, further(row, i), column), 4);
    k.store(to, k.offset(to, operands.indices), turned);
  });
  return grid;
}

void emitTranspose(ConvKernels &kernels, KernelTensor ConvOperands::*which) {
  const ConvShape &shape = kernels.shape;
  Kernel k = kernels.begin(kThreads);
  ConvOperands operands(kernels.b, k, shape, kernels.plan);
  KernelTensor turned = operands.*which;
  bool isResult = which == &ConvOperands::result;
  KernelTensor own = isResult ? k.result(shape.result, shape.resultMap)
                     : which == &ConvOperands::signal
                         ? k.argument(shape.signal, shape.signalMap)
                         : k.argument(shape.kernel, shape.kernelMap);
  Transpose transpose(kernels.b, k, operands, isResult ? turned : own,
                      isResult ? own : turned);
  auto grid = transpose.emit();
  int64_t parts = isa<ComplexType>(own.element) ? 2 : 1;
  kernels.end(grid, 4 * parts * kTile * kTile);
}

} // namespace ssm
