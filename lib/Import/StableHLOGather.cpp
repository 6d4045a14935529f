//===- StableHLOGather.cpp - Slices at places that are data ---------------===//
//
// Each index vector of the second operand is the place of a slice of the first,
// within it as for a dynamic slice. The result has the dimensions of these
// vectors' tensor and, at `offset_dims`, those of a slice:
//
//   y[batch.., offset..] = x[start(batch) + offset]
//
//===----------------------------------------------------------------------===//
#include "StableHLOWindows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

static IndexedWindows readGather(Operation *op) {
  IndexedWindows gather = IndexedWindows::read(
      getKeyword(op, "dimension_numbers", "gather"),
      {"offset_dims", "collapsed_slice_dims", "operand_batching_dims",
       "start_indices_batching_dims", "start_index_map"});
  gather.sizes = llvm::to_vector(getNumbers(op, "slice_sizes"));
  return gather;
}

/// Whether the numbers fit the types.
static bool fits(const IndexedWindows &gather, RankedTensorType operand,
                 RankedTensorType indices, RankedTensorType result) {
  int64_t rank = operand.getRank();
  if (int64_t(gather.sizes.size()) != rank ||
      !gather.fits(operand, indices, result))
    return false;
  SmallVector<int64_t> batch = gather.batchShape(indices), offsets;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (gather.sizes[dim] < 0 || gather.sizes[dim] > operand.getDimSize(dim))
      return false;
    if (gather.isWindow(dim))
      offsets.push_back(gather.sizes[dim]);
    else if (gather.sizes[dim] != 1)
      return false;
  }
  if (offsets.size() != gather.windowDims.size() ||
      int64_t(offsets.size() + batch.size()) != result.getRank())
    return false;
  auto nextOffset = offsets.begin(), nextBatch = batch.begin();
  for (int64_t dim = 0; dim < result.getRank(); ++dim)
    if (result.getDimSize(dim) != (llvm::is_contained(gather.windowDims, dim)
                                       ? *nextOffset++
                                       : *nextBatch++))
      return false;
  return true;
}

/// Where the element of a result's element lies in the operand.
static SmallVector<Value> emitPlace(OpBuilder &b, Location loc,
                                    const IndexedWindows &gather, Value operand,
                                    Value indices, unsigned resultRank) {
  RankedTensorType type = typeOf(operand);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  SmallVector<Value> place(type.getRank(), zero), batch, offsets;
  for (unsigned dim = 0; dim < resultRank; ++dim)
    (llvm::is_contained(gather.windowDims, dim) ? offsets : batch)
        .push_back(linalg::IndexOp::create(b, loc, dim));
  bool hasVectors = gather.vectorDim < typeOf(indices).getRank();
  for (auto [i, dim] : llvm::enumerate(gather.starts)) {
    SmallVector<Value> at = batch;
    if (hasVectors)
      at.insert(at.begin() + gather.vectorDim,
                arith::ConstantIndexOp::create(b, loc, i));
    Value start = arith::IndexCastOp::create(
        b, loc, b.getIndexType(),
        tensor::ExtractOp::create(b, loc, indices, at));
    Value last = arith::ConstantIndexOp::create(
        b, loc, type.getDimSize(dim) - gather.sizes[dim]);
    start = arith::MaxSIOp::create(b, loc, start, zero);
    place[dim] = arith::MinSIOp::create(b, loc, start, last);
  }
  for (auto [dim, index] :
       llvm::zip_equal(gather.batching, gather.indexBatching))
    place[dim] = batch[index - (index > gather.vectorDim)];
  auto next = offsets.begin();
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (gather.isWindow(dim))
      place[dim] = arith::AddIOp::create(b, loc, place[dim], *next++);
  return place;
}

LogicalResult StableHLOImporter::importGather(Operation *op) {
  IndexedWindows gather = readGather(op);
  Value operand = get(op->getOperand(0)), indices = get(op->getOperand(1));
  RankedTensorType type = typeOf(op->getResult(0));
  if (!fits(gather, typeOf(operand), typeOf(indices), type) ||
      typeOf(operand).getElementType() != type.getElementType())
    return refuse(op, "its numbers do not fit its types");
  unsigned rank = type.getRank();
  auto body = [&](OpBuilder &inner, Location loc, ValueRange) {
    return SmallVector<Value>{tensor::ExtractOp::create(
        inner, loc, operand,
        emitPlace(inner, loc, gather, operand, indices, rank))};
  };
  Indexed out = {empty(op->getLoc(), type), identity(rank)};
  set(op, buildGeneric(b, op->getLoc(), rank, {}, {out}, body)[0]);
  return success();
}
