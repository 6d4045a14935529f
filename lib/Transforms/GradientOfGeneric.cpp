//===- GradientOfGeneric.cpp - The rule of linalg.generic -----------------===//
//
// The cotangent of an input is a linalg.generic over the same loop dimensions:
// it computes the scalars of the body again, goes through them in reverse, and
// sums over the dimensions that the input lacks.
//
// Precondition: a reduction adds to its accumulator, and the scalars between
// have a rule.
//
//===----------------------------------------------------------------------===//
#include "Gradient.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

namespace {
/// Walks scalar ops in reverse and collects cotangents.
class ScalarReverse {
public:
  ScalarReverse(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  void add(Value value, Value grad);
  Value get(Value value) { return grads.lookup(value); }
  /// Adds to the operands' cotangents; failure if `op` has no rule.
  LogicalResult visit(Operation *op);

private:
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value neg(Value x);
  Value conj(Value x);
  Value constant(Type type, double value);
  LogicalResult visitReal(Operation *op, Value g);
  LogicalResult visitMath(Operation *op, Value g);
  LogicalResult visitComplex(Operation *op, Value g);
  void visitExtremum(Operation *op, arith::CmpFPredicate first, Value g);

  OpBuilder &b;
  Location loc;
  llvm::DenseMap<Value, Value> grads;
};
} // namespace

void ScalarReverse::add(Value value, Value grad) {
  Value &sum = grads[value];
  if (!sum)
    sum = grad;
  else if (isa<ComplexType>(grad.getType()))
    sum = complex::AddOp::create(b, loc, sum, grad);
  else
    sum = arith::AddFOp::create(b, loc, sum, grad);
}

Value ScalarReverse::mul(Value x, Value y) {
  if (isa<ComplexType>(x.getType()))
    return complex::MulOp::create(b, loc, x, y);
  return arith::MulFOp::create(b, loc, x, y);
}

Value ScalarReverse::div(Value x, Value y) {
  if (isa<ComplexType>(x.getType()))
    return complex::DivOp::create(b, loc, x, y);
  return arith::DivFOp::create(b, loc, x, y);
}

Value ScalarReverse::neg(Value x) {
  if (isa<ComplexType>(x.getType()))
    return complex::NegOp::create(b, loc, x);
  return arith::NegFOp::create(b, loc, x);
}

Value ScalarReverse::conj(Value x) {
  if (isa<ComplexType>(x.getType()))
    return complex::ConjOp::create(b, loc, x);
  return x;
}

Value ScalarReverse::constant(Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

/// Where both are equal, the first gets the cotangent.
void ScalarReverse::visitExtremum(Operation *op, arith::CmpFPredicate first,
                                  Value g) {
  Value x = op->getOperand(0), y = op->getOperand(1);
  Value zero = constant(g.getType(), 0.0);
  Value isFirst = arith::CmpFOp::create(b, loc, first, x, y);
  add(x, arith::SelectOp::create(b, loc, isFirst, g, zero));
  add(y, arith::SelectOp::create(b, loc, isFirst, zero, g));
}

LogicalResult ScalarReverse::visitReal(Operation *op, Value g) {
  Value x = op->getNumOperands() ? op->getOperand(0) : Value();
  Value y = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::AddFOp) { return add(x, g), add(y, g), success(); })
      .Case([&](arith::SubFOp) { return add(x, g), add(y, neg(g)), success(); })
      .Case([&](arith::MulFOp) {
        return add(x, mul(g, y)), add(y, mul(g, x)), success();
      })
      .Case([&](arith::DivFOp div) {
        Value gx = this->div(g, y);
        return add(x, gx), add(y, neg(mul(gx, div.getResult()))), success();
      })
      .Case([&](arith::NegFOp) { return add(x, neg(g)), success(); })
      .Case<arith::ExtFOp>([&](auto) {
        add(x, arith::TruncFOp::create(b, loc, x.getType(), g));
        return success();
      })
      .Case<arith::TruncFOp>([&](auto) {
        add(x, arith::ExtFOp::create(b, loc, x.getType(), g));
        return success();
      })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) {
        visitExtremum(op, arith::CmpFPredicate::OGE, g);
        return success();
      })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([&](auto) {
        visitExtremum(op, arith::CmpFPredicate::OLE, g);
        return success();
      })
      .Case([&](arith::SelectOp select) {
        Type type = g.getType();
        Value zero = constant(getRealType(type), 0.0);
        if (isa<ComplexType>(type))
          zero = complex::CreateOp::create(b, loc, type, zero, zero);
        Value c = select.getCondition();
        add(select.getTrueValue(), arith::SelectOp::create(b, loc, c, g, zero));
        add(select.getFalseValue(),
            arith::SelectOp::create(b, loc, c, zero, g));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

LogicalResult ScalarReverse::visitMath(Operation *op, Value g) {
  Value x = op->getOperand(0), y = op->getResult(0);
  auto one = [&] { return constant(g.getType(), 1.0); };
  auto oneMinusSquare = [&](Value v) -> Value {
    return arith::SubFOp::create(b, loc, one(), mul(v, v));
  };
  Value slope =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](math::ExpOp) { return y; })
          .Case([&](math::ExpM1Op) {
            return arith::AddFOp::create(b, loc, y, one());
          })
          .Case([&](math::LogOp) { return div(one(), x); })
          .Case([&](math::Log1pOp) {
            return div(one(), arith::AddFOp::create(b, loc, x, one()));
          })
          .Case(
              [&](math::SqrtOp) { return div(constant(g.getType(), 0.5), y); })
          .Case([&](math::RsqrtOp) {
            return mul(constant(g.getType(), -0.5), div(y, x));
          })
          .Case([&](math::SinOp) { return math::CosOp::create(b, loc, x); })
          .Case(
              [&](math::CosOp) { return neg(math::SinOp::create(b, loc, x)); })
          .Case([&](math::TanhOp) { return oneMinusSquare(y); })
          .Case([&](math::ErfOp) {
            Value e = math::ExpOp::create(b, loc, neg(mul(x, x)));
            return mul(constant(g.getType(), 1.1283791670955126), e);
          })
          .Case([&](math::ErfcOp) {
            Value e = math::ExpOp::create(b, loc, neg(mul(x, x)));
            return mul(constant(g.getType(), -1.1283791670955126), e);
          })
          .Case([&](math::AbsFOp) {
            return math::CopySignOp::create(b, loc, one(), x);
          })
          .Default([](Operation *) { return Value(); });
  if (!slope)
    return failure();
  add(x, mul(g, slope));
  return success();
}

