//===- TileProducts.cpp - Products of bf16 matrices in tiles --------------===//
//
// Before: C += A B, of memref<MxKxbf16> and memref<KxNxbf16>
//
// After, for each block of 16 columns and 32 rows of B:
//
//   pairs = rows 2 k and 2 k + 1 of B interleaved, in a buffer of 16 rows
//   for each block of 16 rows of A
//     C_ij = tile_mulf(A_ik, pairs, C_ij)
//
// AMX multiplies a tile of 16 rows by 32 numbers of bf16 with one of 16 rows of
// pairs, and adds to 16 x 16 numbers of f32: 8,192 products an instruction. It
// sums the even and the odd products of a tile apart and flushes subnormal
// numbers, so that rounding differs from that of a sum in order.
//
// Whoever runs such code asks the system for the unit first (EmitCABI.cpp).
//
// Reference: Intel, "Architecture Instruction Set Extensions Programming
// Reference", chapter on AMX.
//
//===----------------------------------------------------------------------===//
#include "TileProducts.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ssm;

/// Rows of a tile, bf16 and f32 of a row, and tile registers.
static constexpr int64_t kTileRows = 16, kTileDepth = 32, kTileColumns = 16,
                         kTileRegisters = 8;

/// Sizes of the blocks of up to `step` that `size` is cut into: at most two.
static SmallVector<int64_t> blockSizes(int64_t size, int64_t step) {
  SmallVector<int64_t> sizes;
  if (size >= step)
    sizes.push_back(step);
  if (size % step != 0)
    sizes.push_back(size % step);
  return sizes;
}

bool TileProducts::reserveRegisters(int64_t rows, int64_t depth,
                                    int64_t columns) {
  std::map<Shape, int64_t> wanted = registers;
  for (int64_t m : blockSizes(rows, kTileRows))
    for (int64_t k : blockSizes(depth, kTileDepth))
      for (int64_t n : blockSizes(columns, kTileColumns)) {
        std::map<Shape, int64_t> together;
        for (Shape shape :
             {Shape(m, 2 * k), Shape(k / 2, 4 * n), Shape(m, 4 * n)})
          ++together[shape];
        for (auto [shape, count] : together)
          wanted[shape] = std::max(wanted[shape], count);
      }
  int64_t total = 0;
  for (auto [shape, count] : wanted)
    total += count;
  if (total > kTileRegisters)
    return false;
  registers = std::move(wanted);
  return true;
}

namespace {
class TileEmitter {
public:
  explicit TileEmitter(linalg::GenericOp op)
      : b(op), loc(op.getLoc()), A(op.getInputs()[0]), B(op.getInputs()[1]),
        C(op.getOutputs()[0]) {}

  int64_t numRows() { return size(A, 0); }
  int64_t depth() { return size(A, 1); }
  int64_t numColumns() { return size(C, 1); }
  /// By means of a buffer for a tile of pairs.
  void emit(Value buffer);

private:
  static int64_t size(Value matrix, unsigned dim) {
    return cast<MemRefType>(matrix.getType()).getDimSize(dim);
  }
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  /// `body(first, count)` for each block of `count` <= `step` of `size`.
  void emitBlocks(int64_t size, int64_t step,
                  function_ref<void(Value, int64_t)> body);
  /// A block of B as pairs, in `buffer`.
  void emitPairs(Value buffer, Value k, int64_t depth, Value column,
                 int64_t columns);
  Value load(Value matrix, ValueRange at, int64_t rows, int64_t columns) {
    Type element = cast<MemRefType>(matrix.getType()).getElementType();
    auto type = amx::TileType::get({rows, columns}, element);
    return amx::TileLoadOp::create(b, loc, type, matrix, at);
  }

  OpBuilder b;
  Location loc;
  Value A, B, C;
};
} // namespace

void TileEmitter::emitBlocks(int64_t size, int64_t step,
                             function_ref<void(Value, int64_t)> body) {
  int64_t full = size - size % step;
  if (full > 0) {
    auto loop = scf::ForOp::create(b, loc, index(0), index(full), index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar(), step);
  }
  if (size > full)
    body(index(full), size - full);
}

void TileEmitter::emitPairs(Value buffer, Value k, int64_t depth, Value column,
                            int64_t columns) {
  auto row = VectorType::get({columns}, b.getBF16Type());
  auto loop = scf::ForOp::create(b, loc, index(0), index(depth / 2), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value pair = loop.getInductionVar();
  Value even = arith::AddIOp::create(
      b, loc, k, arith::MulIOp::create(b, loc, pair, index(2)));
  Value odd = arith::AddIOp::create(b, loc, even, index(1));
  Value pairs = vector::InterleaveOp::create(
      b, loc, vector::LoadOp::create(b, loc, row, B, ValueRange{even, column}),
      vector::LoadOp::create(b, loc, row, B, ValueRange{odd, column}));
  vector::StoreOp::create(b, loc, pairs, buffer, ValueRange{pair, index(0)});
}

void TileEmitter::emit(Value buffer) {
  auto emitBlock = [&](Value column, int64_t columns, Value k, int64_t depth) {
    emitPairs(buffer, k, depth, column, columns);
    Value zero = index(0);
    Value pairs = load(buffer, {zero, zero}, depth / 2, 2 * columns);
    emitBlocks(numRows(), kTileRows, [&](Value row, int64_t rows) {
      Value left = load(A, {row, k}, rows, depth);
      Value sums = load(C, {row, column}, rows, columns);
      sums = amx::TileMulFOp::create(b, loc, sums.getType(), left, pairs, sums);
      amx::TileStoreOp::create(b, loc, C, ValueRange{row, column}, sums);
    });
  };
  emitBlocks(numColumns(), kTileColumns, [&](Value column, int64_t columns) {
    emitBlocks(depth(), kTileDepth, [&](Value k, int64_t depth) {
      emitBlock(column, columns, k, depth);
    });
  });
}

Value TileProducts::getBuffer(Operation *op) {
  // A thread has its own.
  Block *scope = &op->getParentOfType<func::FuncOp>().front();
  if (auto loop = op->getParentOfType<scf::ParallelOp>())
    scope = loop.getBody();
  Value &buffer = buffers[scope];
  if (!buffer) {
    OpBuilder b = OpBuilder::atBlockBegin(scope);
    auto type = MemRefType::get({kTileRows, 2 * kTileColumns}, b.getBF16Type());
    buffer = memref::AllocaOp::create(b, op->getLoc(), type,
                                      b.getI64IntegerAttr(64));
  }
  return buffer;
}

bool TileProducts::emit(linalg::GenericOp op) {
  TileEmitter emitter(op);
  if (!reserveRegisters(emitter.numRows(), emitter.depth(),
                        emitter.numColumns()))
    return false;
  emitter.emit(getBuffer(op));
  op->erase();
  return true;
}
