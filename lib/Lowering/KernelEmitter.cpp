//===- KernelEmitter.cpp - Kernels as products of two tables --------------===//
#include "KernelEmitter.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"

#include "Labelled.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

KernelEmitter::KernelEmitter(OpBuilder &b, MaterializeKernelOp op)
    : b(b), op(op), loc(op.getLoc()),
      real(getRealType(op.getType().getElementType())), lag(op.getTime()),
      resultMap(op.getIndexingMapsArray().back()) {
  if (real.getIntOrFloatBitWidth() < 32)
    real = b.getF32Type();
  sumType = real;
  complexPowers = llvm::any_of(op.getIndexedOperands(), hasComplexElements);
  complexSum = complexPowers && op.getProjection() == Projection::None;
  sizes = getLoopSizes(b, op);
  if (op.getLength())
    sizes[lag] = op.getLength();
  for (unsigned dim : dimsOf(resultMap))
    if (dim != lag)
      parallel.push_back(dim);
  auto maps = op.getIndexingMapsArray();
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    if (!uses(resultMap, dim) && dim != op.getColumn() &&
        llvm::any_of(ArrayRef(maps).take_front(3),
                     [&](AffineMap map) { return uses(map, dim); }))
      state.push_back(dim);
}

SmallVector<Value> KernelEmitter::emptyParts(ArrayRef<OpFoldResult> shape,
                                             unsigned count, Type type) {
  Values parts;
  for (unsigned i = 0; i < count; ++i)
    parts.push_back(tensor::EmptyOp::create(b, loc, shape, type));
  return parts;
}

SmallVector<Indexed> KernelEmitter::over(ValueRange values, AffineMap map) {
  SmallVector<Indexed> indexed;
  for (Value value : values)
    indexed.push_back({value, map});
  return indexed;
}

Value KernelEmitter::emit() {
  Value out = tensor::EmptyOp::create(b, loc, applyMap(resultMap, sizes),
                                      op.getType().getElementType());
  SmallVector<TileAxis> units;
  SmallVector<SmallVector<TileAxis>> tilings;
  if (parallel.empty()) {
    tilings.emplace_back();
  } else {
    for (unsigned dim : ArrayRef(parallel).drop_back())
      units.push_back(unitAxis(b, dim, sizes[dim]));
    for (TileAxis lanes : splitLanes(b, loc, parallel.back(),
                                     sizes[parallel.back()], kKernelLanes)) {
      tilings.push_back(units);
      tilings.back().push_back(lanes);
    }
  }
  Tile whole = wholeTile(b, sizes);
  whole.kept = state;
  for (ArrayRef<TileAxis> axes : tilings)
    out = forEachTile(b, loc, axes, whole, out,
                      [&](OpBuilder &, const Tile &tile, ValueRange shared) {
                        Tile all = tile;
                        all.kept =
                            llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
                        Value part =
                            extractTile(b, loc, shared[0], resultMap, all);
                        return SmallVector<TileResult>{
                            {emitTile(tile, part), resultMap, all}};
                      })[0];
  return out;
}

SmallVector<Value>
KernelEmitter::makeRows(const Tile &tile, Values &current,
                        function_ref<Values(ValueRange)> row,
                        function_ref<Values(ValueRange)> next) {
  unsigned rank = tile.kept.size();
  size_t numCurrent = current.size();
  SmallVector<OpFoldResult> tableSizes = {b.getIndexAttr(kKernelBlock)};
  llvm::append_range(tableSizes, tile.keptSizes());
  Values carried = current;
  llvm::append_range(carried,
                     emptyParts(tableSizes, 1 + complexPowers, sumType));
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value block = asValue(b, loc, b.getIndexAttr(kKernelBlock));
  carried =
      buildFor(b, loc, zero, block, carried, [&](Value r, ValueRange args) {
        ValueRange now = args.take_front(numCurrent);
        Values rows = row(now), after = next(now);
        SmallVector<OpFoldResult> offsets = {r}, slice = {b.getIndexAttr(1)};
        offsets.append(rank, b.getIndexAttr(0));
        llvm::append_range(slice, tile.keptSizes());
        SmallVector<OpFoldResult> strides(rank + 1, b.getIndexAttr(1));
        for (auto [part, table] :
             llvm::zip_equal(rows, args.drop_front(numCurrent)))
          after.push_back(tensor::InsertSliceOp::create(
              b, loc, part, table, offsets, slice, strides));
        return after;
      });
  current.assign(carried.begin(), carried.begin() + numCurrent);
  return Values(ArrayRef(carried).drop_front(numCurrent));
}

