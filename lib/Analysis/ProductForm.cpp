//===- ProductForm.cpp - Sums of products ---------------------------------===//
//
// Whether the body of a linalg op adds the product of two elements to its sum
// is found by computing it on polynomials of their real and imaginary parts: a
// body may take complex numbers apart, and sum in any order.
//
//===----------------------------------------------------------------------===//
#include "ssm/Analysis/ProductForm.h"
#include "ssm/Analysis/ElementForm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;

namespace ssm {

namespace {
/// Of variables by their numbers: coefficients of the products of sorted ones.
using Polynomial = std::map<std::vector<unsigned>, double>;
struct Parts {
  Polynomial re, im;
};
} // namespace

static Polynomial add(Polynomial x, const Polynomial &y, int factor = 1) {
  for (const auto &[variables, coefficient] : y)
    if ((x[variables] += factor * coefficient) == 0)
      x.erase(variables);
  return x;
}

static Polynomial multiply(const Polynomial &x, const Polynomial &y) {
  Polynomial product;
  for (const auto &[left, p] : x)
    for (const auto &[right, q] : y) {
      std::vector<unsigned> both = left;
      both.insert(both.end(), right.begin(), right.end());
      llvm::sort(both);
      product = add(std::move(product), {{both, p * q}});
    }
  return product;
}

static Parts multiply(const Parts &x, const Parts &y) {
  return {add(multiply(x.re, y.re), multiply(x.im, y.im), -1),
          add(multiply(x.re, y.im), multiply(x.im, y.re))};
}

/// Whether there are no products of variables: one more factor of a product
/// makes terms that no sum of products has, and ever more of them.
static bool isLinear(const Parts &x) {
  return llvm::all_of(std::array{&x.re, &x.im}, [](const Polynomial *part) {
    return llvm::all_of(
        *part, [](const auto &term) { return term.first.size() <= 1; });
  });
}

/// What an op gives for these operands; nothing if it is none of a product's.
static std::optional<Parts> evaluate(Operation &op, ArrayRef<Parts> x) {
  using Result = std::optional<Parts>;
  return llvm::TypeSwitch<Operation *, Result>(&op)
      .Case<arith::AddFOp, complex::AddOp>([&](auto) -> Result {
        return Parts{add(x[0].re, x[1].re), add(x[0].im, x[1].im)};
      })
      .Case<arith::SubFOp, complex::SubOp>([&](auto) -> Result {
        return Parts{add(x[0].re, x[1].re, -1), add(x[0].im, x[1].im, -1)};
      })
      .Case<arith::MulFOp, complex::MulOp>([&](auto) -> Result {
        if (!isLinear(x[0]) || !isLinear(x[1]))
          return std::nullopt;
        return multiply(x[0], x[1]);
      })
      .Case<arith::NegFOp>(
          [&](auto) -> Result { return Parts{add({}, x[0].re, -1), {}}; })
      .Case<arith::ExtFOp>([&](auto) -> Result { return x[0]; })
      .Case<complex::CreateOp>(
          [&](auto) -> Result { return Parts{x[0].re, x[1].re}; })
      .Case<complex::ReOp>([&](auto) -> Result { return Parts{x[0].re, {}}; })
      .Case<complex::ImOp>([&](auto) -> Result { return Parts{x[0].im, {}}; })
      .Default(Result());
}

/// What the body yields, if it is a polynomial.
static std::optional<Parts> evaluate(Block &body) {
  DenseMap<Value, Parts> known;
  for (auto [i, arg] : llvm::enumerate(body.getArguments())) {
    unsigned number = 2 * i;
    known[arg].re = {{{number}, 1}};
    if (isa<ComplexType>(arg.getType()))
      known[arg].im = {{{number + 1}, 1}};
  }
  for (Operation &op : body.without_terminator()) {
    SmallVector<Parts> operands;
    for (Value operand : op.getOperands()) {
      auto found = known.find(operand);
      if (found != known.end())
        operands.push_back(found->second);
      else if (matchPattern(operand, m_AnyZeroFloat()))
        operands.emplace_back();
      else
        return std::nullopt;
    }
    auto result = evaluate(op, operands);
    if (!result)
      return std::nullopt;
    known[op.getResult(0)] = std::move(*result);
  }
  return known.at(body.getTerminator()->getOperand(0));
}

static bool addsProduct(linalg::GenericOp op) {
  Block &body = *op.getBlock();
  for (Value yielded : body.getTerminator()->getOperands())
    if (yielded.getParentBlock() != &body)
      return false;
  auto found = evaluate(body);
  if (!found)
    return false;
  auto part = [&](unsigned arg) {
    bool isComplex = isa<ComplexType>(body.getArgument(arg).getType());
    return Parts{{{{2 * arg}, 1}},
                 isComplex ? Polynomial{{{2 * arg + 1}, 1}} : Polynomial()};
  };
  Parts want = multiply(part(0), part(1)), sum = part(2);
  bool isReal = sum.im.empty();
  return found->re == add(want.re, sum.re) &&
         (isReal || found->im == add(want.im, sum.im));
}

static bool isZero(Value value) {
  if (auto create = value.getDefiningOp<complex::CreateOp>())
    return isZero(create.getReal()) && isZero(create.getImaginary());
  if (auto constant = value.getDefiningOp<complex::ConstantOp>())
    return llvm::all_of(constant.getValue(), [](Attribute part) {
      return cast<FloatAttr>(part).getValue().isZero();
    });
  return matchPattern(value, m_AnyZeroFloat());
}

bool isFilledWithZero(Value tensor) {
  if (findUniform(tensor) == 0.0)
    return true;
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return isZero(fill.value());
  auto generic = tensor.getDefiningOp<linalg::GenericOp>();
  if (!generic)
    return false;
  Value yielded = generic.getBlock()->getTerminator()->getOperand(
      cast<OpResult>(tensor).getResultNumber());
  if (auto arg = dyn_cast<BlockArgument>(yielded))
    yielded = generic->getOperand(arg.getArgNumber());
  return isZero(yielded) || (isa<RankedTensorType>(yielded.getType()) &&
                             isFilledWithZero(yielded));
}

/// What a transpose or a broadcast copies, in its place.
static std::optional<Mapped> findCopied(linalg::GenericOp op, AffineMap place) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() != 0 || !op.hasPureTensorSemantics() ||
      !isa<RankedTensorType>(op.getInputs()[0].getType()))
    return std::nullopt;
  AffineMap from = op.getIndexingMapsArray()[0],
            to = op.getIndexingMapsArray()[1];
  auto yield = cast<linalg::YieldOp>(op.getBlock()->getTerminator());
  if (!to.isIdentity() || !from.isProjectedPermutation() ||
      yield.getOperand(0) != op.getBlock()->getArgument(0))
    return std::nullopt;
  return Mapped{op.getInputs()[0], from.compose(place)};
}

