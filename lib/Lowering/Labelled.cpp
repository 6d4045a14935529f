//===- Labelled.cpp - Tensors over named loop dimensions ------------------===//
#include "Labelled.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> ssm::buildOver(OpBuilder &b, Location loc,
                                  ArrayRef<unsigned> loops,
                                  ArrayRef<Labelled> ins, const Labelled &outs,
                                  ScalarBody body) {
  auto index = [&](const Labelled &labelled,
                   SmallVectorImpl<Indexed> &indexed) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : labelled.dims)
      exprs.push_back(
          b.getAffineDimExpr(llvm::find(loops, dim) - loops.begin()));
    auto map = AffineMap::get(loops.size(), 0, exprs, b.getContext());
    for (Value part : labelled.parts)
      indexed.push_back({part, map});
  };
  SmallVector<Indexed> indexedIns, indexedOuts;
  for (const Labelled &labelled : ins)
    index(labelled, indexedIns);
  index(outs, indexedOuts);
  return buildGeneric(b, loc, loops.size(), indexedIns, indexedOuts, body);
}

SmallVector<unsigned> ssm::relabel(ArrayRef<unsigned> dims, unsigned from,
                                   unsigned to) {
  SmallVector<unsigned> renamed(dims);
  llvm::replace(renamed, from, to);
  return renamed;
}

Num ssm::toNum(ValueRange parts) {
  return {parts[0], parts.size() > 1 ? parts[1] : Value()};
}

SmallVector<Value> ssm::toParts(Num x, bool isComplex) {
  SmallVector<Value> parts{x.re};
  if (isComplex)
    parts.push_back(x.im);
  return parts;
}

bool ssm::hasComplexElements(Value value) {
  return value && isa<ComplexType>(getElementTypeOrSelf(value));
}
