//===- Tile.cpp - A tile of an op's iteration space -----------------------===//
#include "Tile.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace ssm;

int64_t ssm::bytesOf(Type element) {
  return getElementWidth(element) / 8 * (1 + isa<ComplexType>(element));
}

std::optional<int64_t> ssm::bytesOf(RankedTensorType type) {
  if (!type.hasStaticShape())
    return std::nullopt;
  return type.getNumElements() * bytesOf(type.getElementType());
}

Tile Tile::at(unsigned dim, OpFoldResult index) const {
  Tile tile = *this;
  Builder b(index.getContext());
  tile.ranges[dim] = {index, b.getIndexAttr(1), b.getIndexAttr(1)};
  return tile;
}

Tile Tile::atOrigin() const {
  Tile tile = *this;
  for (LoopRange &range : tile.ranges)
    range.offset = Builder(range.size.getContext()).getIndexAttr(0);
  return tile;
}

Tile Tile::withAllDims() const {
  Tile tile = *this;
  tile.kept = llvm::to_vector(llvm::seq<unsigned>(ranges.size()));
  return tile;
}

Tile Tile::narrow(OpBuilder &b, Location loc, unsigned dim,
                  const LoopRange &range) const {
  Tile tile = *this;
  AffineExpr sum = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  tile.ranges[dim] = range;
  tile.ranges[dim].offset =
      affine(b, loc, sum, {ranges[dim].offset, range.offset});
  return tile;
}

AffineMap Tile::sliceMap(AffineMap map) const {
  SmallVector<AffineExpr> results;
  for (unsigned dim : dimsOf(map)) {
    const auto *it = llvm::find(kept, dim);
    if (it != kept.end())
      results.push_back(getAffineDimExpr(it - kept.begin(), map.getContext()));
  }
  return AffineMap::get(kept.size(), 0, results, map.getContext());
}

SmallVector<OpFoldResult> Tile::keptSizes() const {
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : kept)
    sizes.push_back(ranges[dim].size);
  return sizes;
}

namespace {
/// Offsets, sizes and strides of a slice, and its rank-reduced shape.
struct Slice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  SmallVector<int64_t> shape;
};
} // namespace

static Slice makeSlice(AffineMap map, const Tile &tile) {
  Slice slice;
  Builder b(map.getContext());
  for (unsigned dim : dimsOf(map)) {
    const LoopRange &range = tile.ranges[dim];
    slice.offsets.push_back(range.offset);
    slice.sizes.push_back(range.size);
    // The stride of a single element says nothing, and MLIR 22 cannot tell
    // which of two unit dimensions a slice drops if it is not 1.
    slice.strides.push_back(getConstantIntValue(range.size) == 1
                                ? OpFoldResult(b.getIndexAttr(1))
                                : range.stride);
    if (tile.keeps(dim))
      slice.shape.push_back(
          getConstantIntValue(range.size).value_or(ShapedType::kDynamic));
  }
  return slice;
}

/// The type of a slice whose unit dimensions are dropped, or null if that is no
/// other than `type`, or one that folding does not mistake.
///
/// When offsets fold to constants, MLIR 22 rebuilds a rank-reduced slice with
/// its first unit dimensions dropped, which need not be those that were: it
/// makes 3x1 of the 1x3 in 1x3x1.
static RankedTensorType getUnambiguousType(RankedTensorType type,
                                           RankedTensorType source,
                                           const Slice &slice) {
  SmallVector<int64_t> staticSizes;
  for (OpFoldResult size : slice.sizes)
    staticSizes.push_back(
        getConstantIntValue(size).value_or(ShapedType::kDynamic));
  auto refolded = tensor::ExtractSliceOp::inferCanonicalRankReducedResultType(
      type.getRank(), source, staticSizes);
  if (refolded.getShape() == type.getShape())
    return {};
  SmallVector<int64_t> shape = llvm::filter_to_vector(
      type.getShape(), [](int64_t size) { return size != 1; });
  return RankedTensorType::get(shape, type.getElementType());
}

Value ssm::extractTile(OpBuilder &b, Location loc, Value value, AffineMap map,
                       const Tile &tile) {
  Slice slice = makeSlice(map, tile);
  auto source = cast<RankedTensorType>(value.getType());
  auto type = RankedTensorType::get(slice.shape, source.getElementType());
  auto extract = [&](RankedTensorType sliceType) -> Value {
    return tensor::ExtractSliceOp::create(
        b, loc, sliceType, value, slice.offsets, slice.sizes, slice.strides);
  };
  auto reduced = getUnambiguousType(type, source, slice);
  if (!reduced)
    return extract(type);
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(map))
    if (tile.keeps(dim))
      sizes.push_back(tile.ranges[dim].size);
  return tensor::ExpandShapeOp::create(
      b, loc, type, extract(reduced),
      *getReassociationIndicesForReshape(reduced, type), sizes);
}

Value ssm::insertTile(OpBuilder &b, Location loc, Value slice, Value dest,
                      AffineMap map, const Tile &tile) {
  Slice place = makeSlice(map, tile);
  auto type = cast<RankedTensorType>(slice.getType());
  if (auto reduced = getUnambiguousType(
          type, cast<RankedTensorType>(dest.getType()), place))
    slice = tensor::CollapseShapeOp::create(
        b, loc, reduced, slice,
        *getReassociationIndicesForReshape(type, reduced));
  return tensor::InsertSliceOp::create(b, loc, slice, dest, place.offsets,
                                       place.sizes, place.strides);
}

RankedTensorType ssm::spreadRows(RankedTensorType type) {
  constexpr int64_t kPartBytes = 1024, kLineBytes = 64;
  if (type.getRank() < 2 || !type.hasStaticShape())
    return type;
  int64_t bytes = getElementWidth(type.getElementType()) / 8;
  SmallVector<int64_t> shape(type.getShape());
  if (shape.back() == 0 || shape.back() * bytes % kPartBytes != 0)
    return type;
  shape.back() += kLineBytes / bytes;
  return type.clone(shape);
}

/// The tensor's place in one whose rows are spread.
static Slice wholeSlice(RankedTensorType type) {
  Builder b(type.getContext());
  Slice slice;
  slice.offsets.assign(type.getRank(), b.getIndexAttr(0));
  slice.sizes = getAsIndexOpFoldResult(type.getContext(), type.getShape());
  slice.strides.assign(type.getRank(), b.getIndexAttr(1));
  return slice;
}

Value ssm::takeRows(OpBuilder &b, Location loc, Value rows,
                    RankedTensorType type) {
  Slice slice = wholeSlice(type);
  return tensor::ExtractSliceOp::create(b, loc, rows, slice.offsets,
                                        slice.sizes, slice.strides);
}

Value ssm::putRows(OpBuilder &b, Location loc, Value value, Value rows) {
  Slice slice = wholeSlice(cast<RankedTensorType>(value.getType()));
  return tensor::InsertSliceOp::create(b, loc, value, rows, slice.offsets,
                                       slice.sizes, slice.strides);
}
