//===- StepPowers.cpp - A transition that all steps have ------------------===//
#include "StepPowers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

StepPowers::StepPowers(OpBuilder &b, Kernel &kernel, Num x, bool inPairs)
    : b(b), k(kernel), wide(b, k.loc, inPairs), isComplex(x.isComplex()) {
  squares.push_back(wide.widen(x));
  last = k.constant(1).getDefiningOp();
}

/// By squaring.
WideNum StepPowers::widePower(int64_t steps) {
  std::optional<WideNum> product;
  for (unsigned bit = 0; steps >> bit; ++bit) {
    if (bit == squares.size())
      squares.push_back(wide.mul(squares.back(), squares.back()));
    if (steps >> bit & 1)
      product = product ? wide.mul(*product, squares[bit]) : squares[bit];
  }
  return product ? *product : wide.one(isComplex);
}

/// By the bits of the number of times.
WideNum StepPowers::widePower(WideNum x, Value times) {
  WideNum product = wide.one(isComplex);
  for (int64_t bit = 1; bit < kWarp; bit *= 2) {
    Value isSet = arith::CmpIOp::create(
        b, k.loc, arith::CmpIPredicate::ne,
        arith::AndIOp::create(b, k.loc, times, k.constant(bit)), k.constant(0));
    product = wide.select(isSet, wide.mul(product, x), product);
    x = wide.mul(x, x);
  }
  return product;
}

Num StepPowers::power(int64_t steps, Value times) {
  auto [found, isNew] =
      known.try_emplace({steps, times ? times.getAsOpaquePointer() : nullptr});
  if (!isNew)
    return found->second;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(last);
  WideNum power = widePower(steps);
  if (times)
    power = widePower(power, times);
  found->second = wide.narrow(power, k.num.constant(0).re.getType());
  last = &*std::prev(b.getInsertionPoint());
  return found->second;
}

} // namespace ssm
