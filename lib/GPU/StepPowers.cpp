//===- StepPowers.cpp - A transition that all steps have ------------------===//
#include "StepPowers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

StepPowers::StepPowers(OpBuilder &b, Kernel &kernel, Num x)
    : b(b), k(kernel), num(b, k.loc, b.getF64Type()) {
  Num first{num.load(x.re).re, x.isComplex() ? num.load(x.im).re : Value()};
  squares.push_back(first);
  last = num.constant(1).re.getDefiningOp();
}

Num StepPowers::one() {
  return {num.constant(1).re,
          squares[0].isComplex() ? num.constant(0).re : Value()};
}

/// By squaring.
Num StepPowers::wide(int64_t steps) {
  std::optional<Num> product;
  for (unsigned bit = 0; steps >> bit; ++bit) {
    if (bit == squares.size())
      squares.push_back(num.mul(squares.back(), squares.back()));
    if (steps >> bit & 1)
      product = product ? num.mul(*product, squares[bit]) : squares[bit];
  }
  return product ? *product : one();
}

/// By the bits of the number of times.
Num StepPowers::widePower(Num x, Value times) {
  Num product = one();
  for (int64_t bit = 1; bit < kWarp; bit *= 2) {
    Value isSet = arith::CmpIOp::create(
        b, k.loc, arith::CmpIPredicate::ne,
        arith::AndIOp::create(b, k.loc, times, k.constant(bit)), k.constant(0));
    Num more = num.mul(product, x);
    auto choose = [&](Value yes, Value no) -> Value {
      return arith::SelectOp::create(b, k.loc, isSet, yes, no);
    };
    product = {choose(more.re, product.re),
               x.isComplex() ? choose(more.im, product.im) : Value()};
    x = num.mul(x, x);
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
  Num power = wide(steps);
  if (times)
    power = widePower(power, times);
  Type real = k.num.constant(0).re.getType();
  found->second = {num.store({power.re, Value()}, real),
                   power.isComplex() ? num.store({power.im, Value()}, real)
                                     : Value()};
  last = &*std::prev(b.getInsertionPoint());
  return found->second;
}

} // namespace ssm
