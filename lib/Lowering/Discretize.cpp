//===- Discretize.cpp - Lowers ssm.discretize of a diagonal transition ----===//
//
// One elementwise op per result, so that fusion can take each to where it is
// used. With z = dt a and phi(z) = (exp(z) - 1) / z, what keeps the accuracy:
//
//   z            z = fl(dt a) and e = dt a - z, exact by a fused multiply-add;
//                exp(z + e) = exp(z) (1 + e) to first order, else the error of
//                exp would grow like |z|, and that of a complex phase with it
//   exp(z) - 1   with z = x + i y,
//                Re = expm1(x) cos(y) - 2 sin(y/2)^2,  Im = exp(x) sin(y)
//   precision    f64 for the f32 parameters of a model, computed once: what a
//                coefficient loses, every step of the recurrence repeats
//   phi(0) = 1   chosen where z = 0; elsewhere the quotient has no error of its
//                own
//
// Precondition: the transition is diagonal (BilinearSolve.cpp does the rest).
//
// Reference: N. Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace ssm;

namespace {
/// z = dt a and what rounding took from it; nothing if that is not asked for.
struct Exponent {
  Num value, error;
};

/// The scalars of one element. Absent operands are null.
struct Element {
  Num a;
  Value step;
  std::optional<Num> input;
  Value weight;
};

/// The formulas of the description of `ssm.discretize`.
class Formulas {
public:
  Formulas(OpBuilder &b, Location loc, Type real, Discretization method,
           bool compensates)
      : b(b), loc(loc), real(real), num(b, loc, real), method(method),
        compensates(compensates) {}

  Num transition(const Element &e);
  Num input(const Element &e);
  Num previous(const Element &e);

private:
  Exponent exponent(const Element &e);
  Num exp(Exponent z);
  Num expm1(Exponent z);
  Num phi(Exponent z);
  Num onePlus(Value x);
  /// 1 + sign z / 2
  Num half(const Element &e, double sign);
  Value weight(const Element &e);
  Value constant(double value) { return num.constant(value).re; }
  Num scale(Num x, Value factor) { return num.mul(x, {factor, Value()}); }

  OpBuilder &b;
  Location loc;
  Type real;
  NumBuilder num;
  Discretization method;
  bool compensates;
};
} // namespace

Exponent Formulas::exponent(const Element &e) {
  auto multiply = [&](Value a) {
    // Not to be contracted into a sum: e is the error of this rounding.
    Value product = arith::MulFOp::create(b, loc, e.step, a);
    if (!compensates)
      return std::pair(product, Value());
    Value error = math::FmaOp::create(b, loc, e.step, a, num.negf(product));
    // Where the product overflows there is no error to speak of.
    Value isNumber =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD, error, error);
    error = arith::SelectOp::create(b, loc, isNumber, error, constant(0));
    return std::pair(product, error);
  };
  auto [re, reError] = multiply(e.a.re);
  if (!e.a.isComplex())
    return {{re, Value()}, {reError, Value()}};
  auto [im, imError] = multiply(e.a.im);
  return {{re, im}, {reError, imError}};
}

/// 1 + x for a small x.
Num Formulas::onePlus(Value x) { return {num.addf(constant(1), x), Value()}; }

Num Formulas::exp(Exponent z) {
  Value modulus = math::ExpOp::create(b, loc, z.value.re);
  if (compensates)
    modulus = num.mulf(modulus, onePlus(z.error.re).re);
  if (!z.value.isComplex())
    return {modulus, Value()};
  Value cos = math::CosOp::create(b, loc, z.value.im);
  Value sin = math::SinOp::create(b, loc, z.value.im);
  Num phase{cos, sin};
  if (compensates)
    phase = {num.subf(cos, num.mulf(z.error.im, sin)),
             num.addf(sin, num.mulf(z.error.im, cos))};
  return scale(phase, modulus);
}

Num Formulas::expm1(Exponent z) {
  Value grown = math::ExpM1Op::create(b, loc, z.value.re);
  if (!z.value.isComplex() && !compensates)
    return {grown, Value()};
  if (!z.value.isComplex())
    return {num.addf(num.mulf(grown, onePlus(z.error.re).re), z.error.re),
            Value()};
  Value cos = math::CosOp::create(b, loc, z.value.im);
  Value sin = math::SinOp::create(b, loc, z.value.im);
  Value halfSin =
      math::SinOp::create(b, loc, num.mulf(z.value.im, constant(0.5)));
  Value versine = num.mulf(constant(2), num.mulf(halfSin, halfSin));
  Value modulus = num.addf(grown, constant(1));
  Num m{num.subf(num.mulf(grown, cos), versine), num.mulf(modulus, sin)};
  if (!compensates)
    return m;
  // exp(z + e) - 1 = m + e (m + 1)
  return num.mulAdd(z.error, num.add(m, num.constant(1)), m);
}

Num Formulas::phi(Exponent z) {
  Num quotient = num.divide(expm1(z), z.value);
  auto isZero = [&](Value x) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x,
                                 constant(0));
  };
  Value atZero = isZero(z.value.re);
  if (z.value.isComplex())
    atZero = arith::AndIOp::create(b, loc, atZero, isZero(z.value.im));
  auto choose = [&](double limit, Value x) {
    return arith::SelectOp::create(b, loc, atZero, constant(limit), x);
  };
  Num result{choose(1, quotient.re), Value()};
  if (z.value.isComplex())
    result.im = choose(0, quotient.im);
  return result;
}

