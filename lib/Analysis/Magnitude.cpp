//===- Magnitude.cpp - Bounds on the size of a value's elements -----------===//
//
// Interval arithmetic backward from a value, through arith, math and complex on
// scalars and tensors, linalg.generic, and ops that only move elements.
//
// Reference: Moore, "Interval Analysis" (1966).
//
//===----------------------------------------------------------------------===//

#include "ssm/Analysis/Magnitude.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <complex>

using namespace mlir;

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Where the real and the imaginary part of every element lie, and what its
/// absolute value is at most.
struct Bounds {
  double reLow = -kInfinity, reHigh = kInfinity;
  double imLow = 0, imHigh = 0;
  double magnitude = kInfinity;

  static Bounds real(double low, double high) {
    return {low, high, 0, 0, std::max(std::abs(low), std::abs(high))};
  }
  static Bounds unknown() { return {}; }
  static Bounds within(double magnitude) {
    return {-magnitude, magnitude, -magnitude, magnitude, magnitude};
  }
  bool isReal() const { return imLow == 0 && imHigh == 0; }
};

/// Bounds of values, found on demand.
class BoundsFinder {
public:
  Bounds find(Value value, unsigned depth = 0);

private:
  Bounds ofConstant(DenseElementsAttr elements);
  Bounds ofBlockArgument(BlockArgument argument, unsigned depth);
  Bounds ofOp(Operation *op, unsigned result, unsigned depth);
  Bounds ofArithmetic(Operation *op, unsigned depth);

  /// Chains of this many ops are given up: each step may visit two operands.
  static constexpr unsigned kMaxDepth = 16;
  /// Constants with more elements are not read.
  static constexpr int64_t kMaxElements = 1 << 20;
};
} // namespace

static Bounds product(const Bounds &x, const Bounds &y) {
  if (!x.isReal() || !y.isReal())
    return Bounds::within(x.magnitude * y.magnitude);
  double corners[] = {x.reLow * y.reLow, x.reLow * y.reHigh, x.reHigh * y.reLow,
                      x.reHigh * y.reHigh};
  // Zero times an infinite bound says nothing.
  if (llvm::any_of(corners, [](double c) { return std::isnan(c); }))
    return Bounds::unknown();
  return Bounds::real(*std::min_element(corners, corners + 4),
                      *std::max_element(corners, corners + 4));
}

static Bounds negated(Bounds x) {
  return {-x.reHigh, -x.reLow, -x.imHigh, -x.imLow, x.magnitude};
}

static Bounds sum(const Bounds &x, const Bounds &y) {
  return {x.reLow + y.reLow, x.reHigh + y.reHigh, x.imLow + y.imLow,
          x.imHigh + y.imHigh,
          x.isReal() && y.isReal() ? std::max(std::abs(x.reLow + y.reLow),
                                              std::abs(x.reHigh + y.reHigh))
                                   : x.magnitude + y.magnitude};
}

static Bounds quotient(const Bounds &x, const Bounds &y) {
  if (!y.isReal() || (y.reLow <= 0 && y.reHigh >= 0))
    return Bounds::unknown();
  return product(x, Bounds::real(1 / y.reHigh, 1 / y.reLow));
}

static Bounds ofIncreasing(const Bounds &x, double (*function)(double)) {
  return Bounds::real(function(x.reLow), function(x.reHigh));
}

Bounds BoundsFinder::ofConstant(DenseElementsAttr elements) {
  if (elements.empty() ||
      (!elements.isSplat() && elements.getNumElements() > kMaxElements))
    return Bounds::unknown();
  double low = kInfinity, high = -kInfinity, most = 0;
  if (isa<FloatType>(elements.getElementType())) {
    for (const APFloat &element : elements.getValues<APFloat>()) {
      double x = element.convertToDouble();
      low = std::min(low, x);
      high = std::max(high, x);
      most = std::isnan(x) ? kInfinity : most;
    }
    return most > 0 ? Bounds::unknown() : Bounds::real(low, high);
  }
  if (!isa<ComplexType>(elements.getElementType()))
    return Bounds::unknown();
  for (const std::complex<APFloat> &element :
       elements.getValues<std::complex<APFloat>>()) {
    double size = std::hypot(element.real().convertToDouble(),
                             element.imag().convertToDouble());
    most = std::isnan(size) ? kInfinity : std::max(most, size);
  }
  return Bounds::within(most);
}

/// An argument of a linalg body stands for the elements of its operand.
Bounds BoundsFinder::ofBlockArgument(BlockArgument argument, unsigned depth) {
  auto op =
      dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp());
  if (!op || argument.getArgNumber() >= op.getNumDpsInputs())
    return Bounds::unknown();
  return find(op->getOperand(argument.getArgNumber()), depth + 1);
}

