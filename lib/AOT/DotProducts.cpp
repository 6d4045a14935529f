//===- DotProducts.cpp - Products of bf16 matrices in registers -----------===//
//
// Before: linalg.generic ins(%A : memref<MxKxbf16>, %B : memref<KxNxbf16>)
//                        outs(%C : memref<MxNxf32>) { C + A * B }
//
// After, for each vector of columns and each block of 16 rows:
//
//   C_i from memory, one vector a row
//   for k in 0 .. K step 2
//     pairs = rows k and k + 1 of B, interleaved
//     C_i = dot(C_i, the pair A_ik, A_i(k+1) in every lane, pairs)
//   C_i to memory
//
// AVX512-BF16 has such a dot product of pairs. It adds the second product first
// and flushes subnormal numbers, so that rounding differs from that of a sum in
// order. It also rounds vectors to bf16, where a function has products. Other
// targets widen a row at a time and have FMAs, whose products are exact. AMX
// has products of tiles instead (TileProducts.cpp).
//
// Precondition: sizes that are known, K even, N a multiple of 4, and rows whose
// elements lie side by side. What has other sizes stays a loop.
//
//===----------------------------------------------------------------------===//

#include "Target.h"
#include "TileProducts.h"
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/TypeUtilities.h"

namespace ssm {
#define GEN_PASS_DEF_DOTPRODUCTS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Rows of C in registers: each row of B is interleaved once for so many, and
/// as many sums hide each other's latency.
static constexpr int64_t kRows = 16;

namespace {
/// C += A B, by vectors of `lanes` columns.
class ProductEmitter {
public:
  ProductEmitter(OpBuilder &b, linalg::GenericOp op, int64_t lanes, bool hasDot)
      : b(b), loc(op.getLoc()), A(op.getInputs()[0]), B(op.getInputs()[1]),
        C(op.getOutputs()[0]), lanes(lanes), hasDot(hasDot),
        row(VectorType::get({lanes}, b.getF32Type())) {
    auto left = cast<MemRefType>(A.getType());
    numRows = left.getDimSize(0);
    depth = left.getDimSize(1);
    numColumns = cast<MemRefType>(C.getType()).getDimSize(1);
  }

  void emit();

private:
  using Values = SmallVector<Value>;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value x, int64_t y) {
    return y == 0 ? x : arith::AddIOp::create(b, loc, x, index(y));
  }
  /// `for i in lower .. upper step` around the insertion point.
  void emitFor(int64_t upper, int64_t step, function_ref<void(Value)> body);
  /// `count` rows of C from `first` on, in the columns from `column` on.
  void emitBlock(Value first, int64_t count, Value column);
  Values emitPairs(Value first, Value column, Value k, ValueRange sums);
  Values emitSingles(Value first, Value column, Value k, ValueRange sums);

  OpBuilder &b;
  Location loc;
  Value A, B, C;
  int64_t lanes, numRows, depth, numColumns;
  bool hasDot;
  VectorType row;
};
} // namespace

void ProductEmitter::emitFor(int64_t upper, int64_t step,
                             function_ref<void(Value)> body) {
  if (upper <= 0)
    return;
  auto loop = scf::ForOp::create(b, loc, index(0), index(upper), index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> ProductEmitter::emitPairs(Value first, Value column, Value k,
                                             ValueRange sums) {
  Type bf16 = b.getBF16Type();
  auto half = VectorType::get({lanes}, bf16);
  Value pairs = vector::InterleaveOp::create(
      b, loc, vector::LoadOp::create(b, loc, half, B, ValueRange{k, column}),
      vector::LoadOp::create(b, loc, half, B, ValueRange{add(k, 1), column}));
  Values next;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value pair = vector::LoadOp::create(b, loc, VectorType::get({2}, bf16), A,
                                        ValueRange{add(first, i), k});
    Value word = vector::BitCastOp::create(
        b, loc, VectorType::get({1}, b.getI32Type()), pair);
    Value words = vector::BroadcastOp::create(
        b, loc, VectorType::get({lanes}, b.getI32Type()), word);
    Value same = vector::BitCastOp::create(b, loc, pairs.getType(), words);
    next.push_back(x86vector::DotBF16Op::create(b, loc, row, sum, pairs, same));
  }
  return next;
}

SmallVector<Value> ProductEmitter::emitSingles(Value first, Value column,
                                               Value k, ValueRange sums) {
  Value columns =
      vector::LoadOp::create(b, loc, VectorType::get({lanes}, b.getBF16Type()),
                             B, ValueRange{k, column});
  Value wide = arith::ExtFOp::create(b, loc, row, columns);
  Values next;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value narrow =
        memref::LoadOp::create(b, loc, A, ValueRange{add(first, i), k});
    Value factor = arith::ExtFOp::create(b, loc, b.getF32Type(), narrow);
    Value same = vector::BroadcastOp::create(b, loc, row, factor);
    next.push_back(math::FmaOp::create(b, loc, same, wide, sum));
  }
  return next;
}

