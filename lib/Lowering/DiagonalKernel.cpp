//===- DiagonalKernel.cpp - Powers of a diagonal transition ---------------===//
//
// K_l = sum_n (c b a^(h S))_n * (a^r)_n: both tables are formed in twice the
// working precision (Wide.h) and rounded once, so that the error of a tap does
// not grow with its lag. Where lags are the lanes, the table of the low powers
// doubles with each product: powers 2^k to 2^(k+1) - 1 are those below times
// a^(2^k).
//
// Reference: Gu et al., arXiv 2206.11893, section 3 (the Vandermonde product).
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"
#include "ssm/Utils/Wide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
class DiagonalKernel : public KernelEmitter {
public:
  DiagonalKernel(OpBuilder &b, MaterializeKernelOp op)
      : KernelEmitter(b, op, isLagInnermost(op)) {}

protected:
  Tables makeTables(const Tile &tile) override;
  Values round(const Tile &tile, ValueRange high) override;
  Values advance(const Tile &tile, ValueRange high, ValueRange step) override {
    return multiply(tile, high, step);
  }

private:
  static bool isLagInnermost(MaterializeKernelOp op) {
    return dimsOf(op.getIndexingMapsArray().back()).back() == op.getTime();
  }
  /// a, or c b, over the tile in wide parts.
  Values load(const Tile &tile, bool product);
  /// 1 in wide parts.
  Values makeOnes(const Tile &tile);
  Values multiply(const Tile &tile, ValueRange x, ValueRange y);
  /// x y over [kept..., width], where y is over [kept...] only.
  Values multiplyLags(ValueRange x, ValueRange y, Values outs);
  /// The powers of a below S, over [kept..., S]; a becomes its power S.
  Values makeLanes(const Tile &tile, Values &a);
};
} // namespace

SmallVector<Value> DiagonalKernel::load(const Tile &tile, bool product) {
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
  Type working = getWorkingType(llvm::map_to_vector(
      ins, [](const Indexed &in) { return getElementTypeOrSelf(in.value); }));
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values outs =
      emptyParts(tile.keptSizes(), WideBuilder::numParts(real), b.getF64Type());
  return buildGeneric(b, loc, rank, ins, over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder num(nested, at, working);
                        WideBuilder wide(nested, at, real);
                        Wide x = wide.fromNum(num.load(args[0]));
                        if (product)
                          x = wide.mul(x, wide.fromNum(num.load(args[1])));
                        return wide.toParts(x);
                      });
}

SmallVector<Value> DiagonalKernel::multiply(const Tile &tile, ValueRange x,
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

/// Zero instead of a subnormal number: powers decay through those, and products
/// with them take a hundred times as long.
static Value flush(OpBuilder &b, Location loc, Value x) {
  auto type = cast<FloatType>(x.getType());
  auto least = APFloat::getSmallestNormalized(type.getFloatSemantics());
  Value bound = arith::ConstantOp::create(b, loc, b.getFloatAttr(type, least));
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value size = math::AbsFOp::create(b, loc, x);
  Value isSmall =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, size, bound);
  return arith::SelectOp::create(b, loc, isSmall, zero, x);
}

SmallVector<Value> DiagonalKernel::round(const Tile &tile, ValueRange x) {
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, x[0]);
  unsigned rank = shape.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values outs = emptyParts(shape, 1 + complexPowers, real);
  return buildGeneric(b, loc, rank, over(x, identity), over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        WideBuilder wide(nested, at, real);
                        Num z = wide.toNum(
                            wide.fromParts(args.take_front(x.size())));
                        Values parts{flush(nested, at, z.re)};
                        if (complexPowers)
                          parts.push_back(flush(nested, at, z.im));
                        return parts;
                      });
}

SmallVector<Value> DiagonalKernel::makeOnes(const Tile &tile) {
  AffineMap identity = b.getMultiDimIdentityMap(tile.kept.size());
  Values outs =
      emptyParts(tile.keptSizes(), WideBuilder::numParts(real), b.getF64Type());
  return buildGeneric(b, loc, tile.kept.size(), {}, over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange) {
                        WideBuilder wide(nested, at, real);
                        return wide.toParts(wide.one());
                      });
}

SmallVector<Value> DiagonalKernel::multiplyLags(ValueRange x, ValueRange y,
                                                Values outs) {
  unsigned rank = cast<RankedTensorType>(x[0].getType()).getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Indexed> ins = over(x, identity);
  llvm::append_range(ins, over(y, identity.dropResult(rank - 1)));
  return buildGeneric(b, loc, rank, ins, over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        WideBuilder wide(nested, at, real);
                        Wide p = wide.fromParts(args.take_front(x.size()));
                        Wide q = wide.fromParts(args.slice(x.size(), y.size()));
                        return wide.toParts(wide.mul(p, q));
                      });
}

SmallVector<Value> DiagonalKernel::makeLanes(const Tile &tile, Values &a) {
  SmallVector<OpFoldResult> shape = tile.keptSizes();
  shape.push_back(b.getIndexAttr(block));
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
  Values table = emptyParts(shape, a.size(), b.getF64Type());
  shape.back() = b.getIndexAttr(1);
  auto insert = [&](ValueRange parts) {
    for (auto [part, whole] : llvm::zip_equal(parts, table))
      whole = tensor::InsertSliceOp::create(b, loc, part, whole, offsets, shape,
                                            strides);
  };
  insert(makeOnes(tile));
  for (int64_t width = 1; width < block; width *= 2) {
    shape.back() = b.getIndexAttr(width);
    offsets.back() = b.getIndexAttr(0);
    Values below;
    for (Value part : table)
      below.push_back(tensor::ExtractSliceOp::create(b, loc, part, offsets,
                                                     shape, strides));
    offsets.back() = b.getIndexAttr(width);
    insert(multiplyLags(below, a, emptyParts(shape, a.size(), b.getF64Type())));
    a = multiply(tile, a, a);
  }
  return round(tile, table);
}

KernelEmitter::Tables DiagonalKernel::makeTables(const Tile &tile) {
  Tables tables;
  Values a = load(tile, /*product=*/false);
  tables.high = load(tile, /*product=*/true);
  if (lagsAreLanes) {
    tables.low = makeLanes(tile, a);
    tables.step = a;
    return tables;
  }
  tables.step = makeOnes(tile);
  tables.low = makeRows(
      tile, tables.step, [&](ValueRange power) { return round(tile, power); },
      [&](ValueRange power) { return multiply(tile, power, a); });
  return tables;
}

std::unique_ptr<KernelEmitter> ssm::makeDiagonalKernel(OpBuilder &b,
                                                       MaterializeKernelOp op) {
  return std::make_unique<DiagonalKernel>(b, op);
}
