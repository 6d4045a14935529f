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

/// Lags computed at a time where channels are the lanes.
static constexpr int64_t kRowTile = 4;

/// What sums of products start from, and is taken off again: while they are
/// subnormal, each addition takes a hundred times as long. It is larger by so
/// much that the difference is normal or zero.
static double getBias(Type type) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(type).getFloatSemantics();
  int precision = APFloat::semanticsPrecision(semantics);
  return scalbn(APFloat::getSmallestNormalized(semantics), precision + 2,
                APFloat::rmNearestTiesToEven)
      .convertToDouble();
}

KernelEmitter::KernelEmitter(OpBuilder &b, MaterializeKernelOp op,
                             bool lagsAreLanes)
    : b(b), op(op), loc(op.getLoc()),
      real(getRealType(op.getType().getElementType())),
      lagsAreLanes(lagsAreLanes),
      block(lagsAreLanes ? kLagBlock : kKernelBlock), lag(op.getTime()),
      numRows(lagsAreLanes ? 1 : kRowTile),
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
  bool hasChannelLanes = !lagsAreLanes && !parallel.empty();
  for (unsigned dim : ArrayRef(parallel).drop_back(hasChannelLanes))
    units.push_back(unitAxis(b, dim, sizes[dim]));
  if (!hasChannelLanes) {
    tilings.push_back(units);
  } else {
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
  SmallVector<OpFoldResult> tableSizes = {b.getIndexAttr(block)};
  llvm::append_range(tableSizes, tile.keptSizes());
  Values carried = current;
  llvm::append_range(carried,
                     emptyParts(tableSizes, 1 + complexPowers, sumType));
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value end = asValue(b, loc, b.getIndexAttr(block));
  carried = buildFor(b, loc, zero, end, carried, [&](Value r, ValueRange args) {
    ValueRange now = args.take_front(numCurrent);
    Values rows = row(now), after = next(now);
    SmallVector<OpFoldResult> offsets = {r}, slice = {b.getIndexAttr(1)};
    offsets.append(rank, b.getIndexAttr(0));
    llvm::append_range(slice, tile.keptSizes());
    SmallVector<OpFoldResult> strides(rank + 1, b.getIndexAttr(1));
    for (auto [part, table] :
         llvm::zip_equal(rows, args.drop_front(numCurrent)))
      after.push_back(tensor::InsertSliceOp::create(b, loc, part, table,
                                                    offsets, slice, strides));
    return after;
  });
  current.assign(carried.begin(), carried.begin() + numCurrent);
  return Values(ArrayRef(carried).drop_front(numCurrent));
}

/// A slice of `value` at `index` in its first dimensions.
static Value sliceAt(OpBuilder &b, Location loc, Value value,
                     ArrayRef<OpFoldResult> index) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
  SmallVector<OpFoldResult> offsets(index),
      strides(sizes.size(), b.getIndexAttr(1));
  offsets.resize(sizes.size(), b.getIndexAttr(0));
  std::fill_n(sizes.begin(), index.size(), b.getIndexAttr(1));
  auto type = cast<RankedTensorType>(value.getType());
  auto rowType = RankedTensorType::get(type.getShape().drop_front(index.size()),
                                       type.getElementType());
  return tensor::ExtractSliceOp::create(b, loc, rowType, value, offsets, sizes,
                                        strides);
}

/// sums[g][r] += high[g] * low[r] at one state: rows of lanes, or scalars times
/// a row of lanes, so that all sums are in registers.
SmallVector<Value> KernelEmitter::multiplyRows(ArrayRef<Values> high,
                                               ArrayRef<Values> low,
                                               ValueRange sums) {
  unsigned rank = cast<RankedTensorType>(sums[0].getType()).getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  AffineMap scalar = AffineMap::get(rank, 0, b.getContext());
  SmallVector<Indexed> ins;
  for (const Values &row : high)
    llvm::append_range(ins, over(row, lagsAreLanes ? scalar : identity));
  for (const Values &row : low)
    llvm::append_range(ins, over(row, identity));
  return buildGeneric(
      b, loc, rank, ins, over(sums, identity),
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, sumType);
        size_t parts = 1 + complexPowers, sumParts = 1 + complexSum;
        auto numAt = [&](size_t i) {
          return toNum(args.slice(i * parts, parts));
        };
        ValueRange acc = args.drop_front(ins.size());
        Values next;
        for (size_t g = 0; g < high.size(); ++g)
          for (size_t r = 0; r < low.size(); ++r) {
            Num x = numAt(g), y = numAt(high.size() + r);
            Num sum = toNum(acc.take_front(sumParts));
            acc = acc.drop_front(sumParts);
            if (complexSum) {
              llvm::append_range(next, toParts(num.mulAdd(x, y, sum), true));
              continue;
            }
            sum.re = num.mulAdd({x.re, {}}, {y.re, {}}, sum).re;
            if (complexPowers)
              sum.re = num.mulAdd({num.negf(x.im), {}}, {y.im, {}}, sum).re;
            next.push_back(sum.re);
          }
        return next;
      });
}

