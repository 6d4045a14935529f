//===- StableHLOGather.cpp - Slices at places that are data ---------------===//
//
// Each index vector of the second operand is the place of a slice of the first,
// within it as for a dynamic slice. The result has the dimensions of these
// vectors' tensor and, at `offset_dims`, those of a slice:
//
//   y[batch.., offset..] = x[start(batch) + offset]
//
//===----------------------------------------------------------------------===//
#include "StableHLO.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

namespace {
struct Gather {
  SmallVector<int64_t> offsetDims;    ///< Of the result: those of a slice.
  SmallVector<int64_t> collapsed;     ///< Of the operand: left out of a slice.
  SmallVector<int64_t> batching;      ///< Of the operand: as in the indices,
  SmallVector<int64_t> indexBatching; ///< at these dimensions.
  SmallVector<int64_t> starts;        ///< Of the operand: places of a vector.
  int64_t vectorDim = 0;              ///< Of the indices: their vectors.
  SmallVector<int64_t> sizes;         ///< Of a slice.

  /// Whether the operand's dimension is one of a slice in the result.
  bool isOffset(int64_t dim) const {
    return !llvm::is_contained(collapsed, dim) &&
           !llvm::is_contained(batching, dim);
  }
};
} // namespace

static Gather readGather(Operation *op) {
  StringRef text = getKeyword(op, "dimension_numbers", "gather");
  Gather gather;
  gather.offsetDims = readDims(text, "offset_dims");
  gather.collapsed = readDims(text, "collapsed_slice_dims");
  gather.batching = readDims(text, "operand_batching_dims");
  gather.indexBatching = readDims(text, "start_indices_batching_dims");
  gather.starts = readDims(text, "start_index_map");
  // A zero is not printed.
  StringRef number = text.split("index_vector_dim = ").second;
  (void)number.consumeInteger(10, gather.vectorDim);
  gather.sizes = llvm::to_vector(getNumbers(op, "slice_sizes"));
  return gather;
}

/// Whether each number is below `end` and none comes twice.
static bool areDims(ArrayRef<int64_t> dims, int64_t end) {
  llvm::SmallDenseSet<int64_t> seen;
  return llvm::all_of(dims, [&](int64_t dim) {
    return dim >= 0 && dim < end && seen.insert(dim).second;
  });
}

/// Whether the numbers fit the types.
static bool fits(const Gather &gather, RankedTensorType operand,
                 RankedTensorType indices, RankedTensorType result) {
  int64_t rank = operand.getRank(), indexRank = indices.getRank();
  if (!indices.getElementType().isSignlessInteger() ||
      indices.getElementType().isInteger(1) || gather.vectorDim < 0 ||
      gather.vectorDim > indexRank || int64_t(gather.sizes.size()) != rank ||
      !areDims(gather.offsetDims, result.getRank()) ||
      !llvm::is_sorted(gather.offsetDims) ||
      !areDims(llvm::to_vector(llvm::concat<const int64_t>(gather.collapsed,
                                                           gather.batching)),
               rank) ||
      !areDims(gather.starts, rank) ||
      gather.batching.size() != gather.indexBatching.size() ||
      !areDims(gather.indexBatching, indexRank) ||
      llvm::is_contained(gather.indexBatching, gather.vectorDim))
    return false;
  int64_t length =
      gather.vectorDim < indexRank ? indices.getDimSize(gather.vectorDim) : 1;
  SmallVector<int64_t> batch(indices.getShape()), offsets;
  if (gather.vectorDim < indexRank)
    batch.erase(batch.begin() + gather.vectorDim);
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (gather.sizes[dim] < 0 || gather.sizes[dim] > operand.getDimSize(dim))
      return false;
    if (gather.isOffset(dim))
      offsets.push_back(gather.sizes[dim]);
    else if (gather.sizes[dim] != 1)
      return false;
  }
  for (auto [dim, index] :
       llvm::zip_equal(gather.batching, gather.indexBatching))
    if (operand.getDimSize(dim) != indices.getDimSize(index))
      return false;
  if (length != int64_t(gather.starts.size()) ||
      offsets.size() != gather.offsetDims.size() ||
      int64_t(offsets.size() + batch.size()) != result.getRank())
    return false;
  auto nextOffset = offsets.begin(), nextBatch = batch.begin();
  for (int64_t dim = 0; dim < result.getRank(); ++dim)
    if (result.getDimSize(dim) != (llvm::is_contained(gather.offsetDims, dim)
                                       ? *nextOffset++
                                       : *nextBatch++))
      return false;
  return true;
}

/// Where the element of a result's element lies in the operand.
static SmallVector<Value> emitPlace(OpBuilder &b, Location loc,
                                    const Gather &gather, Value operand,
                                    Value indices, unsigned resultRank) {
  RankedTensorType type = typeOf(operand);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  SmallVector<Value> place(type.getRank(), zero), batch, offsets;
  for (unsigned dim = 0; dim < resultRank; ++dim)
    (llvm::is_contained(gather.offsetDims, dim) ? offsets : batch)
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
    if (gather.isOffset(dim))
      place[dim] = arith::AddIOp::create(b, loc, place[dim], *next++);
  return place;
}

LogicalResult StableHLOImporter::importGather(Operation *op) {
  Gather gather = readGather(op);
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