/// What a reshape adds dimensions of one to, in its place.
static std::optional<Mapped> findExpanded(tensor::ExpandShapeOp op,
                                          AffineMap place) {
  ArrayRef<int64_t> sizes = op.getResultType().getShape();
  SmallVector<AffineExpr> kept;
  for (ArrayRef<int64_t> group : op.getReassociationIndices()) {
    auto isOne = [&](int64_t dim) { return sizes[dim] == 1; };
    if (llvm::count_if(group, isOne) + 1 < int64_t(group.size()))
      return std::nullopt;
    const auto *own = llvm::find_if_not(group, isOne);
    kept.push_back(place.getResult(own == group.end() ? group.back() : *own));
  }
  return Mapped{op.getSrc(),
                AffineMap::get(place.getNumDims(), 0, kept, op.getContext())};
}

Mapped seeThroughCopies(Mapped factor) {
  while (Operation *op = factor.tensor.getDefiningOp()) {
    std::optional<Mapped> source;
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      source = findCopied(generic, factor.map);
    else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      source = findExpanded(expand, factor.map);
    if (!source)
      break;
    factor = *source;
  }
  return factor;
}

/// Whether the body makes a complex number of a real one.
static bool isComplexOfReal(Block &body) {
  auto number = dyn_cast<complex::CreateOp>(body.front());
  return number && number.getReal() == body.getArgument(0) &&
         isZero(number.getImaginary()) &&
         body.getTerminator()->getOperands() == ValueRange(number.getResult());
}

Mapped seeThroughComplex(Mapped value) {
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      !op.hasPureTensorSemantics() || !isComplexOfReal(*op.getBlock()) ||
      !isa<RankedTensorType>(op.getInputs()[0].getType()))
    return value;
  AffineMap from = op.getIndexingMapsArray()[0],
            to = op.getIndexingMapsArray()[1];
  if (!to.isIdentity() || !from.isProjectedPermutation())
    return value;
  return {op.getInputs()[0], from.compose(value.map)};
}

std::optional<std::pair<Mapped, Mapped>> findOuterProduct(Mapped value) {
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() != 0 || !op.hasPureTensorSemantics())
    return std::nullopt;
  Block &body = *op.getBlock();
  Operation &product = body.front();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  bool arePlain = llvm::all_of(
      maps, [](AffineMap map) { return map.isProjectedPermutation(); });
  if (!isa<arith::MulFOp, complex::MulOp>(product) ||
      body.getTerminator()->getOperands() != product.getResults() ||
      product.getOperands() != ValueRange(body.getArguments().take_front(2)) ||
      !arePlain || !maps[2].isPermutation() ||
      maps[0].getNumResults() == op.getNumLoops() ||
      maps[1].getNumResults() == op.getNumLoops())
    return std::nullopt;
  AffineMap place = inversePermutation(maps[2]).compose(value.map);
  return std::pair{Mapped{op.getInputs()[0], maps[0].compose(place)},
                   Mapped{op.getInputs()[1], maps[1].compose(place)}};
}

std::optional<Product> findProduct(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || generic.getNumReductionLoops() == 0 ||
      generic.getNumDpsInputs() != 2 || generic.getNumDpsInits() != 1 ||
      !generic.hasPureTensorSemantics())
    return std::nullopt;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  bool arePlain = llvm::all_of(
      maps, [](AffineMap map) { return map.isProjectedPermutation(); });
  if (!arePlain || !addsProduct(generic))
    return std::nullopt;
  Value start = generic.getOutputs()[0];
  return Product{generic,
                 {generic.getInputs()[0], maps[0]},
                 {generic.getInputs()[1], maps[1]},
                 {generic.getResult(0), maps[2]},
                 {isFilledWithZero(start) ? Value() : start, maps[2]}};
}

} // namespace ssm