Bounds BoundsFinder::ofArithmetic(Operation *op, unsigned depth) {
  auto at = [&](unsigned i) { return find(op->getOperand(i), depth + 1); };
  return llvm::TypeSwitch<Operation *, Bounds>(op)
      .Case<arith::MulFOp, complex::MulOp>(
          [&](auto) { return product(at(0), at(1)); })
      .Case<arith::AddFOp, complex::AddOp>(
          [&](auto) { return sum(at(0), at(1)); })
      .Case<arith::SubFOp, complex::SubOp>(
          [&](auto) { return sum(at(0), negated(at(1))); })
      .Case<arith::DivFOp>([&](auto) { return quotient(at(0), at(1)); })
      .Case<arith::NegFOp, complex::NegOp>([&](auto) { return negated(at(0)); })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([&](auto) {
        Bounds x = at(0), y = at(1);
        return Bounds::real(std::min(x.reLow, y.reLow),
                            std::min(x.reHigh, y.reHigh));
      })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) {
        Bounds x = at(0), y = at(1);
        return Bounds::real(std::max(x.reLow, y.reLow),
                            std::max(x.reHigh, y.reHigh));
      })
      .Case<math::ClampFOp>([&](auto) {
        Bounds x = at(0), low = at(1), high = at(2);
        return Bounds::real(std::clamp(x.reLow, low.reLow, high.reHigh),
                            std::clamp(x.reHigh, low.reLow, high.reHigh));
      })
      .Case<math::ExpOp>([&](auto) { return ofIncreasing(at(0), std::exp); })
      .Case<math::Exp2Op>([&](auto) {
        return ofIncreasing(at(0), [](double x) { return std::exp2(x); });
      })
      .Case<math::TanhOp>([&](auto) { return ofIncreasing(at(0), std::tanh); })
      .Case<math::AbsFOp, complex::AbsOp>(
          [&](auto) { return Bounds::real(0, at(0).magnitude); })
      .Case<math::SinOp, math::CosOp>([&](auto) { return Bounds::real(-1, 1); })
      .Case<complex::ExpOp>(
          [&](auto) { return Bounds::within(std::exp(at(0).reHigh)); })
      .Case<complex::CreateOp>([&](auto) {
        Bounds re = at(0), im = at(1);
        return Bounds{re.reLow, re.reHigh, im.reLow, im.reHigh,
                      std::hypot(re.magnitude, im.magnitude)};
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return at(0); })
      .Default([](Operation *) { return Bounds::unknown(); });
}

Bounds BoundsFinder::ofOp(Operation *op, unsigned result, unsigned depth) {
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    // A sum over a reduction is not the body's value.
    if (generic.getNumReductionLoops())
      return Bounds::unknown();
    return find(generic.getBlock()->getTerminator()->getOperand(result),
                depth + 1);
  }
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return find(fill.getInputs()[0], depth + 1);
  if (isa<linalg::BroadcastOp, linalg::TransposeOp, tensor::ExtractSliceOp,
          tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
          tensor::SplatOp, tensor::ExtractOp>(op))
    return find(op->getOperand(0), depth + 1);
  return ofArithmetic(op, depth);
}

Bounds BoundsFinder::find(Value value, unsigned depth) {
  if (depth > kMaxDepth)
    return Bounds::unknown();
  if (auto argument = dyn_cast<BlockArgument>(value))
    return ofBlockArgument(argument, depth);
  DenseElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)))
    return ofConstant(elements);
  FloatAttr scalar;
  if (matchPattern(value, m_Constant(&scalar))) {
    double x = scalar.getValueAsDouble();
    return std::isnan(x) ? Bounds::unknown() : Bounds::real(x, x);
  }
  return ofOp(value.getDefiningOp(), cast<OpResult>(value).getResultNumber(),
              depth);
}

std::optional<double> ssm::boundMagnitude(Value value) {
  double most = BoundsFinder().find(value).magnitude;
  if (std::isfinite(most))
    return most;
  return std::nullopt;
}

std::optional<double> ssm::provedMagnitude(Value value) {
  Bounds bounds = BoundsFinder().find(value);
  DenseElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)))
    return std::isfinite(bounds.magnitude) ? std::optional(bounds.magnitude)
                                           : std::nullopt;
  double least = std::max(bounds.reLow, -bounds.reHigh);
  if (least > 0 && std::isfinite(least))
    return least;
  return std::nullopt;
}
