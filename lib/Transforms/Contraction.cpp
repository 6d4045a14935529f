//===- Contraction.cpp - Sums of products over loop dimensions ------------===//
#include "Contraction.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

SmallVector<AffineMap> ssm::dropUnusedLoops(ArrayRef<AffineMap> maps,
                                            ArrayRef<uint64_t *> dims) {
  for (uint64_t *moved : dims) {
    uint64_t before = 0;
    for (unsigned dim = 0; dim < *moved; ++dim)
      before +=
          llvm::any_of(maps, [&](AffineMap map) { return uses(map, dim); });
    *moved = before;
  }
  return compressUnusedDims(maps);
}

LinearRecurrenceOp ssm::rebuild(OpBuilder &b, LinearRecurrenceOp op,
                                TypeRange types, Value signal, Value input,
                                Value output, ArrayRef<AffineMap> maps,
                                Projection projection) {
  LoopAttrs loops(op);
  SmallVector<AffineMap> used = dropUnusedLoops(maps, loops.list());
  return LinearRecurrenceOp::create(
      b, op.getLoc(), types, op.getTransition(), signal, input, output,
      op.getInit(), op.getLeft(), op.getRight(), b.getAffineMapArrayAttr(used),
      loops.time, loops.rowAttr(b), loops.columnAttr(b), op.getDirection(),
      projection, op.getRead(), op.getNumerics(), op.getStrategyAttr());
}

/// Zero of a real or complex type.
static Value buildZero(OpBuilder &b, Location loc, Type real, Type element) {
  NumBuilder num(b, loc, real);
  return num.store(num.constant(0.0), element);
}

Value ssm::contract(OpBuilder &b, Location loc,
                    ArrayRef<OpFoldResult> loopSizes, Indexed x, Indexed y,
                    AffineMap outMap, Type stored, Projection projection) {
  Type xType = getElementTypeOrSelf(x.value),
       yType = getElementTypeOrSelf(y.value);
  Type real = getWorkingType({xType, yType});
  bool isComplex = isa<ComplexType>(xType) || isa<ComplexType>(yType);
  bool complexSum = isComplex && projection == Projection::None;
  auto elementOf = [&](Type part) {
    return complexSum ? Type(ComplexType::get(part)) : part;
  };
  Type sumType = elementOf(real);
  SmallVector<OpFoldResult> sizes = applyMap(outMap, loopSizes);
  Value zero = buildZero(b, loc, real, sumType);
  Value init = tensor::EmptyOp::create(b, loc, sizes, sumType);
  init = linalg::FillOp::create(b, loc, zero, init).getResult(0);

  SmallVector<AffineMap> maps = dropUnusedLoops({x.map, y.map, outMap});
  Value sum =
      buildGeneric(b, loc, maps[0].getNumDims(),
                   {{x.value, maps[0]}, {y.value, maps[1]}}, {{init, maps[2]}},
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num p = num.load(args[0]), q = num.load(args[1]);
                     Num acc = num.load(args[2]);
                     Num next = complexSum
                                    ? num.mulAdd(p, q, acc)
                                    : num.add(num.realOfProduct(p, q), acc);
                     return SmallVector<Value>{num.store(next, sumType)};
                   })[0];
  if (projection != Projection::TwiceReal && stored == real)
    return sum;
  AffineMap identity = b.getMultiDimIdentityMap(sizes.size());
  Value out = tensor::EmptyOp::create(b, loc, sizes, elementOf(stored));
  return buildGeneric(
      b, loc, sizes.size(), {{sum, identity}}, {{out, identity}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num z = num.load(args[0]);
        if (projection == Projection::TwiceReal)
          z = num.add(z, z);
        return SmallVector<Value>{num.store(z, elementOf(stored))};
      })[0];
}
