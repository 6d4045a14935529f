//===- StableHLOTensors.cpp - Shapes, slices and sums of StableHLO --------===//
#include "StableHLO.h"

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace ssm;

LogicalResult StableHLOImporter::importConstant(Operation *op) {
  ElementsAttr value = getConstant(op);
  if (!value || value.getType() != op->getResult(0).getType())
    return refuse(op, "it needs numbers of its type");
  set(op, arith::ConstantOp::create(b, op->getLoc(), value));
  noteIndex(op, "constant");
  return success();
}

LogicalResult StableHLOImporter::importIota(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  auto dim =
      dyn_cast_if_present<IntegerAttr>(getAttribute(op, "iota_dimension"));
  if (!dim || dim.getInt() < 0 || dim.getInt() >= type.getRank())
    return refuse(op, "it needs a dimension of its result");
  bool isKnown = true;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    Value number = arith::IndexCastOp::create(
        inner, loc, inner.getI64Type(),
        linalg::IndexOp::create(inner, loc, dim.getInt()));
    Value value =
        emitScalar(inner, loc, "convert", "", number, type.getElementType());
    isKnown = bool(value);
    return SmallVector<Value>{value ? value : scalars.back()};
  };
  Indexed out = {empty(op->getLoc(), type), identity(type.getRank())};
  set(op, buildGeneric(b, op->getLoc(), type.getRank(), {}, {out}, body)[0]);
  return isKnown ? success() : refuse(op, "its type is not imported");
}

/// A copy of `source`, read by `from`.
static Value copyBy(OpBuilder &b, Location loc, Value source, AffineMap from,
                    Value init) {
  auto body = [](OpBuilder &, Location, ValueRange scalars) {
    return SmallVector<Value>{scalars[0]};
  };
  unsigned rank = from.getNumDims();
  return buildGeneric(b, loc, rank, {{source, from}},
                      {{init, b.getMultiDimIdentityMap(rank)}}, body)[0];
}

/// Which dimensions of the longer shape make each one of the shorter, if whole
/// dimensions do.
static std::optional<SmallVector<ReassociationIndices>>
findGroups(RankedTensorType from, RankedTensorType to) {
  if (from.getRank() == to.getRank())
    return std::nullopt;
  return getReassociationIndicesForReshape(from, to);
}

Value ssm::reshapeTensor(OpBuilder &b, Location loc, Value source,
                         RankedTensorType to) {
  auto from = cast<RankedTensorType>(source.getType());
  if (from == to)
    return source;
  if (from.getNumElements() == 0)
    return tensor::EmptyOp::create(b, loc, to.getShape(), to.getElementType());
  if (auto dims = findGroups(from, to))
    return from.getRank() > to.getRank()
               ? Value(
                     tensor::CollapseShapeOp::create(b, loc, to, source, *dims))
               : tensor::ExpandShapeOp::create(b, loc, to, source, *dims);
  auto flat =
      RankedTensorType::get(from.getNumElements(), from.getElementType());
  return reshapeTensor(b, loc, reshapeTensor(b, loc, source, flat), to);
}

LogicalResult StableHLOImporter::importBroadcast(Operation *op) {
  Value source = get(op->getOperand(0));
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  ArrayRef<int64_t> dims = getNumbers(op, "broadcast_dimensions");
  auto from = typeOf(source);
  if (int64_t(dims.size()) != from.getRank())
    return refuse(op, "it needs a dimension for each of its operand");
  SmallVector<AffineExpr> exprs;
  bool onlyAddsUnits = from.getNumElements() == type.getNumElements();
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim < 0 || dim >= type.getRank() ||
        (from.getDimSize(i) != 1 && from.getDimSize(i) != type.getDimSize(dim)))
      return refuse(op, "its dimensions do not fit its types");
    onlyAddsUnits &= i == 0 || dims[i - 1] < dim;
    exprs.push_back(from.getDimSize(i) == type.getDimSize(dim)
                        ? b.getAffineDimExpr(dim)
                        : b.getAffineConstantExpr(0));
  }
  if (onlyAddsUnits) {
    set(op, reshapeTensor(b, op->getLoc(), source, type));
    keepIndex(source, op);
    return success();
  }
  // A map may not be constant in a dimension: those of size 1 go before.
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> kept;
  for (auto [i, expr] : llvm::enumerate(exprs))
    if (isa<AffineDimExpr>(expr)) {
      shape.push_back(from.getDimSize(i));
      kept.push_back(expr);
    }
  source = reshapeTensor(b, op->getLoc(), source,
                         RankedTensorType::get(shape, from.getElementType()));
  set(op, copyBy(b, op->getLoc(), source,
                 AffineMap::get(type.getRank(), 0, kept, b.getContext()),
                 empty(op->getLoc(), type)));
  return success();
}

