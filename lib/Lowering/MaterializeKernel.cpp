//===- MaterializeKernel.cpp - Powers of a diagonal transition ------------===//
//
// Lags are cut into blocks of S: with l = h S + r,
//
//   K_l = sum_n (c b a^(h S))_n * (a^r)_n,
//
// a product of two short tables, the first advanced once per block. Both tables
// are formed in twice the working precision (Wide.h) and rounded once, so that
// the error of a tap does not grow with its lag.
//
// Reference: Gu et al., arXiv 2206.11893, section 3 (the Vandermonde product).
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Plan/KernelPlan.h"
#include "ssm/Utils/Num.h"
#include "ssm/Utils/Wide.h"

#include "TileLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The kernel of one op, tile by tile of its channels.
class KernelEmitter {
public:
  KernelEmitter(OpBuilder &b, MaterializeKernelOp op);
  Value emit();

private:
  using Values = SmallVector<Value>;

  /// The result's tile, all lags.
  Value emitTile(const Tile &tile, Value out);
  /// a and c b over the tile, in wide parts.
  Values loadWide(const Tile &tile, bool product);
  /// a^r for r < S, as [S, tile...] parts of working precision; and a^S, wide.
  Values makeLowPowers(const Tile &tile, ValueRange a, Values &power);
  /// x * y on wide parts.
  Values multiplyWide(const Tile &tile, ValueRange x, ValueRange y);
  Values roundWide(const Tile &tile, ValueRange x);
  /// Writes the lags from `begin` on, `size` of them, into the tile's result.
  Value emitBlock(const Tile &tile, ValueRange high, ValueRange low,
                  OpFoldResult begin, OpFoldResult size, Value out);
  Values emptyParts(ArrayRef<OpFoldResult> sizes, unsigned count, Type type);
  SmallVector<Indexed> over(ValueRange values, AffineMap map);

  OpBuilder &b;
  MaterializeKernelOp op;
  Location loc;
  unsigned lag;
  AffineMap resultMap;
  Type real;
  bool complexPowers, complexSum;
  SmallVector<unsigned> parallel, state;
  SmallVector<OpFoldResult> sizes;
};
} // namespace

static bool hasComplex(Value value) {
  return isa<ComplexType>(getElementTypeOrSelf(value));
}

KernelEmitter::KernelEmitter(OpBuilder &b, MaterializeKernelOp op)
    : b(b), op(op), loc(op.getLoc()), lag(op.getTime()),
      resultMap(op.getResultMap(0)),
      real(getRealType(op.getType().getElementType())) {
  if (real.getIntOrFloatBitWidth() < 32)
    real = b.getF32Type();
  complexPowers = hasComplex(op.getTransition()) || hasComplex(op.getInput()) ||
                  hasComplex(op.getOutput());
  complexSum = complexPowers && op.getProjection() == Projection::None;
  sizes = getLoopSizes(b, op);
  if (op.getLength())
    sizes[lag] = op.getLength();
  for (unsigned dim : dimsOf(resultMap))
    if (dim != lag)
      parallel.push_back(dim);
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    if (!uses(resultMap, dim))
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

SmallVector<Value> KernelEmitter::loadWide(const Tile &tile, bool product) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<Indexed> ins;
  auto add = [&](Value value, AffineMap map) {
    ins.push_back({extractTile(b, loc, value, map, tile), tile.sliceMap(map)});
  };
  if (product) {
    add(op.getInput(), maps[1]);
    add(op.getOutput(), maps[2]);
  } else {
    add(op.getTransition(), maps[0]);
  }
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values outs =
      emptyParts(tile.keptSizes(), WideBuilder::numParts(real), b.getF64Type());
  return buildGeneric(b, loc, rank, ins, over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder num(nested, at, real);
                        WideBuilder wide(nested, at, real);
                        Wide x = wide.fromNum(num.load(args[0]));
                        if (product)
                          x = wide.mul(x, wide.fromNum(num.load(args[1])));
                        return wide.toParts(x);
                      });
}

