//===- TileLoop.cpp - Loops over tiles ------------------------------------===//
#include "TileLoop.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ssm;

SmallVector<TileAxis> ssm::splitLanes(OpBuilder &b, Location loc, unsigned dim,
                                      OpFoldResult size, int64_t lanes) {
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  std::optional<int64_t> known = getConstantIntValue(size);
  if (known && *known <= lanes) {
    if (*known == 0)
      return {};
    return {{dim, zero, one, size, true}};
  }
  SmallVector<TileAxis> axes;
  OpFoldResult full = affine(b, loc, s0.floorDiv(lanes), size);
  axes.push_back({dim, zero, full, b.getIndexAttr(lanes), true});
  OpFoldResult rest = affine(b, loc, s0 % lanes, size);
  if (getConstantIntValue(rest) == 0)
    return axes;
  OpFoldResult begin = affine(b, loc, s0 - s0 % lanes, size);
  OpFoldResult count = affine(b, loc, (s0 % lanes).ceilDiv(lanes), size);
  axes.push_back({dim, begin, count, rest, true});
  return axes;
}

TileAxis ssm::unitAxis(OpBuilder &b, unsigned dim, OpFoldResult size) {
  return {dim, b.getIndexAttr(0), size, b.getIndexAttr(1), false};
}

Tile ssm::wholeTile(OpBuilder &b, ArrayRef<OpFoldResult> sizes) {
  Tile tile;
  for (OpFoldResult size : sizes)
    tile.ranges.push_back({b.getIndexAttr(0), size, b.getIndexAttr(1)});
  return tile;
}

SmallVector<Value>
ssm::buildFor(OpBuilder &b, Location loc, Value lower, Value upper,
              ValueRange carried,
              function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value step = asValue(b, loc, b.getIndexAttr(1));
  auto loop = scf::ForOp::create(b, loc, lower, upper, step, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, loc, next);
  return loop.getResults();
}

Value ssm::buildFor(OpBuilder &b, Location loc, Value lower, Value upper,
                    Value carried, function_ref<Value(Value, Value)> body) {
  return buildFor(b, loc, lower, upper, ValueRange(carried),
                  [&](Value i, ValueRange args) {
                    return SmallVector<Value>{body(i, args[0])};
                  })[0];
}

SmallVector<Value> ssm::buildIf(OpBuilder &b, Location loc, TypeRange types,
                                Value condition,
                                function_ref<SmallVector<Value>()> thenBranch,
                                function_ref<SmallVector<Value>()> elseBranch) {
  // The branches are built inside the op: affine arithmetic looks at its
  // parents.
  auto op = scf::IfOp::create(b, loc, types, condition,
                              /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(b, loc, thenBranch());
  b.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(b, loc, elseBranch());
  return op.getResults();
}

void ssm::markIndependent(ValueRange results) {
  if (!results.empty())
    if (auto loop = results[0].getDefiningOp<scf::ForOp>())
      loop->setAttr(kIndependentAttrName, UnitAttr::get(loop.getContext()));
}

void ssm::keepInCaches(ValueRange results, RankedTensorType type,
                       int64_t mostBytes) {
  auto loop = results.front().getDefiningOp<scf::ForallOp>();
  std::optional<int64_t> bytes = bytesOf(type);
  if (loop && bytes && *bytes <= mostBytes)
    loop->setAttr(kCachedAttrName, UnitAttr::get(loop.getContext()));
}

Tile ssm::tileAt(OpBuilder &b, Location loc, ArrayRef<TileAxis> axes,
                 const Tile &whole, ArrayRef<OpFoldResult> indices) {
  AffineExpr i = b.getAffineSymbolExpr(0), begin = b.getAffineSymbolExpr(1),
             outer = b.getAffineSymbolExpr(2);
  Tile tile = whole;
  for (auto [axis, index] : llvm::zip_equal(axes, indices)) {
    // A tile of unknown size is the only one of its axis.
    int64_t size = getConstantIntValue(axis.size).value_or(0);
    OpFoldResult offset =
        affine(b, loc, outer + begin + i * size,
               {index, axis.begin, tile.ranges[axis.dim].offset});
    tile.ranges[axis.dim] = {offset, axis.size, b.getIndexAttr(1)};
    if (axis.kept)
      tile.kept.push_back(axis.dim);
  }
  return tile;
}

SmallVector<Value> ssm::forEachTile(
    OpBuilder &b, Location loc, ArrayRef<TileAxis> axes, const Tile &whole,
    ValueRange outs,
    function_ref<SmallVector<TileResult>(OpBuilder &, const Tile &, ValueRange)>
        body) {
  SmallVector<OpFoldResult> lower, upper, step;
  for (const TileAxis &axis : axes) {
    lower.push_back(b.getIndexAttr(0));
    upper.push_back(axis.count);
    step.push_back(b.getIndexAttr(1));
  }
  auto emitTile = [&](OpBuilder &nested, Location bodyLoc, ValueRange ivs,
                      ValueRange shared) {
    Tile tile = tileAt(nested, bodyLoc, axes, whole, getAsOpFoldResult(ivs));
    return body(nested, tile, shared);
  };
  if (llvm::all_of(upper, isOneInteger)) {
    // One tile: no loop, and its results are the whole results' slices.
    SmallVector<Value> ivs, values;
    if (!axes.empty())
      ivs.assign(axes.size(), asValue(b, loc, b.getIndexAttr(0)));
    for (auto [out, result] :
         llvm::zip_equal(outs, emitTile(b, loc, ivs, outs)))
      values.push_back(
          insertTile(b, loc, result.value, out, result.map, result.tile));
    return values;
  }
  // The body is built inside the op: affine arithmetic looks at its parents.
  auto forall = scf::ForallOp::create(b, loc, lower, upper, step, outs,
                                      /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forall.getTerminator());
  ValueRange shared = forall.getRegionIterArgs();
  SmallVector<TileResult> results =
      emitTile(b, loc, forall.getInductionVars(), shared);
  b.setInsertionPointToStart(forall.getTerminator().getBody());
  for (auto [out, result] : llvm::zip_equal(shared, results)) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    for (unsigned dim : dimsOf(result.map)) {
      offsets.push_back(result.tile.ranges[dim].offset);
      sizes.push_back(result.tile.ranges[dim].size);
      strides.push_back(result.tile.ranges[dim].stride);
    }
    tensor::ParallelInsertSliceOp::create(b, loc, result.value, out, offsets,
                                          sizes, strides);
  }
  return forall.getResults();
}
