//===- CheckAssociativity.cpp - Counterexamples to a scan's combiner ------===//
#include "CombinerEvaluator.h"

#include "ssm/Analysis/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SmallString.h"
#include <random>

namespace ssm {
#define GEN_PASS_DEF_CHECKASSOCIATIVITY
#include "ssm/Analysis/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using ::ssm::Scalars;

/// Rounding errors of a combiner's few ops, in units of the element type.
static constexpr double kUnits = 32;

namespace {
/// Random tuples of a scan's element types. A distribution of the standard
/// library may differ between its versions; the bits of the engine do not.
class Sampler {
public:
  Sampler(TypeRange types, unsigned seed, double low, double high)
      : types(types), engine(seed), low(low), high(high) {}

  Scalars tuple() {
    Scalars scalars;
    for (Type type : types)
      scalars.push_back(scalar(type));
    return scalars;
  }

private:
  Attribute scalar(Type type);
  double real();

  SmallVector<Type> types;
  std::mt19937 engine;
  double low, high;
};

struct CheckAssociativity
    : ::ssm::impl::CheckAssociativityBase<CheckAssociativity> {
  using CheckAssociativityBase::CheckAssociativityBase;
  void runOnOperation() override;

private:
  LogicalResult check(::ssm::AssociativeScanOp op);
};
} // namespace

double Sampler::real() {
  static constexpr double special[] = {-1, 0, 0.5, 1, 2};
  if (engine() % 4 == 0) {
    double value = special[engine() % std::size(special)];
    if (low <= value && value <= high)
      return value;
  }
  return low + (high - low) * (engine() / 4294967296.0);
}

/// Null for a type that has no numbers of ours.
Attribute Sampler::scalar(Type type) {
  Builder b(type.getContext());
  if (isa<FloatType>(type))
    return b.getFloatAttr(type, real());
  if (type.isInteger(1))
    return b.getIntegerAttr(type, engine() % 2);
  if (type.isIntOrIndex())
    return b.getIntegerAttr(type, static_cast<int64_t>(engine() % 17) - 8);
  if (auto complexType = dyn_cast<ComplexType>(type);
      complexType && isa<FloatType>(complexType.getElementType())) {
    Attribute re = scalar(complexType.getElementType());
    return b.getArrayAttr({re, scalar(complexType.getElementType())});
  }
  return {};
}

/// Whether two results are the same but for rounding.
static bool agree(Attribute x, Attribute y) {
  if (auto parts = dyn_cast<ArrayAttr>(x))
    return agree(parts[0], cast<ArrayAttr>(y)[0]) &&
           agree(parts[1], cast<ArrayAttr>(y)[1]);
  auto p = dyn_cast<FloatAttr>(x);
  if (!p)
    return x == y;
  double a = p.getValueAsDouble(), b = cast<FloatAttr>(y).getValueAsDouble();
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  if (a == b)
    return true;
  const llvm::fltSemantics &semantics =
      cast<FloatType>(p.getType()).getFloatSemantics();
  double unit = std::ldexp(
      1.0, -static_cast<int>(llvm::APFloat::semanticsPrecision(semantics)));
  return std::abs(a - b) <=
         kUnits * unit * std::max({1.0, std::abs(a), std::abs(b)});
}

static bool agree(const Scalars &x, const Scalars &y) {
  return llvm::all_of(llvm::zip_equal(x, y), [](auto pair) {
    return agree(std::get<0>(pair), std::get<1>(pair));
  });
}

/// "(0.5, -1, true)"
static std::string print(const Scalars &tuple) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '(';
  auto number = [&](Attribute attr) {
    if (auto value = dyn_cast<FloatAttr>(attr)) {
      SmallString<16> digits;
      value.getValue().toString(digits);
      os << digits;
    } else {
      attr.print(os, /*elideType=*/true);
    }
  };
  llvm::interleaveComma(tuple, os, [&](Attribute attr) {
    auto parts = dyn_cast<ArrayAttr>(attr);
    if (!parts)
      return number(attr);
    number(parts[0]);
    os << " + i ";
    number(parts[1]);
  });
  os << ')';
  return text;
}

/// The identity as constants, or nothing.
static std::optional<Scalars> getIdentity(::ssm::AssociativeScanOp op) {
  Scalars identity;
  for (Value value : op.getIdentity()) {
    Attribute constant;
    if (!matchPattern(value, m_Constant(&constant)))
      return std::nullopt;
    identity.push_back(constant);
  }
  return identity.empty() ? std::nullopt : std::optional(identity);
}

LogicalResult CheckAssociativity::check(::ssm::AssociativeScanOp op) {
  TypeRange types = op.getCombiner().front().getTerminator()->getOperandTypes();
  ::ssm::CombinerEvaluator evaluator(op);
  Sampler sampler(types, seed, low, high);
  std::optional<Scalars> identity = getIdentity(op);
  for (unsigned i = 0; i < samples; ++i) {
    Scalars a = sampler.tuple(), b = sampler.tuple(), c = sampler.tuple();
    if (llvm::is_contained(a, Attribute())) {
      op.emitRemark("associativity is not checked: there are no random "
                    "numbers of the elements' types (")
          << types << ')';
      return success();
    }
    auto combine = [&](const std::optional<Scalars> &x,
                       const std::optional<Scalars> &y) {
      return x && y ? evaluator.combine(*x, *y) : std::nullopt;
    };
    std::optional<Scalars> left = combine(combine(a, b), c),
                           right = combine(a, combine(b, c));
    if (!left || !right) {
      op.emitRemark("associativity is not checked: ")
          << evaluator.getObstacle();
      return success();
    }
    if (!agree(*left, *right))
      return op.emitOpError("the combiner is not associative: with a = ")
             << print(a) << ", b = " << print(b) << ", c = " << print(c)
             << ", (a * b) * c = " << print(*left)
             << " and a * (b * c) = " << print(*right)
             << "; a scan may bracket either way, a loop "
                "(ssm.nonlinear_recurrence) does not";
    if (!identity)
      continue;
    for (auto [product, text] :
         {std::pair(combine(identity, a), "identity * a = "),
          std::pair(combine(a, identity), "a * identity = ")})
      if (product && !agree(*product, a))
        return op.emitOpError("the identity is none: with a = ")
               << print(a) << " and identity = " << print(*identity) << ", "
               << text << print(*product);
  }
  return success();
}

void CheckAssociativity::runOnOperation() {
  WalkResult result = getOperation()->walk([&](::ssm::AssociativeScanOp op) {
    return failed(check(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
