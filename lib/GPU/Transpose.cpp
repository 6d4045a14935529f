//===- Transpose.cpp - Tensors with time last -----------------------------===//
//
//   block = a tile of 32 steps and 32 places of the dimension that is last
//   lanes read neighbours along one of them, and write neighbours along the
//   other; rows of the tile in shared memory have 33 places, in different banks
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kTile = 32, kRows = 8, kThreads = kTile * kRows;

namespace {
class Transpose {
public:
  Transpose(OpBuilder &b, Kernel &kernel, ConvOperands &operands,
            KernelTensor from, KernelTensor to)
      : b(b), k(kernel), operands(operands), from(from), to(to),
        parts(isa<ComplexType>(from.element) ? 2 : 1) {}

  SmallVector<GridFactor> emit();

private:
  void forRows(unsigned along, unsigned across,
               function_ref<void(Value, Value)> body);
  Value placeOf(int64_t part, Value row, Value column);

  OpBuilder &b;
  Kernel &k;
  ConvOperands &operands;
  KernelTensor from, to;
  int64_t parts;
  SmallVector<Value> memory, firsts;
  Value lane, line;
};
} // namespace

/// Calls the body where the tensor is, with the place in the tile along each
/// of the dimensions; lanes are along the first.
void Transpose::forRows(unsigned along, unsigned across,
                        function_ref<void(Value, Value)> body) {
  auto enter = [&](unsigned dim, Value inTile) {
    Value index = k.add(firsts[dim], inTile);
    operands.indices[dim] = index;
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, index,
                                 k.size(dim));
  };
  for (int64_t row = 0; row < kTile; row += kRows) {
    Value inTile = k.add(line, k.constant(row));
    Value isInside = arith::AndIOp::create(b, k.loc, enter(along, lane),
                                           enter(across, inTile));
    k.when(isInside, [&] { body(lane, inTile); });
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
  Value thread = k.threadIndex(), tile = k.constant(kTile);
  lane = arith::RemUIOp::create(b, k.loc, thread, tile);
  line = arith::DivUIOp::create(b, k.loc, thread, tile);
  Value number = k.blockIndex();
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

  forRows(dims[0], dims[1], [&](Value column, Value row) {
    Num x = k.load(from, k.offset(from, operands.indices)).front();
    for (int64_t part = 0; part < parts; ++part)
      LLVM::StoreOp::create(b, k.loc, part ? x.im : x.re,
                            placeOf(part, row, column), 4);
  });
  gpu::BarrierOp::create(b, k.loc);
  forRows(dims[1], dims[0], [&](Value row, Value column) {
    Value loaded[2];
    for (int64_t part = 0; part < parts; ++part)
      loaded[part] = LLVM::LoadOp::create(b, k.loc, b.getF32Type(),
                                          placeOf(part, row, column), 4);
    k.store(to, k.offset(to, operands.indices), Num{loaded[0], loaded[1]});
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
