//===- StableHLOScatter.cpp - Windows written at places that are data -----===//
//
// Each index vector of the second operand is the place of a window of the
// first, into which a window of the third is combined, one after another:
//
//   y = x; y[start(batch) + window] = f(y[...], updates[batch, window])
//
// A window that does not lie inside as a whole changes nothing.
//
//===----------------------------------------------------------------------===//
#include "StableHLOWindows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace ssm;

struct ssm::Scatter : IndexedWindows {
  SmallVector<int64_t> batchDims; ///< Of the updates: those of no window.
};

/// None if the numbers do not fit the types.
static std::optional<Scatter> readScatter(Operation *op) {
  auto typeAt = [&](unsigned i) {
    return cast<RankedTensorType>(op->getOperand(i).getType());
  };
  RankedTensorType whole = typeAt(0), indices = typeAt(1), updates = typeAt(2);
  Scatter scatter{
      IndexedWindows::read(
          getKeyword(op, "scatter_dimension_numbers", "scatter"),
          {"update_window_dims", "inserted_window_dims", "input_batching_dims",
           "scatter_indices_batching_dims", "scatter_dims_to_operand_dims"}),
      {}};
  if (!scatter.fits(whole, indices, updates))
    return std::nullopt;
  auto window = scatter.windowDims.begin();
  for (int64_t dim = 0; dim < whole.getRank(); ++dim) {
    if (scatter.isWindow(dim) && window == scatter.windowDims.end())
      return std::nullopt;
    int64_t size =
        scatter.isWindow(dim) ? updates.getDimSize(*window++) : int64_t(1);
    if (size > whole.getDimSize(dim))
      return std::nullopt;
    scatter.sizes.push_back(size);
  }
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < updates.getRank(); ++dim)
    if (!llvm::is_contained(scatter.windowDims, dim)) {
      scatter.batchDims.push_back(dim);
      shape.push_back(updates.getDimSize(dim));
    }
  if (window != scatter.windowDims.end() ||
      shape != scatter.batchShape(indices))
    return std::nullopt;
  return scatter;
}

StableHLOImporter::Index StableHLOImporter::startOf(Value vectors,
                                                    const Scatter &scatter,
                                                    ValueRange batch,
                                                    unsigned i) {
  if (typeOf(vectors).getRank() <= 1) {
    Value scalar = vectors;
    if (auto parts = indexVectors.find(vectors); parts != indexVectors.end())
      scalar = parts->second[i];
    if (auto found = indices.find(scalar); found != indices.end())
      return found->second;
  }
  Location loc = vectors.getLoc();
  SmallVector<Value> at(batch);
  if (scatter.vectorDim < typeOf(vectors).getRank())
    at.insert(at.begin() + scatter.vectorDim,
              arith::ConstantIndexOp::create(b, loc, i));
  Value start = arith::IndexCastOp::create(
      b, loc, b.getIndexType(), tensor::ExtractOp::create(b, loc, vectors, at));
  return {start, std::numeric_limits<int64_t>::min(),
          std::numeric_limits<int64_t>::max()};
}

