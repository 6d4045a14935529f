//===- DirectConv.cpp - ssm.long_conv by its definition -------------------===//
//
// For every tile of channels, in parallel:
//
//   for t in 0 .. L:  y_t = sum of k_l u_{t-l} over l from min(P, t + 1) - 1 to
//   0
//
// with P taps of the past and, in a two-sided kernel, the same of the future.
//
// Reads no step that it need not, and the fastest way for a few taps. Kernels
// decay: from the far lags on, small terms are added while the sum is small,
// and its rounding is that of the last terms.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"
#include "ssm/Utils/Sides.h"

#include "TileLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

namespace {
class DirectConvEmitter {
public:
  DirectConvEmitter(OpBuilder &b, LongConvOp op, int64_t lanes)
      : b(b), op(op), loc(op.getLoc()), lanes(lanes), time(op.getTime()),
        maps(op.getIndexingMapsArray()), sizes(getLoopSizes(b, op)),
        sides(Sides::of(b, op)), element(op.getType().getElementType()),
        real(getRealType(element)) {
    if (real.getIntOrFloatBitWidth() < 32)
      real = b.getF32Type();
  }
  Value emit();

private:
  using Values = SmallVector<Value>;

  Value emitTile(const Tile &tile, Value part);
  /// What one side adds to the output at step `t`, as real tensors over the
  /// tile.
  Values emitSide(const Tile &tile, Value t, bool isFuture);
  struct Place {
    Value step;
    OpFoldResult tap;
  };
  /// What step `t` reads when `left` lags of a side are left to be read.
  Place placeOf(Value t, Value left, bool isFuture);
  OpFoldResult timeAt(Value t);
  unsigned numParts() { return 1 + isa<ComplexType>(element); }

  OpBuilder &b;
  LongConvOp op;
  Location loc;
  int64_t lanes;
  unsigned time;
  SmallVector<AffineMap> maps;
  SmallVector<OpFoldResult> sizes;
  Sides sides;
  Type element, real;
};
} // namespace

OpFoldResult DirectConvEmitter::timeAt(Value t) {
  if (op.getDirection() != Direction::Backward)
    return t;
  return affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1) - 1,
                {sizes[time], OpFoldResult(t)});
}

DirectConvEmitter::Place DirectConvEmitter::placeOf(Value t, Value left,
                                                    bool isFuture) {
  if (isFuture)
    return {arith::AddIOp::create(b, loc, t, left),
            affine(b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
                   {sides.future, OpFoldResult(left)})};
  Value lag =
      arith::SubIOp::create(b, loc, left, asValue(b, loc, b.getIndexAttr(1)));
  OpFoldResult tap = lag;
  if (sides.hasFuture())
    tap = affine(b, loc, b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1),
                 {sides.future, tap});
  return {arith::SubIOp::create(b, loc, t, lag), tap};
}

SmallVector<Value> DirectConvEmitter::emitSide(const Tile &tile, Value t,
                                               bool isFuture) {
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values zero;
  for (unsigned i = 0; i < numParts(); ++i)
    zero.push_back(buildFilled(b, loc, tile.keptSizes(), real, 0.0));
  Value seen =
      arith::AddIOp::create(b, loc, t, asValue(b, loc, b.getIndexAttr(1)));
  Value steps =
      !isFuture
          ? seen
          : arith::SubIOp::create(b, loc, asValue(b, loc, sizes[time]), seen);
  Value taps = asValue(b, loc, isFuture ? sides.future : sides.past);
  Value reach = arith::MinSIOp::create(b, loc, taps, steps);
  return buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), reach, zero,
      [&](Value i, ValueRange acc) {
        Value left = arith::SubIOp::create(b, loc, reach, i);
        Place place = placeOf(t, left, isFuture);
        Value u = extractTile(b, loc, op.getSignal(), maps[0],
                              tile.at(time, timeAt(place.step)));
        Value k = extractTile(b, loc, op.getKernel(), maps[1],
                              tile.at(time, place.tap));
        SmallVector<Indexed> outs;
        for (Value part : acc)
          outs.push_back({part, identity});
        return buildGeneric(
            b, loc, rank,
            {{u, tile.sliceMap(maps[0])}, {k, tile.sliceMap(maps[1])}}, outs,
            [&](OpBuilder &nested, Location at, ValueRange args) {
              NumBuilder num(nested, at, real);
              Num sum{args[2], numParts() == 2 ? args[3] : Value()};
              sum = num.mulAdd(num.load(args[1]), num.load(args[0]), sum);
              Values parts{sum.re};
              if (numParts() == 2)
                parts.push_back(sum.im);
              return parts;
            });
      });
}