void ProductEmitter::emitBlock(Value first, int64_t count, Value column) {
  Values sums;
  for (int64_t i = 0; i < count; ++i)
    sums.push_back(vector::LoadOp::create(b, loc, row, C,
                                          ValueRange{add(first, i), column}));
  auto loop = scf::ForOp::create(
      b, loc, index(0), index(depth), index(hasDot ? 2 : 1), sums,
      [&](OpBuilder &, Location, Value k, ValueRange args) {
        scf::YieldOp::create(b, loc,
                             hasDot ? emitPairs(first, column, k, args)
                                    : emitSingles(first, column, k, args));
      });
  for (auto [i, sum] : llvm::enumerate(loop.getResults()))
    vector::StoreOp::create(b, loc, sum, C, ValueRange{add(first, i), column});
}

void ProductEmitter::emit() {
  int64_t full = numRows - numRows % kRows;
  emitFor(numColumns, lanes, [&](Value column) {
    emitFor(full, kRows, [&](Value first) { emitBlock(first, kRows, column); });
    if (numRows > full)
      emitBlock(index(full), numRows - full, column);
  });
}

/// Whether the body is c + extf(a) * extf(b) and nothing else.
static bool isWidenedProduct(linalg::GenericOp op) {
  Block &body = *op.getBlock();
  return linalg::isaContractionOpInterface(op) && llvm::range_size(body) == 5 &&
         llvm::range_size(body.getOps<arith::ExtFOp>()) == 2;
}

/// Columns of a vector that the op can be computed by, or 0.
static int64_t getLanes(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1 || op.hasDynamicShape() ||
      !isRowMajorMatmul(op.getIndexingMaps()) || !isWidenedProduct(op))
    return 0;
  for (Value operand : op->getOperands()) {
    auto type = cast<MemRefType>(operand.getType());
    bool isResult = operand == op.getOutputs()[0];
    Type element = type.getElementType();
    if (!(isResult ? element.isF32() : element.isBF16()) ||
        !type.isLastDimUnitStride())
      return 0;
  }
  auto right = cast<MemRefType>(op.getInputs()[1].getType());
  if (right.getDimSize(0) % 2 != 0)
    return 0;
  for (int64_t lanes : {16, 8, 4})
    if (right.getDimSize(1) % lanes == 0)
      return lanes;
  return 0;
}

/// Rounds vectors to bf16 by the instruction for it, which takes subnormal
/// numbers for zero as the dot product does.
static void roundByInstruction(Operation *root) {
  SmallVector<arith::TruncFOp> roundings;
  root->walk([&](arith::TruncFOp op) {
    auto type = dyn_cast<VectorType>(op.getType());
    if (type && type.getElementType().isBF16() && type.getRank() == 1 &&
        getElementTypeOrSelf(op.getIn()).isF32() &&
        (type.getNumElements() == 16 || type.getNumElements() == 8))
      roundings.push_back(op);
  });
  for (arith::TruncFOp op : roundings) {
    OpBuilder b(op);
    op.replaceAllUsesWith(x86vector::CvtPackedF32ToBF16Op::create(
                              b, op.getLoc(), op.getType(), op.getIn())
                              .getResult());
    op.erase();
  }
}

namespace {
struct DotProducts : ::ssm::impl::DotProductsBase<DotProducts> {
  using DotProductsBase::DotProductsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (getLanes(op) > 0)
        products.push_back(op);
    });
    if (products.empty())
      return;
    bool hasDot = ::ssm::hasPairedDotProduct(target),
         hasTiles = ::ssm::hasTileProduct(target);
    ::ssm::TileProducts tiles;
    for (linalg::GenericOp op : products) {
      if (hasTiles && tiles.emit(op))
        continue;
      OpBuilder b(op);
      ProductEmitter(b, op, getLanes(op), hasDot).emit();
      op->erase();
    }
    // What a product is of was rounded in the same function.
    if (hasDot)
      roundByInstruction(getOperation());
  }
};
} // namespace
