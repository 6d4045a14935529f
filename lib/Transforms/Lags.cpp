//===- Lags.cpp - Kernels along their lags --------------------------------===//
#include "Lags.h"

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

Value ssm::resize(OpBuilder &b, Location loc, Value tensor, unsigned dim,
                  OpFoldResult size) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  if (isEqualConstantIntOrValue(sizes[dim], size))
    return tensor;
  SmallVector<OpFoldResult> zeros(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> whole = sizes;
  whole[dim] = size;
  AffineMap both =
      AffineMap::get(0, 2, {b.getAffineSymbolExpr(0), b.getAffineSymbolExpr(1)},
                     b.getContext());
  sizes[dim] =
      affine::makeComposedFoldedAffineMin(b, loc, both, {sizes[dim], size});
  Value part =
      tensor::ExtractSliceOp::create(b, loc, tensor, zeros, sizes, ones);
  Value out =
      buildFilled(b, loc, whole, getElementTypeOrSelf(tensor.getType()), 0.0);
  return tensor::InsertSliceOp::create(b, loc, part, out, zeros, sizes, ones);
}

Value ssm::reverse(OpBuilder &b, Location loc, Value tensor, unsigned dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  Value last =
      asValue(b, loc, affine(b, loc, b.getAffineSymbolExpr(0) - 1, sizes[dim]));
  return buildGeneric(
      b, loc, type.getRank(), {}, {{out, identity}},
      [&](OpBuilder &nested, Location at, ValueRange) {
        SmallVector<Value> indices;
        for (int64_t i = 0; i < type.getRank(); ++i)
          indices.push_back(linalg::IndexOp::create(nested, at, i));
        indices[dim] = arith::SubIOp::create(nested, at, last, indices[dim]);
        return SmallVector<Value>{
            tensor::ExtractOp::create(nested, at, tensor, indices)};
      })[0];
}

Value ssm::dropFront(OpBuilder &b, Location loc, Value tensor, unsigned dim,
                     OpFoldResult begin) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  offsets[dim] = begin;
  sizes[dim] =
      affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
             {sizes[dim], begin});
  return tensor::ExtractSliceOp::create(b, loc, tensor, offsets, sizes, ones);
}

Value ssm::joinSides(OpBuilder &b, Location loc, Value future, Value past,
                     unsigned dim) {
  SmallVector<OpFoldResult> first = tensor::getMixedSizes(b, loc, future),
                            second = tensor::getMixedSizes(b, loc, past);
  SmallVector<OpFoldResult> offsets(first.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(first.size(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> all = first;
  all[dim] = affine(b, loc, b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1),
                    {first[dim], second[dim]});
  Value out = tensor::EmptyOp::create(b, loc, all,
                                      getElementTypeOrSelf(past.getType()));
  out =
      tensor::InsertSliceOp::create(b, loc, future, out, offsets, first, ones);
  offsets[dim] = first[dim];
  return tensor::InsertSliceOp::create(b, loc, past, out, offsets, second,
                                       ones);
}