/// The slice alone where it drops dimensions of size 1 of one that was taken.
LogicalResult StableHLOImporter::importReshape(Operation *op) {
  Value source = get(op->getOperand(0));
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (typeOf(source).getNumElements() != type.getNumElements())
    return refuse(op, "its result has another number of elements");
  auto slice = source.getDefiningOp<tensor::ExtractSliceOp>();
  if (slice && isRankReducedType(slice.getType(), type) ==
                   SliceVerificationResult::Success)
    set(op,
        tensor::ExtractSliceOp::create(
            b, op->getLoc(), type, slice.getSource(), slice.getMixedOffsets(),
            slice.getMixedSizes(), slice.getMixedStrides()));
  else
    set(op, reshapeTensor(b, op->getLoc(), source, type));
  keepIndex(source, op);
  return success();
}

/// An op that only has another shape has the same index.
void StableHLOImporter::keepIndex(Value source, Operation *op) {
  if (auto found = indices.find(source); found != indices.end()) {
    Index index = found->second;
    indices[get(op->getResult(0))] = index;
  }
}

LogicalResult StableHLOImporter::importTranspose(Operation *op) {
  Value source = get(op->getOperand(0));
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  ArrayRef<int64_t> order = getNumbers(op, "permutation");
  if (int64_t(order.size()) != type.getRank() || !isPermutationVector(order))
    return refuse(op, "it needs a permutation of its dimensions");
  AffineMap map = AffineMap::getPermutationMap(
      llvm::to_vector_of<unsigned>(order), b.getContext());
  set(op, copyBy(b, op->getLoc(), source, inversePermutation(map),
                 empty(op->getLoc(), type)));
  return success();
}

LogicalResult StableHLOImporter::importSlice(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value source = get(op->getOperand(0));
  ArrayRef<int64_t> starts = getNumbers(op, "start_indices"),
                    strides = getNumbers(op, "strides");
  bool fits = int64_t(starts.size()) == type.getRank() &&
              starts.size() == strides.size() &&
              typeOf(source).getRank() == type.getRank();
  for (unsigned i = 0; fits && i < starts.size(); ++i)
    fits = starts[i] >= 0 && strides[i] >= 1 &&
           starts[i] + (type.getDimSize(i) - 1) * strides[i] <
               typeOf(source).getDimSize(i);
  if (!fits)
    return refuse(op, "it needs a start and a stride for each dimension, "
                      "inside of its operand");
  if (type.getNumElements() == 0) {
    set(op, empty(op->getLoc(), type));
    return success();
  }
  set(op, tensor::ExtractSliceOp::create(
              b, op->getLoc(), type, source,
              getAsIndexOpFoldResult(b.getContext(), starts),
              getAsIndexOpFoldResult(b.getContext(), type.getShape()),
              getAsIndexOpFoldResult(b.getContext(), strides)));
  return success();
}

/// Whether a slice of these sizes, with a start for each, fits in `whole`.
static bool fitsInto(RankedTensorType whole, ArrayRef<int64_t> sizes,
                     size_t numStarts) {
  if (int64_t(sizes.size()) != whole.getRank() || sizes.size() != numStarts)
    return false;
  for (auto [size, all] : llvm::zip_equal(sizes, whole.getShape()))
    if (size < 0 || size > all)
      return false;
  return true;
}

SmallVector<OpFoldResult> StableHLOImporter::placesOf(OperandRange starts,
                                                      ArrayRef<int64_t> whole,
                                                      ArrayRef<int64_t> sizes) {
  SmallVector<OpFoldResult> places;
  for (auto [start, all, size] : llvm::zip_equal(starts, whole, sizes))
    places.push_back(placeOf(get(start), all - size));
  return places;
}

