//===- TensorPlace.cpp - Where a tensor of a stage is ---------------------===//
#include "TensorPlace.h"

using namespace mlir;

namespace ssm {

SizeProduct SizeProduct::times(int64_t launchSize) const {
  SizeProduct product = *this;
  if (launchSize >= 0) {
    product.number *= launchSize;
    return product;
  }
  product.symbols.insert(llvm::upper_bound(product.symbols, launchSize),
                         launchSize);
  return product;
}

/// Of a tensor of these sizes that is all that is in its memory.
static SmallVector<SizeProduct> countStrides(ArrayRef<int64_t> sizes) {
  SmallVector<SizeProduct> strides(sizes.size());
  for (unsigned i = sizes.size(); i-- > 1;)
    strides[i - 1] = strides[i].times(sizes[i]);
  return strides;
}

static SmallVector<SizeProduct> stridesOf(const TensorPlace &place,
                                          ArrayRef<int64_t> sizes) {
  return place.strides.empty() ? countStrides(sizes) : place.strides;
}

/// Strides that a whole tensor has are left away.
static void setStrides(TensorPlace &place, SmallVector<SizeProduct> strides,
                       ArrayRef<int64_t> sizes) {
  bool isWhole = true;
  SmallVector<SizeProduct> plain = countStrides(sizes);
  for (auto [own, whole, size] : llvm::zip_equal(strides, plain, sizes))
    isWhole &= own == whole || size == 1;
  place.strides = isWhole ? SmallVector<SizeProduct>() : std::move(strides);
}

bool isView(Operation *op) {
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op))
    return llvm::none_of(slice.getStaticOffsets(), ShapedType::isDynamic) &&
           llvm::all_of(slice.getStaticStrides(),
                        [](int64_t step) { return step > 0; });
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

TensorPlace placeSlice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> steps,
                       const llvm::SmallBitVector &dropped,
                       const TensorPlace &place, ArrayRef<int64_t> sizes) {
  TensorPlace part = place;
  part.strides.clear();
  for (auto [dim, stride] : llvm::enumerate(stridesOf(place, sizes))) {
    if (offsets[dim])
      part.start.push_back(stride.times(offsets[dim]));
    if (!dropped.test(dim))
      part.strides.push_back(stride.times(steps[dim]));
  }
  return part;
}

/// Strides of dimensions that are parts of one each.
static SmallVector<SizeProduct>
expandStrides(ArrayRef<SizeProduct> strides,
              ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> sizes) {
  SmallVector<SizeProduct> expanded(sizes.size());
  for (auto [stride, group] : llvm::zip_equal(strides, groups)) {
    SizeProduct next = stride;
    for (int64_t dim : llvm::reverse(group)) {
      expanded[dim] = next;
      next = next.times(sizes[dim]);
    }
  }
  return expanded;
}

/// Strides of dimensions that are joined: of the last one of each group.
static std::optional<SmallVector<SizeProduct>>
collapseStrides(ArrayRef<SizeProduct> strides,
                ArrayRef<ReassociationIndices> groups,
                ArrayRef<int64_t> sizes) {
  SmallVector<SizeProduct> collapsed;
  for (const ReassociationIndices &group : groups) {
    collapsed.push_back(strides[group.back()]);
    SizeProduct next = strides[group.back()];
    for (int64_t dim : llvm::reverse(group)) {
      if (sizes[dim] != 1 && !(strides[dim] == next))
        return std::nullopt;
      next = next.times(sizes[dim]);
    }
  }
  return collapsed;
}

std::optional<TensorPlace> placeView(Operation *view, const TensorPlace &place,
                                     ArrayRef<int64_t> sizes,
                                     ArrayRef<int64_t> resultSizes) {
  TensorPlace part = place;
  SmallVector<SizeProduct> strides = stridesOf(place, sizes);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(view)) {
    part = placeSlice(slice.getStaticOffsets(), slice.getStaticStrides(),
                      slice.getDroppedDims(), place, sizes);
    strides = part.strides;
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(view)) {
    strides =
        expandStrides(strides, expand.getReassociationIndices(), resultSizes);
  } else {
    auto collapse = cast<tensor::CollapseShapeOp>(view);
    auto joined =
        collapseStrides(strides, collapse.getReassociationIndices(), sizes);
    if (!joined)
      return std::nullopt;
    strides = *joined;
  }
  setStrides(part, std::move(strides), resultSizes);
  return part;
}

} // namespace ssm
