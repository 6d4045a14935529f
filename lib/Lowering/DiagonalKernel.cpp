//===- DiagonalKernel.cpp - Powers of a diagonal transition ---------------===//
//
// K_l = sum_n (c b a^(h S))_n * (a^r)_n: both tables are formed in twice the
// working precision (Wide.h) and rounded, so that the error of a tap does not
// grow with its lag. Where lags are the lanes, the table of the low powers
// doubles with each product: powers 2^k to 2^(k+1) - 1 are those below times
// a^(2^k). In f32 it does so up to 16, and the others are products of rounded
// powers.
//
// Reference: Gu et al., arXiv 2206.11893, section 3 (the Vandermonde product).
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "Labelled.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"
#include "ssm/Utils/Wide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// In f32, the powers below this one are formed in twice the precision, and
/// those above are products of two that are rounded: three roundings of a power
/// instead of one, for a quarter of the work.
static constexpr int64_t kWideLags = 16;

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
  /// The same of rounded numbers.
  Values multiplyRounded(ValueRange x, ValueRange y);
  SmallVector<OpFoldResult> withLags(const Tile &tile, int64_t lags) {
    SmallVector<OpFoldResult> shape = tile.keptSizes();
    shape.push_back(b.getIndexAttr(lags));
    return shape;
  }
  /// The first lags of a table over [kept..., lags].
  Values firstLags(const Tile &tile, ValueRange table, int64_t count);
  /// Writes `count` of them from `begin` on.
  void insertLags(const Tile &tile, ValueRange values, int64_t begin,
                  int64_t count, Values &table);
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

SmallVector<Value> DiagonalKernel::firstLags(const Tile &tile, ValueRange table,
                                             int64_t count) {
  SmallVector<OpFoldResult> sizes = withLags(tile, count);
  SmallVector<OpFoldResult> zeros(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  return llvm::map_to_vector(table, [&](Value part) -> Value {
    return tensor::ExtractSliceOp::create(b, loc, part, zeros, sizes, ones);
  });
}

void DiagonalKernel::insertLags(const Tile &tile, ValueRange values,
                                int64_t begin, int64_t count, Values &table) {
  SmallVector<OpFoldResult> sizes = withLags(tile, count);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  offsets.back() = b.getIndexAttr(begin);
  for (auto [value, part] : llvm::zip_equal(values, table))
    part = tensor::InsertSliceOp::create(b, loc, value, part, offsets, sizes,
                                         ones);
}

SmallVector<Value> DiagonalKernel::multiplyRounded(ValueRange x, ValueRange y) {
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, x[0]);
  unsigned rank = shape.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Indexed> ins = over(x, identity);
  llvm::append_range(ins, over(y, identity.dropResult(rank - 1)));
  Values outs = emptyParts(shape, x.size(), real);
  return buildGeneric(b, loc, rank, ins, over(outs, identity),
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder num(nested, at, real);
                        Num product =
                            num.mul(toNum(args.take_front(x.size())),
                                    toNum(args.slice(x.size(), y.size())));
                        Values parts{flush(nested, at, product.re)};
                        if (complexPowers)
                          parts.push_back(flush(nested, at, product.im));
                        return parts;
                      });
}

SmallVector<Value> DiagonalKernel::makeLanes(const Tile &tile, Values &a) {
  int64_t wide = real.isF32() ? std::min(kWideLags, block) : block;
  Values powers = emptyParts(withLags(tile, wide), a.size(), b.getF64Type());
  insertLags(tile, makeOnes(tile), 0, 1, powers);
  for (int64_t width = 1; width < wide; width *= 2) {
    Values outs = emptyParts(withLags(tile, width), a.size(), b.getF64Type());
    Values next = multiplyLags(firstLags(tile, powers, width), a, outs);
    insertLags(tile, next, width, width, powers);
    a = multiply(tile, a, a);
  }
  Values low = round(tile, powers);
  if (wide == block)
    return low;
  Values lanes = emptyParts(withLags(tile, block), low.size(), real);
  insertLags(tile, low, 0, wide, lanes);
  Values power = a;
  for (int64_t begin = wide; begin < block; begin += wide) {
    Values next =
        multiplyRounded(firstLags(tile, lanes, wide), round(tile, power));
    insertLags(tile, next, begin, wide, lanes);
    power = multiply(tile, power, a);
  }
  a = power;
  return lanes;
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
