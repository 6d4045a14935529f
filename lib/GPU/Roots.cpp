//===- Roots.cpp - Roots of unity that a thread computes ------------------===//
#include "Roots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace ssm {

/// exp(i pi/2 x) for |x| <= 1/2, by series that are exact to the last bit.
static Num emitEighth(Kernel &k, Value x) {
  auto f32 = [&](double value) { return k.num.constant(value).re; };
  Value square = k.num.mulf(x, x);
  // (pi/2)^n / n!, n = first, first + 2, ..., last, with changing signs.
  auto series = [&](int first, int last) {
    Value sum;
    for (int n = last; n >= first; n -= 2) {
      double c = std::pow(llvm::numbers::pi / 2, n) / std::tgamma(n + 1.0);
      Value term = f32((n - first) % 4 == 0 ? c : -c);
      sum = sum ? k.num.addf(k.num.mulf(sum, square), term) : term;
    }
    return sum;
  };
  return {series(0, 10), k.num.mulf(series(1, 9), x)};
}

/// A quarter turn, none or more of them, and at most an eighth either way.
Num emitRootOfUnity(OpBuilder &b, Kernel &k, Value j, int64_t order) {
  Value eighth = k.constant(order / 8), quarter = k.constant(order / 4);
  Value turns = arith::DivUIOp::create(b, k.loc, k.add(j, eighth), quarter);
  Value rest = arith::SubIOp::create(b, k.loc, j, k.mul(turns, quarter));
  Value x =
      k.num.mulf(arith::SIToFPOp::create(
                     b, k.loc, b.getF32Type(),
                     arith::TruncIOp::create(b, k.loc, b.getI32Type(), rest)),
                 k.num.constant(4.0 / order).re);
  Num w = emitEighth(k, x);
  auto isSet = [&](int64_t bit) {
    return arith::TruncIOp::create(
        b, k.loc, b.getI1Type(),
        arith::ShRUIOp::create(b, k.loc, turns, k.constant(bit)));
  };
  auto choose = [&](Value condition, Num yes, Num no) {
    return Num{arith::SelectOp::create(b, k.loc, condition, yes.re, no.re),
               arith::SelectOp::create(b, k.loc, condition, yes.im, no.im)};
  };
  w = choose(isSet(0), {k.num.negf(w.im), w.re}, w);
  return choose(isSet(1), {k.num.negf(w.re), k.num.negf(w.im)}, w);
}

} // namespace ssm