LogicalResult ScalarReverse::visitComplex(Operation *op, Value g) {
  Value x = op->getOperand(0);
  Value y = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  Value result = op->getResult(0);
  auto part = [&](Value re, Value im) {
    Value zero = constant(g.getType(), 0.0);
    return complex::CreateOp::create(b, loc, x.getType(), re ? re : zero,
                                     im ? im : zero);
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](complex::AddOp) { return add(x, g), add(y, g), success(); })
      .Case(
          [&](complex::SubOp) { return add(x, g), add(y, neg(g)), success(); })
      .Case([&](complex::MulOp) {
        return add(x, mul(g, conj(y))), add(y, mul(g, conj(x))), success();
      })
      .Case([&](complex::DivOp) {
        Value gx = div(g, conj(y));
        return add(x, gx), add(y, neg(mul(gx, conj(result)))), success();
      })
      .Case([&](complex::NegOp) { return add(x, neg(g)), success(); })
      .Case([&](complex::ConjOp) { return add(x, conj(g)), success(); })
      .Case([&](complex::ExpOp) {
        return add(x, mul(g, conj(result))), success();
      })
      .Case([&](complex::LogOp) { return add(x, div(g, conj(x))), success(); })
      .Case([&](complex::ReOp) { return add(x, part(g, {})), success(); })
      .Case([&](complex::ImOp) { return add(x, part({}, g)), success(); })
      .Case([&](complex::CreateOp) {
        add(x, complex::ReOp::create(b, loc, g));
        add(y, complex::ImOp::create(b, loc, g));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

LogicalResult ScalarReverse::visit(Operation *op) {
  Value g = op->getNumResults() == 1 ? get(op->getResult(0)) : Value();
  if (!g || op->hasTrait<OpTrait::ConstantLike>())
    return success();
  StringRef dialect = op->getName().getDialectNamespace();
  return dialect == "complex" ? visitComplex(op, g)
         : dialect == "math"  ? visitMath(op, g)
                              : visitReal(op, g);
}

namespace {
/// One linalg.generic and what its rule makes.
class GenericGradient {
public:
  GenericGradient(OpBuilder &b, linalg::GenericOp op, Cotangents &cotangents)
      : b(b), op(op), cotangents(cotangents), body(*op.getBody()) {}

  LogicalResult run();

private:
  LogicalResult check();
  /// The term that is added to accumulator `i`, or null.
  Value getAddend(unsigned i);
  Value makeGrad(OpOperand &operand);

  OpBuilder &b;
  linalg::GenericOp op;
  Cotangents &cotangents;
  Block &body;
  LogicalResult status = success();
};
} // namespace

Value GenericGradient::getAddend(unsigned i) {
  BlockArgument acc = body.getArgument(op.getNumDpsInputs() + i);
  Operation *sum = body.getTerminator()->getOperand(i).getDefiningOp();
  if (!acc.hasOneUse() || *acc.user_begin() != sum ||
      !isa_and_present<arith::AddFOp, complex::AddOp>(sum))
    return Value();
  return sum->getOperand(sum->getOperand(0) == acc ? 1 : 0);
}

LogicalResult GenericGradient::check() {
  if (op.getNumReductionLoops())
    for (unsigned i = 0; i < op.getNumResults(); ++i)
      if (!getAddend(i))
        return op.emitError("a reduction with a gradient must add to its "
                            "accumulator, but this one does something else");
  WalkResult captured = op.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (inner != op.getOperation() && cotangents.isVaried(operand)) {
        op.emitError("the body of an op with a gradient must take what depends "
                     "on an input by its operands, but it captures a value; "
                     "make it an input of the op");
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(captured.wasInterrupted());
}

/// The cotangent of an operand that the body reads.
Value GenericGradient::makeGrad(OpOperand &operand) {
  bool reduces = op.getNumReductionLoops();
  SmallVector<Indexed> ins;
  SmallVector<BlockArgument> read;
  for (OpOperand &other : op->getOpOperands()) {
    BlockArgument arg = op.getMatchingBlockArgument(&other);
    if (op.isDpsInit(&other) && (reduces || arg.use_empty()))
      continue;
    read.push_back(arg);
    ins.push_back({other.get(), op.getMatchingIndexingMap(&other)});
  }
  SmallVector<unsigned> seeded;
  for (OpResult result : op.getResults())
    if (Value grad = cotangents.get(result)) {
      seeded.push_back(result.getResultNumber());
      ins.push_back({grad, op.getMatchingIndexingMap(op.getDpsInitOperand(
                               result.getResultNumber()))});
    }
  SumTarget target =
      SumTarget::of(b, {operand.get(), op.getMatchingIndexingMap(&operand)});
  auto emit = [&](OpBuilder &nested, Location at, ValueRange args) -> Value {
    IRMapping mapping;
    for (auto [arg, value] : llvm::zip(read, args))
      mapping.map(arg, value);
    SmallVector<Operation *> clones;
    Operation *terminator = body.getTerminator();
    for (Operation &inner : body.without_terminator())
      if (!reduces ||
          !llvm::is_contained(terminator->getOperands(), inner.getResult(0)))
        clones.push_back(nested.clone(inner, mapping));
    ScalarReverse reverse(nested, at);
    for (auto [i, grad] : llvm::zip(seeded, args.drop_front(read.size())))
      reverse.add(mapping.lookupOrDefault(reduces ? getAddend(i)
                                                  : terminator->getOperand(i)),
                  grad);
    for (Operation *inner : llvm::reverse(clones))
      if (failed(reverse.visit(inner))) {
        status = op.emitError("a scalar op between inputs and results must "
                              "have a gradient, but '")
                 << inner->getName() << "' has none";
        break;
      }
    Value grad =
        reverse.get(mapping.lookup(op.getMatchingBlockArgument(&operand)));
    if (grad)
      return grad;
    Value zero = arith::ConstantOp::create(
        nested, at, nested.getFloatAttr(getRealType(target.element), 0.0));
    return isa<ComplexType>(target.element)
               ? complex::CreateOp::create(nested, at, target.element, zero,
                                           zero)
                     .getResult()
               : zero;
  };
  return sumInto(b, op.getLoc(), target, ins, emit);
}

LogicalResult GenericGradient::run() {
  if (failed(check()))
    return failure();
  bool reduces = op.getNumReductionLoops();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument arg = op.getMatchingBlockArgument(&operand);
    if (!cotangents.isVaried(operand.get()) || arg.use_empty())
      continue;
    bool accumulator = op.isDpsInit(&operand) && reduces;
    Value grad = accumulator ? cotangents.get(op.getTiedOpResult(&operand))
                             : makeGrad(operand);
    if (failed(status))
      return failure();
    if (grad)
      cotangents.add(b, operand.get(), grad);
  }
  return success();
}

LogicalResult ssm::differentiate(OpBuilder &b, linalg::GenericOp op,
                                 Cotangents &cotangents) {
  return GenericGradient(b, op, cotangents).run();
}