SmallVector<Value> KernelEmitter::sumStates(const Tile &tile,
                                            ArrayRef<Values> high,
                                            ValueRange low, Value r) {
  SmallVector<OpFoldResult> laneSizes(
      ArrayRef(tile.keptSizes()).drop_front(state.size()));
  if (lagsAreLanes)
    laneSizes = {b.getIndexAttr(block)};
  Values sums;
  for (size_t i = 0; i < high.size() * numRows * (1 + complexSum); ++i)
    sums.push_back(buildFilled(b, loc, laneSizes, sumType, getBias(sumType)));
  SmallVector<OpFoldResult> index;
  std::function<Values(ValueRange)> sumFrom = [&](ValueRange carried) {
    size_t depth = index.size();
    if (depth < state.size()) {
      Value zero = asValue(b, loc, b.getIndexAttr(0));
      Value size = asValue(b, loc, tile.ranges[state[depth]].size);
      return buildFor(b, loc, zero, size, carried,
                      [&](Value n, ValueRange args) {
                        index.push_back(n);
                        Values next = sumFrom(args);
                        index.pop_back();
                        return next;
                      });
    }
    SmallVector<Values> highRows, lowRows;
    SmallVector<Value> scalars = llvm::map_to_vector(
        index, [&](OpFoldResult n) { return asValue(b, loc, n); });
    for (const Values &power : high) {
      highRows.emplace_back();
      for (Value part : power)
        highRows.back().push_back(
            lagsAreLanes
                ? Value(tensor::ExtractOp::create(b, loc, part, scalars))
                : sliceAt(b, loc, part, index));
    }
    for (int64_t i = 0; i < numRows; ++i) {
      lowRows.emplace_back();
      SmallVector<OpFoldResult> at;
      if (!lagsAreLanes)
        at.push_back(
            affine(b, loc, b.getAffineSymbolExpr(0) + i, OpFoldResult(r)));
      llvm::append_range(at, index);
      for (Value part : low)
        lowRows.back().push_back(sliceAt(b, loc, part, at));
    }
    return multiplyRows(highRows, lowRows, carried);
  };
  return sumFrom(sums);
}

SmallVector<SmallVector<Value>> KernelEmitter::sumBlocks(const Tile &tile,
                                                         ArrayRef<Values> high,
                                                         ValueRange low) {
  size_t parts = 1 + complexSum;
  SmallVector<Values> blocks;
  auto split = [&](ArrayRef<Value> sums) {
    for (size_t g = 0; g < high.size(); ++g)
      blocks.emplace_back(sums.slice(g * parts, parts));
    return blocks;
  };
  if (lagsAreLanes)
    return split(sumStates(tile, high, low, Value()));
  SmallVector<OpFoldResult> shape = {b.getIndexAttr(block)};
  llvm::append_range(shape,
                     ArrayRef(tile.keptSizes()).drop_front(state.size()));
  Values carried = emptyParts(shape, parts * high.size(), sumType);
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value tiles = asValue(b, loc, b.getIndexAttr(block / numRows));
  carried =
      buildFor(b, loc, zero, tiles, carried, [&](Value i, ValueRange args) {
        AffineExpr s0 = b.getAffineSymbolExpr(0);
        Value r =
            asValue(b, loc, affine(b, loc, s0 * numRows, OpFoldResult(i)));
        Values sums = sumStates(tile, high, low, r), next(args);
        SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
        SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
        SmallVector<OpFoldResult> rowShape = shape;
        rowShape[0] = b.getIndexAttr(1);
        const Value *sum = sums.begin();
        for (size_t g = 0; g < high.size(); ++g)
          for (int64_t k = 0; k < numRows; ++k) {
            offsets[0] = affine(b, loc, s0 + k, OpFoldResult(r));
            for (size_t part = 0; part < parts; ++part) {
              Value &table = next[g * parts + part];
              table = tensor::InsertSliceOp::create(b, loc, *sum++, table,
                                                    offsets, rowShape, strides);
            }
          }
        return next;
      });
  return split(carried);
}