LogicalResult StableHLOImporter::importDynamicSlice(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value source = get(op->getOperand(0));
  auto starts = op->getOperands().drop_front();
  if (!fitsInto(typeOf(source), type.getShape(), starts.size()))
    return refuse(op, "it needs a start for each dimension, and sizes that are "
                      "not above those of its operand");
  if (type.getNumElements() == 0) {
    set(op, empty(op->getLoc(), type));
    return success();
  }
  SmallVector<OpFoldResult> ones(type.getRank(), b.getIndexAttr(1));
  set(op, tensor::ExtractSliceOp::create(
              b, op->getLoc(), type, source,
              placesOf(starts, typeOf(source).getShape(), type.getShape()),
              getAsIndexOpFoldResult(b.getContext(), type.getShape()), ones));
  return success();
}

LogicalResult StableHLOImporter::importDynamicUpdateSlice(Operation *op) {
  Value whole = get(op->getOperand(0)), part = get(op->getOperand(1));
  auto starts = op->getOperands().drop_front(2);
  ArrayRef<int64_t> sizes = typeOf(part).getShape();
  if (!fitsInto(typeOf(whole), sizes, starts.size()))
    return refuse(op, "it needs a start for each dimension, and sizes that are "
                      "not above those of its operand");
  if (typeOf(part).getNumElements() == 0) {
    set(op, whole);
    return success();
  }
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> places =
      placesOf(starts, typeOf(whole).getShape(), sizes);
  // What only got dimensions of size 1 is inserted as it was.
  auto expanded = part.getDefiningOp<tensor::ExpandShapeOp>();
  if (expanded && isRankReducedType(typeOf(part), expanded.getSrcType()) ==
                      SliceVerificationResult::Success)
    part = expanded.getSrc();
  set(op, tensor::InsertSliceOp::create(
              b, op->getLoc(), part, whole, places,
              getAsIndexOpFoldResult(b.getContext(), sizes), ones));
  return success();
}

LogicalResult StableHLOImporter::importConcatenate(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  auto dim = dyn_cast_if_present<IntegerAttr>(getAttribute(op, "dimension"));
  if (!dim || dim.getInt() < 0 || dim.getInt() >= type.getRank())
    return refuse(op, "it needs a dimension of its result");
  Value whole = empty(op->getLoc(), type);
  SmallVector<OpFoldResult> ones(type.getRank(), b.getIndexAttr(1)),
      places(type.getRank(), b.getIndexAttr(0));
  int64_t place = 0;
  for (Value part : get(op->getOperands())) {
    ArrayRef<int64_t> sizes = typeOf(part).getShape();
    if (typeOf(part).getRank() != type.getRank())
      return refuse(op, "its operands must have the rank of its result");
    if (typeOf(part).getNumElements() == 0)
      continue;
    places[dim.getInt()] = b.getIndexAttr(place);
    place += sizes[dim.getInt()];
    whole = tensor::InsertSliceOp::create(
        b, op->getLoc(), part, whole, places,
        getAsIndexOpFoldResult(b.getContext(), sizes), ones);
  }
  if (place != type.getDimSize(dim.getInt()))
    return refuse(op, "its operands must fill its result");
  set(op, whole);
  SmallVector<Value> parts = get(op->getOperands());
  if (type.getRank() == 1 && int64_t(parts.size()) == type.getNumElements())
    indexVectors[whole] = parts;
  return success();
}

Value ssm::fillTensor(OpBuilder &b, Location loc, Value scalar,
                      RankedTensorType type) {
  Value init =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  return copyBy(b, loc, scalar,
                AffineMap::get(type.getRank(), 0, b.getContext()), init);
}