SmallVector<Value> KernelEmitter::multiplyWide(const Tile &tile, ValueRange x,
                                               ValueRange y) {
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  return buildGeneric(b, loc, rank, over(y, identity), over(x, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        WideBuilder wide(nested, at, real);
                        Wide q = wide.fromParts(args.take_front(y.size()));
                        Wide p = wide.fromParts(args.drop_front(y.size()));
                        return wide.toParts(wide.mul(p, q));
                      });
}

SmallVector<Value> KernelEmitter::roundWide(const Tile &tile, ValueRange x) {
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values outs = emptyParts(tile.keptSizes(), 1 + complexPowers, real);
  return buildGeneric(b, loc, rank, over(x, identity), over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        WideBuilder wide(nested, at, real);
                        Num z = wide.toNum(
                            wide.fromParts(args.take_front(x.size())));
                        Values parts{z.re};
                        if (complexPowers)
                          parts.push_back(z.im);
                        return parts;
                      });
}

SmallVector<Value> KernelEmitter::makeLowPowers(const Tile &tile, ValueRange a,
                                                Values &power) {
  SmallVector<OpFoldResult> tableSizes = {b.getIndexAttr(kKernelBlock)};
  llvm::append_range(tableSizes, tile.keptSizes());
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values one = buildGeneric(
      b, loc, rank, {},
      over(emptyParts(tile.keptSizes(), a.size(), b.getF64Type()), identity),
      [&](OpBuilder &nested, Location at, ValueRange) {
        WideBuilder wide(nested, at, real);
        return wide.toParts(wide.one());
      });
  Values carried = one;
  llvm::append_range(carried, emptyParts(tableSizes, 1 + complexPowers, real));
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value block = asValue(b, loc, b.getIndexAttr(kKernelBlock));
  carried =
      buildFor(b, loc, zero, block, carried, [&](Value r, ValueRange args) {
        ValueRange current = args.take_front(a.size());
        Values rounded = roundWide(tile, current);
        Values next = multiplyWide(tile, current, a);
        SmallVector<OpFoldResult> offsets = {r}, slice = {b.getIndexAttr(1)};
        offsets.append(rank, b.getIndexAttr(0));
        llvm::append_range(slice, tile.keptSizes());
        SmallVector<OpFoldResult> strides(rank + 1, b.getIndexAttr(1));
        for (auto [row, table] :
             llvm::zip_equal(rounded, args.drop_front(a.size())))
          next.push_back(tensor::InsertSliceOp::create(
              b, loc, row, table, offsets, slice, strides));
        return next;
      });
  power.assign(carried.begin(), carried.begin() + a.size());
  return Values(ArrayRef(carried).drop_front(a.size()));
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
    init.push_back(buildFilled(b, loc, sumSizes, real, 0.0));
  Values z = buildGeneric(
      b, loc, rank + 1, ins, over(init, sumMap),
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, real);
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
        NumBuilder num(nested, at, real);
        Num x = {args[0], complexSum ? args[1] : Value()};
        if (op.getProjection() == Projection::TwiceReal)
          x = num.add(x, x);
        return Values{num.store(x, element)};
      })[0];
  return insertTile(b, loc, stored, out, resultMap, block);
}

Value KernelEmitter::emitTile(const Tile &tile, Value out) {
  // 1. The tables.
  Values a = loadWide(tile, /*product=*/false);
  Values high = loadWide(tile, /*product=*/true);
  Values step;
  Values low = makeLowPowers(tile, a, step);

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
          Value next = emitBlock(tile, roundWide(tile, current), low, begin,
                                 b.getIndexAttr(kKernelBlock), args.back());
          Values advanced = multiplyWide(tile, current, step);
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
  return emitBlock(tile, roundWide(tile, high), low, begin, rest, out);
}

namespace {
struct LowerMaterializeKernel : OpRewritePattern<MaterializeKernelOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaterializeKernelOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, KernelEmitter(rewriter, op).emit());
    return success();
  }
};
} // namespace

void ssm::populateMaterializeKernelLowering(RewritePatternSet &patterns) {
  patterns.add<LowerMaterializeKernel>(patterns.getContext());
}