Value DirectConvEmitter::emitTile(const Tile &tile, Value part) {
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  return buildFor(
      b, loc, asValue(b, loc, b.getIndexAttr(0)), asValue(b, loc, sizes[time]),
      part, [&](Value t, ValueRange args) {
        Values sum = emitSide(tile, t, /*isFuture=*/false);
        if (sides.hasFuture())
          llvm::append_range(sum, emitSide(tile, t, /*isFuture=*/true));
        Tile local = tile.at(time, timeAt(t));
        for (auto [dim, range] : llvm::enumerate(local.ranges))
          if (dim != time)
            range.offset = b.getIndexAttr(0);
        Value slice = extractTile(b, loc, args[0], maps[2], local);
        SmallVector<Indexed> ins;
        for (Value value : sum)
          ins.push_back({value, identity});
        Value stored = buildGeneric(
            b, loc, rank, ins, {{slice, tile.sliceMap(maps[2])}},
            [&](OpBuilder &nested, Location at, ValueRange scalars) {
              NumBuilder num(nested, at, real);
              auto numberAt = [&](unsigned i) {
                return Num{scalars[i],
                           numParts() == 2 ? scalars[i + 1] : Value()};
              };
              Num y = numberAt(0);
              if (sides.hasFuture())
                y = num.add(y, numberAt(numParts()));
              return Values{num.store(y, element)};
            })[0];
        return Values{insertTile(b, loc, stored, args[0], maps[2], local)};
      })[0];
}

Value DirectConvEmitter::emit() {
  SmallVector<unsigned> parallel;
  for (unsigned dim : dimsOf(maps[2]))
    if (dim != time)
      parallel.push_back(dim);
  Value out =
      tensor::EmptyOp::create(b, loc, applyMap(maps[2], sizes), element);
  SmallVector<SmallVector<TileAxis>> tilings;
  if (parallel.empty())
    tilings.emplace_back();
  else
    for (TileAxis axis :
         splitLanes(b, loc, parallel.back(), sizes[parallel.back()], lanes)) {
      tilings.emplace_back();
      for (unsigned dim : ArrayRef(parallel).drop_back())
        tilings.back().push_back(unitAxis(b, dim, sizes[dim]));
      tilings.back().push_back(axis);
    }
  for (ArrayRef<TileAxis> axes : tilings)
    out = forEachTile(
        b, loc, axes, wholeTile(b, sizes), out,
        [&](OpBuilder &, const Tile &tile, ValueRange shared) {
          Tile all = tile;
          all.kept = llvm::to_vector(llvm::seq<unsigned>(sizes.size()));
          Value part = extractTile(b, loc, shared[0], maps[2], all);
          return SmallVector<TileResult>{{emitTile(tile, part), maps[2], all}};
        })[0];
  return out;
}

namespace {
struct LowerDirectConv : OpRewritePattern<LongConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LongConvOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::DirectConv)
      return rewriter.notifyMatchFailure(op, "strategy is not direct_conv");
    int64_t lanes = strategy ? strategy.getLanes() : 16;
    rewriter.replaceOp(op, DirectConvEmitter(rewriter, op, lanes).emit());
    return success();
  }
};
} // namespace

void ssm::populateDirectConvLowering(RewritePatternSet &patterns) {
  patterns.add<LowerDirectConv>(patterns.getContext());
}
