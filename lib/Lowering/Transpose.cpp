//===- Transpose.cpp - Tiles between layouts ------------------------------===//
#include "Transpose.h"

#include "TileLoop.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ssm;

Value ssm::transposeTile(OpBuilder &b, Location loc, Indexed from, Indexed to,
                         const Tile &tile, unsigned row, unsigned column) {
  SmallVector<TileAxis> units;
  for (unsigned dim : dimsOf(from.map))
    if (dim != row && dim != column &&
        getConstantIntValue(tile.ranges[dim].size) != 1)
      units.push_back(unitAxis(b, dim, tile.ranges[dim].size));
  Value out = to.value;
  for (TileAxis rows : splitLanes(b, loc, row, tile.ranges[row].size, kSquare))
    for (TileAxis columns :
         splitLanes(b, loc, column, tile.ranges[column].size, kSquare)) {
      SmallVector<TileAxis> axes = units;
      axes.append({rows, columns});
      out = forEachTile(
          b, loc, axes, tile, out,
          [&](OpBuilder &nested, const Tile &at, ValueRange shared) {
            Tile square = at;
            square.kept = {row, column};
            Value source =
                extractTile(nested, loc, from.value, from.map, square);
            Value target = extractTile(nested, loc, shared[0], to.map, square);
            Value copy = buildGeneric(
                nested, loc, 2, {{source, square.sliceMap(from.map)}},
                {{target, square.sliceMap(to.map)}},
                [](OpBuilder &, Location, ValueRange args) {
                  return SmallVector<Value>{args[0]};
                })[0];
            return SmallVector<TileResult>{{copy, to.map, square}};
          })[0];
      if (auto squares = out.getDefiningOp<scf::ForallOp>())
        squares->setAttr(kOneThreadAttrName, b.getUnitAttr());
    }
  return out;
}

bool ssm::isTimeContiguous(AffineMap map, unsigned time, unsigned lane) {
  return uses(map, lane) && positionOf(map, time) == map.getNumResults() - 1;
}

AffineMap ssm::lanesLast(AffineMap map, unsigned lane) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(map))
    if (dim != lane)
      exprs.push_back(getAffineDimExpr(dim, map.getContext()));
  exprs.push_back(getAffineDimExpr(lane, map.getContext()));
  return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
}

Indexed ssm::packBlock(OpBuilder &b, Location loc, Indexed operand,
                       const Tile &block, unsigned time, unsigned lane) {
  Tile whole = block.withAllDims();
  Value slice = extractTile(b, loc, operand.value, operand.map, whole);
  if (!isTimeContiguous(operand.map, time, lane))
    return {slice, operand.map};
  AffineMap packed = lanesLast(operand.map, lane);
  Tile local = whole.atOrigin();
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(packed))
    sizes.push_back(local.ranges[dim].size);
  Value empty = tensor::EmptyOp::create(
      b, loc, sizes, cast<RankedTensorType>(slice.getType()).getElementType());
  return {transposeTile(b, loc, {slice, operand.map}, {empty, packed}, local,
                        lane, time),
          packed};
}