Value ssm::padTensor(OpBuilder &b, Location loc, Value source, Value scalar,
                     const Padding &padding) {
  RankedTensorType from = typeOf(source);
  // Edges may be negative: then these elements of the operand are left out.
  SmallVector<OpFoldResult> starts, places, sizes, steps, ones;
  SmallVector<int64_t> shape;
  bool isEmpty = false;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    int64_t step = padding.between[i] + 1, size = from.getDimSize(i),
            low = padding.low[i];
    shape.push_back(padding.sizeOf(i, size));
    auto ceil = [&](int64_t x) { return x <= 0 ? 0 : (x + step - 1) / step; };
    int64_t first = std::min(size, ceil(-low));
    int64_t end = std::min(size, ceil(shape[i] - low));
    isEmpty |= end <= first;
    starts.push_back(b.getIndexAttr(first));
    sizes.push_back(b.getIndexAttr(end - first));
    places.push_back(b.getIndexAttr(low + first * step));
    steps.push_back(b.getIndexAttr(step));
    ones.push_back(b.getIndexAttr(1));
  }
  Value whole = fillTensor(b, loc, scalar, from.clone(ArrayRef(shape)));
  if (isEmpty)
    return whole;
  Value part =
      tensor::ExtractSliceOp::create(b, loc, source, starts, sizes, ones);
  return tensor::InsertSliceOp::create(b, loc, part, whole, places, sizes,
                                       steps);
}

LogicalResult StableHLOImporter::importPad(Operation *op) {
  auto type = typeOf(op->getResult(0));
  Value source = get(op->getOperand(0));
  Padding padding;
  padding.low = llvm::to_vector(getNumbers(op, "edge_padding_low"));
  padding.high = llvm::to_vector(getNumbers(op, "edge_padding_high"));
  padding.between = llvm::to_vector(getNumbers(op, "interior_padding"));
  unsigned rank = type.getRank();
  if (padding.low.size() != rank || padding.high.size() != rank ||
      padding.between.size() != rank || typeOf(source).getRank() != rank)
    return refuse(op, "it needs paddings for each dimension");
  for (unsigned i = 0; i < rank; ++i) {
    if (padding.between[i] < 0)
      return refuse(op, "the padding between elements must not be negative");
    if (type.getDimSize(i) != padding.sizeOf(i, typeOf(source).getDimSize(i)))
      return refuse(op, "its paddings do not fit its types");
  }
  set(op, padTensor(b, op->getLoc(), source, get(op->getOperand(1)), padding));
  return success();
}

Value ssm::reverseTensor(OpBuilder &b, Location loc, Value source,
                         ArrayRef<int64_t> dims) {
  RankedTensorType type = typeOf(source);
  if (dims.empty())
    return source;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange) {
    SmallVector<Value> at;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      at.push_back(linalg::IndexOp::create(inner, loc, i));
      if (!llvm::is_contained(dims, i))
        continue;
      Value last =
          arith::ConstantIndexOp::create(inner, loc, type.getDimSize(i) - 1);
      at[i] = arith::SubIOp::create(inner, loc, last, at[i]);
    }
    return SmallVector<Value>{
        tensor::ExtractOp::create(inner, loc, source, at)};
  };
  Value init =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  AffineMap all = b.getMultiDimIdentityMap(type.getRank());
  return buildGeneric(b, loc, type.getRank(), {}, {{init, all}}, body)[0];
}

LogicalResult StableHLOImporter::importReverse(Operation *op) {
  set(op, reverseTensor(b, op->getLoc(), get(op->getOperand(0)),
                        getNumbers(op, "dimensions")));
  return success();
}

/// Along the last dimension.
LogicalResult StableHLOImporter::importFFT(Operation *op) {
  Value source = get(op->getOperand(0));
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  StringRef kind = getKeyword(op, "fft_type", "fft_type");
  ArrayRef<int64_t> points = getNumbers(op, "fft_length");
  bool inverse = kind.consume_front("I");
  if (points.size() != 1 || type.getRank() == 0 ||
      !(kind == "FFT" || kind == "RFFT"))
    return refuse(op, "only a transform along one dimension has an import");
  bool fromReal = !isa<ComplexType>(typeOf(source).getElementType()),
       toReal = !isa<ComplexType>(type.getElementType());
  int64_t longer = (toReal ? type : typeOf(source)).getShape().back();
  if (fromReal != (kind == "RFFT" && !inverse) ||
      toReal != (kind == "RFFT" && inverse) || longer != points[0])
    return refuse(op, "its length and its types do not fit");
  set(op, FFTOp::create(b, op->getLoc(), type, source, type.getRank() - 1,
                        inverse));
  return success();
}