Num Formulas::half(const Element &e, double sign) {
  Value step = num.mulf(e.step, constant(0.5 * sign));
  return num.mulAdd(e.a, {step, Value()}, num.constant(1));
}

Value Formulas::weight(const Element &e) {
  return e.weight ? e.weight : constant(0.5);
}

Num Formulas::transition(const Element &e) {
  if (method == Discretization::Bilinear)
    return num.divide(half(e, 1), half(e, -1));
  return exp(exponent(e));
}

Num Formulas::input(const Element &e) {
  Num factor = num.constant(1);
  switch (method) {
  case Discretization::ZOH:
    factor = scale(phi(exponent(e)), e.step);
    break;
  case Discretization::Bilinear:
    factor = num.divide({e.step, Value()}, half(e, -1));
    break;
  case Discretization::Euler:
    factor = {e.step, Value()};
    break;
  case Discretization::Dirac:
    break;
  case Discretization::Trapezoid:
    factor = {num.mulf(weight(e), e.step), Value()};
    break;
  }
  return e.input ? num.mul(factor, *e.input) : factor;
}

Num Formulas::previous(const Element &e) {
  Value other = num.subf(constant(1), weight(e));
  return scale(exp(exponent(e)), num.mulf(other, e.step));
}

/// Whether there is one step per element of A at most, and not one for each
/// time, which leaves too many results to pay for a wider type.
static bool isOfParameters(DiscretizeOp op) {
  return llvm::all_of(dimsOf(op.getStepMap()), [&](unsigned dim) {
    return uses(op.getTransitionMap(), dim);
  });
}

/// The type to compute in.
static Type workingType(DiscretizeOp op, Type stored) {
  Builder b(op.getContext());
  if (stored.getIntOrFloatBitWidth() < 32)
    return b.getF32Type();
  return isOfParameters(op) ? b.getF64Type() : stored;
}

/// One result as an elementwise op over the operands that it needs.
static Value
emitResult(OpBuilder &b, DiscretizeOp op, unsigned index,
           ArrayRef<OpFoldResult> sizes, bool compensates,
           llvm::function_ref<Num(Formulas &, const Element &)> formula) {
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(op->getResult(index).getType());
  AffineMap out = op.getResultMap(index);
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  SmallVector<std::optional<unsigned>> argument;
  auto add = [&](StringRef name, Value value, AffineMap map) {
    bool isUsed =
        value && DiscretizeOp::isComputedFrom(op.getMethod(), index, name);
    argument.push_back(isUsed ? std::optional<unsigned>(values.size())
                              : std::nullopt);
    if (isUsed) {
      values.push_back(value);
      maps.push_back(map);
    }
  };
  add("transition", op.getTransition(), op.getTransitionMap());
  add("step", op.getStep(), op.getStepMap());
  add("input", op.getInput(), op.getInputIndexingMap());
  add("weight", op.getWeight(), op.getWeightIndexingMap());
  maps.push_back(out);
  maps = compressUnusedDims(maps);
  SmallVector<Indexed> ins;
  for (auto [value, map] : llvm::zip(values, maps))
    ins.push_back({value, map});
  Value empty = tensor::EmptyOp::create(b, loc, applyMap(out, sizes),
                                        type.getElementType());
  return buildGeneric(
      b, loc, maps.back().getNumDims(), ins, {{empty, maps.back()}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        Type real = workingType(op, getRealType(type.getElementType()));
        NumBuilder num(nested, bodyLoc, real);
        Formulas formulas(nested, bodyLoc, real, op.getMethod(), compensates);
        auto load = [&](unsigned i) {
          return argument[i] ? num.load(args[*argument[i]]) : Num();
        };
        Element e{load(0), load(1).re, {}, load(3).re};
        if (argument[2])
          e.input = load(2);
        return SmallVector<Value>{
            num.store(formula(formulas, e), type.getElementType())};
      })[0];
}

namespace {
struct LowerDiscretize : OpRewritePattern<DiscretizeOp> {
  LowerDiscretize(MLIRContext *context, bool compensates)
      : OpRewritePattern(context), compensates(compensates) {}
  LogicalResult matchAndRewrite(DiscretizeOp op,
                                PatternRewriter &rewriter) const override {
    if (op.isDense())
      return rewriter.notifyMatchFailure(op, "the transition is dense");
    SmallVector<OpFoldResult> sizes = op.getLoopSizes(rewriter);
    using Formula = Num (Formulas::*)(const Element &);
    Formula formulas[] = {&Formulas::transition, &Formulas::input,
                          &Formulas::previous};
    for (OpResult result : op->getResults()) {
      if (result.use_empty())
        continue;
      Formula formula = formulas[result.getResultNumber()];
      Value value =
          emitResult(rewriter, op, result.getResultNumber(), sizes, compensates,
                     [&](Formulas &scalars, const Element &e) {
                       return (scalars.*formula)(e);
                     });
      rewriter.replaceAllUsesWith(result, value);
    }
    rewriter.eraseOp(op);
    return success();
  }

  bool compensates;
};
} // namespace

void ssm::populateDiscretizeLowering(RewritePatternSet &patterns,
                                     bool compensates) {
  patterns.add<LowerDiscretize>(patterns.getContext(), compensates);
}