Value KernelEmitter::storeBlock(const Tile &tile, ValueRange sums,
                                OpFoldResult begin, OpFoldResult size,
                                Value out) {
  Tile lags = tile;
  for (LoopRange &range : lags.ranges)
    range.offset = b.getIndexAttr(0);
  lags.ranges[lag] = {begin, size, b.getIndexAttr(1)};
  lags.kept = {lag};
  lags.kept.append(tile.kept.begin() + state.size(), tile.kept.end());
  unsigned numKept = lags.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(numKept);
  SmallVector<OpFoldResult> zeros(numKept, b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(numKept, b.getIndexAttr(1));
  Values rows;
  for (Value part : sums)
    rows.push_back(tensor::ExtractSliceOp::create(b, loc, part, zeros,
                                                  lags.keptSizes(), ones));
  Type element = op.getType().getElementType();
  Value slice = extractTile(b, loc, out, resultMap, lags);
  Value stored =
      buildGeneric(b, loc, numKept, over(rows, identity),
                   {{slice, lags.sliceMap(resultMap)}},
                   [&](OpBuilder &nested, Location at, ValueRange args) {
                     NumBuilder num(nested, at, sumType);
                     Num bias = num.constant(getBias(sumType));
                     if (complexSum)
                       bias.im = bias.re;
                     Num x =
                         num.sub(toNum(args.take_front(1 + complexSum)), bias);
                     if (op.getProjection() == Projection::TwiceReal)
                       x = num.add(x, x);
                     return Values{num.store(x, element)};
                   })[0];
  return insertTile(b, loc, stored, out, resultMap, lags);
}

/// `count` blocks from lag `begin` on, of which `size` lags are stored.
Value KernelEmitter::emitBlocks(const Tile &tile, const Tables &tables,
                                Values &high, int64_t count, OpFoldResult begin,
                                OpFoldResult size, Value out) {
  SmallVector<Values> rounded;
  for (int64_t g = 0; g < count; ++g) {
    rounded.push_back(round(tile, high));
    high = advance(tile, high, tables.step);
  }
  for (auto [g, sums] : llvm::enumerate(sumBlocks(tile, rounded, tables.low))) {
    out = storeBlock(tile, sums, begin, size, out);
    begin = affine(b, loc, b.getAffineSymbolExpr(0) + block, begin);
  }
  return out;
}

/// The lags of a tile: groups of blocks, blocks, and what is left of one.
Value KernelEmitter::emitTile(const Tile &tile, Value out) {
  Tables tables = makeTables(tile);
  Values carried = tables.high;
  carried.push_back(out);
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  OpFoldResult length = sizes[lag], begin = b.getIndexAttr(0);
  // Sixteen sums of a vector each; wider numbers take more vectors.
  int64_t wide = (1 + complexSum) * sumType.getIntOrFloatBitWidth() / 32;
  for (int64_t count : {std::max<int64_t>(4 / wide, 1), int64_t(1)}) {
    int64_t lags = count * block;
    OpFoldResult groups =
        affine(b, loc, (s0 - s1).floorDiv(lags), {length, begin});
    if (getConstantIntValue(groups) == 0)
      continue;
    carried = buildFor(
        b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, groups),
        carried, [&](Value i, ValueRange args) {
          Values high(args.drop_back());
          Value next = emitBlocks(
              tile, tables, high, count,
              affine(b, loc, s1 + s0 * lags, {OpFoldResult(i), begin}),
              b.getIndexAttr(block), args.back());
          high.push_back(next);
          return high;
        });
    begin = affine(b, loc, s1 + s0 * lags, {groups, begin});
  }
  Values high(ArrayRef(carried).drop_back());
  OpFoldResult rest = affine(b, loc, s0 % block, length);
  if (getConstantIntValue(rest) == 0)
    return carried.back();
  return emitBlocks(tile, tables, high, 1, begin, rest, carried.back());
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