/// One window at `batch` of the updates; null if the region has no import.
Value StableHLOImporter::writeWindow(Operation *op, const Scatter &scatter,
                                     ValueRange batch, Value whole) {
  Location loc = op->getLoc();
  RankedTensorType type = typeOf(whole);
  Value vectors = get(op->getOperand(1)), updates = get(op->getOperand(2));
  SmallVector<OpFoldResult> place(type.getRank(), b.getIndexAttr(0));
  Value isInside;
  for (auto [i, dim] : llvm::enumerate(scatter.starts)) {
    Index start = startOf(vectors, scatter, batch, i);
    int64_t last = type.getDimSize(dim) - scatter.sizes[dim];
    if (start.low < 0 || start.high > last) {
      Value most = arith::ConstantIndexOp::create(b, loc, last);
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      // What is negative is a large number without a sign.
      Value fits = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                         start.value, most);
      isInside = isInside ? Value(arith::AndIOp::create(b, loc, isInside, fits))
                          : fits;
      start.value = arith::SelectOp::create(b, loc, fits, start.value, zero);
    }
    place[dim] = start.low == start.high ? b.getIndexAttr(start.low)
                                         : OpFoldResult(start.value);
  }
  for (auto [dim, index] :
       llvm::zip_equal(scatter.batching, scatter.indexBatching))
    place[dim] = batch[index - (index > scatter.vectorDim)];

  SmallVector<OpFoldResult> from(typeOf(updates).getRank(), b.getIndexAttr(0)),
      sizes =
          getAsIndexOpFoldResult(b.getContext(), typeOf(updates).getShape());
  for (auto [at, dim] : llvm::zip_equal(batch, scatter.batchDims)) {
    from[dim] = at;
    sizes[dim] = b.getIndexAttr(1);
  }
  SmallVector<int64_t> shape;
  for (int64_t dim : scatter.windowDims)
    shape.push_back(typeOf(updates).getDimSize(dim));
  auto window = RankedTensorType::get(shape, type.getElementType());
  SmallVector<OpFoldResult> windowSizes =
      getAsIndexOpFoldResult(b.getContext(), scatter.sizes);
  SmallVector<OpFoldResult> ones(type.getRank(), b.getIndexAttr(1)),
      updateOnes(from.size(), b.getIndexAttr(1));
  Value update = tensor::ExtractSliceOp::create(b, loc, window, updates, from,
                                                sizes, updateOnes);
  Block &region = op->getRegion(0).front();
  if (isInside || region.back().getOperand(0) != region.getArgument(1)) {
    Value old = tensor::ExtractSliceOp::create(b, loc, window, whole, place,
                                               windowSizes, ones);
    update = combineWindow(loc, region, old, update, isInside);
  }
  return update ? Value(tensor::InsertSliceOp::create(b, loc, update, whole,
                                                      place, windowSizes, ones))
                : Value();
}

Value StableHLOImporter::combineWindow(Location loc, Block &region, Value old,
                                       Value update, Value isInside) {
  AffineMap all = identity(typeOf(old).getRank());
  bool isKnown = true;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    SmallVector<Value> made =
        emitBlock(inner, loc, region, {scalars[0], scalars[1]});
    isKnown = !made.empty();
    if (isKnown && isInside)
      made[0] =
          arith::SelectOp::create(inner, loc, isInside, made[0], scalars[0]);
    return isKnown ? made : SmallVector<Value>{scalars[2]};
  };
  Value made =
      buildGeneric(b, loc, all.getNumDims(), {{old, all}, {update, all}},
                   {{empty(loc, typeOf(old)), all}}, body)[0];
  return isKnown ? made : Value();
}

LogicalResult StableHLOImporter::importScatter(Operation *op) {
  if (op->getNumOperands() != 3 || op->getNumResults() != 1)
    return refuse(op, "only of one tensor it has an import");
  RankedTensorType type = typeOf(op->getResult(0));
  Value whole = get(op->getOperand(0)), updates = get(op->getOperand(2));
  std::optional<Scatter> scatter = readScatter(op);
  if (!scatter || typeOf(whole) != type ||
      typeOf(updates).getElementType() != type.getElementType() ||
      !combinesTuples(op, whole))
    return refuse(op, "its numbers do not fit its types");
  if (typeOf(updates).getNumElements() == 0) {
    set(op, whole);
    return success();
  }
  Location loc = op->getLoc();
  SmallVector<Value> begins, ends, steps;
  for (int64_t dim : scatter->batchDims) {
    begins.push_back(arith::ConstantIndexOp::create(b, loc, 0));
    ends.push_back(arith::ConstantIndexOp::create(
        b, loc, typeOf(updates).getDimSize(dim)));
    steps.push_back(arith::ConstantIndexOp::create(b, loc, 1));
  }
  if (begins.empty()) {
    whole = writeWindow(op, *scatter, {}, whole);
  } else {
    auto write = [&](OpBuilder &nested, Location, ValueRange at,
                     ValueRange carried) -> SmallVector<Value> {
      OpBuilder::InsertionGuard guard(b);
      b.restoreInsertionPoint(nested.saveInsertionPoint());
      whole = writeWindow(op, *scatter, at, carried[0]);
      return {whole ? whole : carried[0]};
    };
    scf::LoopNest nest =
        scf::buildLoopNest(b, loc, begins, ends, steps, whole, write);
    whole = whole ? nest.results[0] : whole;
  }
  if (!whole)
    return refuse(op, "no import is known of an op of its region");
  set(op, whole);
  return success();
}