Value KernelEmitter::emitBlock(const Tile &tile, ValueRange high,
                               ValueRange low, OpFoldResult begin,
                               OpFoldResult size, Value out) {
  // 1. Sums over the state, as [lags, lanes].
  unsigned rank = tile.kept.size(), numState = state.size();
  SmallVector<AffineExpr> table = {b.getAffineDimExpr(0)}, row, sums = table;
  for (unsigned dim = 1; dim <= rank; ++dim) {
    row.push_back(b.getAffineDimExpr(dim));
    if (dim > numState)
      sums.push_back(b.getAffineDimExpr(dim));
  }
  llvm::append_range(table, row);
  MLIRContext *context = b.getContext();
  AffineMap tableMap = AffineMap::get(rank + 1, 0, table, context);
  AffineMap rowMap = AffineMap::get(rank + 1, 0, row, context);
  AffineMap sumMap = AffineMap::get(rank + 1, 0, sums, context);
  SmallVector<OpFoldResult> sumSizes = {size}, tableSizes = {size};
  llvm::append_range(tableSizes, tile.keptSizes());
  llvm::append_range(sumSizes, ArrayRef(tableSizes).drop_front(1 + numState));
  SmallVector<Indexed> ins = over(high, rowMap);
  SmallVector<OpFoldResult> zeros(rank + 1, b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(rank + 1, b.getIndexAttr(1));
  for (Value part : low)
    ins.push_back(
        {tensor::ExtractSliceOp::create(b, loc, part, zeros, tableSizes, ones),
         tableMap});
  Values init;
  for (unsigned i = 0; i < 1u + complexSum; ++i)
    init.push_back(buildFilled(b, loc, sumSizes, sumType, 0.0));
  Values z = buildGeneric(
      b, loc, rank + 1, ins, over(init, sumMap),
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, sumType);
        unsigned parts = high.size();
        auto numOf = [&](unsigned first) -> Num {
          return {args[first], parts > 1 ? args[first + 1] : Value()};
        };
        Num g = numOf(0), p = numOf(parts);
        Num acc = {args[2 * parts], complexSum ? args[2 * parts + 1] : Value()};
        if (complexSum) {
          Num sum = num.mulAdd(g, p, acc);
          return Values{sum.re, sum.im};
        }
        return Values{num.add(num.realOfProduct(g, p), acc).re};
      });

  // 2. Into the result's order and type.
  Tile block = tile;
  for (LoopRange &range : block.ranges)
    range.offset = b.getIndexAttr(0);
  block.ranges[lag] = {begin, size, b.getIndexAttr(1)};
  block.kept = {lag};
  block.kept.append(tile.kept.begin() + numState, tile.kept.end());
  unsigned numKept = block.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(numKept);
  Type element = op.getType().getElementType();
  Value slice = extractTile(b, loc, out, resultMap, block);
  Value stored = buildGeneric(
      b, loc, numKept, over(z, identity), {{slice, block.sliceMap(resultMap)}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, sumType);
        Num x = {args[0], complexSum ? args[1] : Value()};
        if (op.getProjection() == Projection::TwiceReal)
          x = num.add(x, x);
        return Values{num.store(x, element)};
      })[0];
  return insertTile(b, loc, stored, out, resultMap, block);
}

Value KernelEmitter::emitTile(const Tile &tile, Value out) {
  // 1. The tables.
  Tables tables = makeTables(tile);
  Values high = tables.high;

  // 2. Full blocks of lags.
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  OpFoldResult length = sizes[lag];
  OpFoldResult blocks = affine(b, loc, s0.floorDiv(kKernelBlock), length);
  if (getConstantIntValue(blocks) != 0) {
    Values carried = high;
    carried.push_back(out);
    carried = buildFor(
        b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, blocks),
        carried, [&](Value i, ValueRange args) {
          ValueRange current = args.drop_back();
          OpFoldResult begin =
              affine(b, loc, s0 * kKernelBlock, OpFoldResult(i));
          Value next = emitBlock(tile, round(tile, current), tables.low, begin,
                                 b.getIndexAttr(kKernelBlock), args.back());
          Values advanced = advance(tile, current, tables.step);
          advanced.push_back(next);
          return advanced;
        });
    out = carried.pop_back_val();
    high = carried;
  }

  // 3. The lags left over.
  OpFoldResult rest = affine(b, loc, s0 % kKernelBlock, length);
  if (getConstantIntValue(rest) == 0)
    return out;
  OpFoldResult begin = affine(b, loc, s0 - s0 % kKernelBlock, length);
  return emitBlock(tile, round(tile, high), tables.low, begin, rest, out);
}

namespace {
struct LowerMaterializeKernel : OpRewritePattern<MaterializeKernelOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaterializeKernelOp op,
                                PatternRewriter &rewriter) const override {
    auto kernel = op.getRow() ? makeKrylovKernel(rewriter, op)
                              : makeDiagonalKernel(rewriter, op);
    rewriter.replaceOp(op, kernel->emit());
    return success();
  }
};
} // namespace

void ssm::populateMaterializeKernelLowering(RewritePatternSet &patterns) {
  patterns.add<LowerMaterializeKernel>(patterns.getContext());
}
