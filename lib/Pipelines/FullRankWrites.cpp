//===- FullRankWrites.cpp - Rows that are no whole tensors ----------------===//
//
// Before: vector.transfer_write %v, %t[%c0, %c0]
//             : vector<16xf32>, tensor<4x16xf32>
// After:  %w = vector.broadcast %v : vector<16xf32> to vector<1x16xf32>
//         vector.transfer_write %w, %t[%c0, %c0]
//             : vector<1x16xf32>, tensor<4x16xf32>
//
// Upstream's bufferization compares the sizes of vector and tensor from the
// first dimensions on. It takes a row that is longer than the tensor has rows
// for a write of the whole tensor, and drops what the other rows hold.
//
//===----------------------------------------------------------------------===//
#include "ssm/Pipelines/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace ssm {
#define GEN_PASS_DEF_FULLRANKWRITES
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;

static void widen(vector::TransferWriteOp write) {
  VectorType vector = write.getVectorType();
  auto tensor = dyn_cast<RankedTensorType>(write.getShapedType());
  if (!tensor || tensor.getRank() == vector.getRank() || write.getMask() ||
      !write.getPermutationMap().isMinorIdentity() ||
      !llvm::all_of(write.getIndices(), isZeroInteger))
    return;
  int64_t units = tensor.getRank() - vector.getRank();
  SmallVector<int64_t> shape(units, 1);
  llvm::append_range(shape, vector.getShape());
  SmallVector<bool> inBounds(units, true);
  llvm::append_range(inBounds, write.getInBoundsValues());
  OpBuilder b(write);
  Value wide = vector::BroadcastOp::create(
      b, write.getLoc(), VectorType::get(shape, vector.getElementType()),
      write.getValueToStore());
  write.getValueToStoreMutable().assign(wide);
  write.setPermutationMap(b.getMultiDimIdentityMap(tensor.getRank()));
  write.setInBoundsAttr(b.getBoolArrayAttr(inBounds));
}

namespace {
struct FullRankWrites : ::ssm::impl::FullRankWritesBase<FullRankWrites> {
  void runOnOperation() override { getOperation()->walk(widen); }
};
} // namespace
