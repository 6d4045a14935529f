//===- DiagonalKernel.cpp - Powers of a diagonal transition ---------------===//
//
// K_l = sum_n (c b a^(h S))_n * (a^r)_n: both tables are formed in twice the
// working precision (Wide.h) and rounded once, so that the error of a tap does
// not grow with its lag.
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
  DiagonalKernel(OpBuilder &b, MaterializeKernelOp op) : KernelEmitter(b, op) {}

protected:
  Tables makeTables(const Tile &tile) override;
  Values round(const Tile &tile, ValueRange high) override;
  Values advance(const Tile &tile, ValueRange high, ValueRange step) override {
    return multiply(tile, high, step);
  }

private:
  /// a, or c b, over the tile in wide parts.
  Values load(const Tile &tile, bool product);
  Values multiply(const Tile &tile, ValueRange x, ValueRange y);
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
  unsigned rank = tile.kept.size();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Values outs = emptyParts(tile.keptSizes(), 1 + complexPowers, real);
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

KernelEmitter::Tables DiagonalKernel::makeTables(const Tile &tile) {
  Tables tables;
  Values a = load(tile, /*product=*/false);
  tables.high = load(tile, /*product=*/true);
  AffineMap identity = b.getMultiDimIdentityMap(tile.kept.size());
  tables.step = buildGeneric(
      b, loc, tile.kept.size(), {},
      over(emptyParts(tile.keptSizes(), a.size(), b.getF64Type()), identity),
      [&](OpBuilder &nested, Location at, ValueRange) {
        WideBuilder wide(nested, at, real);
        return wide.toParts(wide.one());
      });
  tables.low = makeRows(
      tile, tables.step, [&](ValueRange power) { return round(tile, power); },
      [&](ValueRange power) { return multiply(tile, power, a); });
  return tables;
}

std::unique_ptr<KernelEmitter> ssm::makeDiagonalKernel(OpBuilder &b,
                                                       MaterializeKernelOp op) {
  return std::make_unique<DiagonalKernel>(b, op);
}
