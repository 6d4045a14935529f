//===- WorkTile.cpp - Rows of numbers, by their parts ---------------------===//
#include "WorkTile.h"

using namespace mlir;
using namespace ssm;

Value ssm::makeWorkTile(OpBuilder &b, Location loc, Type real,
                        OpFoldResult rows, int64_t parts, int64_t lanes) {
  SmallVector<OpFoldResult> shape = {rows, b.getIndexAttr(parts),
                                     b.getIndexAttr(lanes)};
  return tensor::EmptyOp::create(b, loc, shape, real);
}

int64_t ssm::countParts(Value work) {
  return cast<RankedTensorType>(work.getType()).getDimSize(1);
}

int64_t ssm::countLanes(Value work) {
  return cast<RankedTensorType>(work.getType()).getDimSize(2);
}

namespace {
/// Where a part of a row lies.
struct Place {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  Place(OpBuilder &b, OpFoldResult row, int64_t part, OpFoldResult width)
      : offsets({row, b.getIndexAttr(part), b.getIndexAttr(0)}),
        sizes({b.getIndexAttr(1), b.getIndexAttr(1), width}),
        strides(3, b.getIndexAttr(1)) {}
};
} // namespace

Value ssm::readPart(OpBuilder &b, Location loc, Value work, OpFoldResult row,
                    int64_t part, OpFoldResult width, unsigned rank) {
  SmallVector<int64_t> shape;
  if (rank > 0)
    shape.push_back(getConstantIntValue(width).value_or(ShapedType::kDynamic));
  auto type = RankedTensorType::get(
      shape, cast<RankedTensorType>(work.getType()).getElementType());
  Place place(b, row, part, width);
  return tensor::ExtractSliceOp::create(b, loc, type, work, place.offsets,
                                        place.sizes, place.strides);
}

Value ssm::writePart(OpBuilder &b, Location loc, Value work, OpFoldResult row,
                     int64_t part, OpFoldResult width, Value value) {
  Place place(b, row, part, width);
  return tensor::InsertSliceOp::create(b, loc, value, work, place.offsets,
                                       place.sizes, place.strides);
}

SmallVector<Value> ssm::readParts(OpBuilder &b, Location loc, Value work,
                                  OpFoldResult row, OpFoldResult width,
                                  unsigned rank) {
  SmallVector<Value> values;
  for (int64_t part = 0, end = countParts(work); part < end; ++part)
    values.push_back(readPart(b, loc, work, row, part, width, rank));
  return values;
}

Value ssm::writeParts(OpBuilder &b, Location loc, Value work, OpFoldResult row,
                      OpFoldResult width, ValueRange values) {
  for (auto [part, value] : llvm::enumerate(values))
    work = writePart(b, loc, work, row, part, width, value);
  return work;
}
