//===- CombinerEvaluator.cpp - A combiner on numbers ----------------------===//
//
// Ops are evaluated by upstream's folders; the few complex ones that have none
// for constants are computed here, in double precision.
//
//===----------------------------------------------------------------------===//
#include "CombinerEvaluator.h"

#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <complex>

using namespace mlir;
using namespace ssm;

CombinerEvaluator::CombinerEvaluator(AssociativeScanOp op)
    : clone(op->clone()) {}

CombinerEvaluator::~CombinerEvaluator() { clone->erase(); }

Attribute CombinerEvaluator::lookup(Value value) {
  if (Attribute known = values.lookup(value))
    return known;
  Attribute constant;
  matchPattern(value, m_Constant(&constant));
  return constant;
}

using Complex = std::complex<double>;

static std::optional<Complex> toComplex(Attribute attr) {
  auto parts = dyn_cast_or_null<ArrayAttr>(attr);
  if (!parts || parts.size() != 2)
    return std::nullopt;
  return Complex(cast<FloatAttr>(parts[0]).getValueAsDouble(),
                 cast<FloatAttr>(parts[1]).getValueAsDouble());
}

/// A complex op whose upstream folder does not take constants, or null.
static Attribute evaluateComplex(Operation &op, ArrayRef<Attribute> operands) {
  Builder b(op.getContext());
  if (isa<complex::CreateOp>(op))
    return b.getArrayAttr(operands);
  SmallVector<Complex, 2> x;
  for (Attribute operand : operands) {
    std::optional<Complex> value = toComplex(operand);
    if (!value)
      return {};
    x.push_back(*value);
  }
  if (isa<complex::AbsOp>(op))
    return b.getFloatAttr(op.getResult(0).getType(), std::abs(x[0]));
  auto result = llvm::TypeSwitch<Operation *, std::optional<Complex>>(&op)
                    .Case([&](complex::AddOp) { return x[0] + x[1]; })
                    .Case([&](complex::SubOp) { return x[0] - x[1]; })
                    .Case([&](complex::MulOp) { return x[0] * x[1]; })
                    .Case([&](complex::DivOp) { return x[0] / x[1]; })
                    .Case([&](complex::NegOp) { return -x[0]; })
                    .Case([&](complex::ConjOp) { return std::conj(x[0]); })
                    .Case([&](complex::ExpOp) { return std::exp(x[0]); })
                    .Default(std::optional<Complex>());
  if (!result)
    return {};
  Type part = cast<ComplexType>(op.getResult(0).getType()).getElementType();
  return b.getArrayAttr({b.getFloatAttr(part, result->real()),
                         b.getFloatAttr(part, result->imag())});
}

bool CombinerEvaluator::evaluate(Operation &op) {
  SmallVector<Attribute> operands;
  for (Value operand : op.getOperands()) {
    operands.push_back(lookup(operand));
    if (!operands.back()) {
      obstacle = (op.getName().getStringRef() +
                  " takes a value from around the scan that is not constant")
                     .str();
      return false;
    }
  }
  Attribute constant;
  if (op.getNumResults() == 1 && matchPattern(&op, m_Constant(&constant))) {
    values[op.getResult(0)] = constant;
    return true;
  }
  SmallVector<OpFoldResult> results;
  if (succeeded(op.fold(operands, results)) &&
      results.size() == op.getNumResults()) {
    bool known = true;
    for (auto [value, folded] : llvm::zip_equal(op.getResults(), results)) {
      Attribute attr = dyn_cast<Attribute>(folded);
      values[value] = attr ? attr : lookup(cast<Value>(folded));
      known &= bool(values[value]);
    }
    if (known)
      return true;
  }
  if (op.getNumResults() == 1 && isa<complex::ComplexDialect>(op.getDialect()))
    if (Attribute attr = evaluateComplex(op, operands)) {
      values[op.getResult(0)] = attr;
      return true;
    }
  obstacle = (op.getName().getStringRef() + " has no folder").str();
  return false;
}

std::optional<Scalars> CombinerEvaluator::combine(ArrayRef<Attribute> left,
                                                  ArrayRef<Attribute> right) {
  Block &body = cast<AssociativeScanOp>(clone).getCombiner().front();
  values.clear();
  for (auto [argument, value] : llvm::zip_equal(
           body.getArguments(), llvm::concat<const Attribute>(left, right)))
    values[argument] = value;
  for (Operation &op : body.without_terminator())
    if (!evaluate(op))
      return std::nullopt;
  Scalars result;
  for (Value value : body.getTerminator()->getOperands()) {
    result.push_back(lookup(value));
    if (!result.back()) {
      obstacle = "it yields a value from around the scan that is not constant";
      return std::nullopt;
    }
  }
  return result;
}
