//===- ElementForm.cpp - What the elements of a tensor are ----------------===//
#include "ssm/Analysis/ElementForm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ssm {

namespace {
/// A tensor's place in a linalg op that computes it element by element.
struct Place {
  linalg::GenericOp op;
  AffineMap loops; ///< The op's loops, over those of whoever reads the tensor.
};
} // namespace

static std::optional<Place> findPlace(Mapped value) {
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      !op.hasPureTensorSemantics())
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  bool arePlain = llvm::all_of(
      maps, [](AffineMap map) { return map.isProjectedPermutation(); });
  if (!arePlain || !maps.back().isPermutation())
    return std::nullopt;
  return Place{op, inversePermutation(maps.back()).compose(value.map)};
}

/// What a scalar of the body stands for: an operand, or a value from outside.
static std::optional<Mapped> findOperand(Place place, Value scalar) {
  MLIRContext *context = place.op.getContext();
  auto none = AffineMap::get(place.loops.getNumDims(), 0, context);
  auto arg = dyn_cast<BlockArgument>(scalar);
  if (!arg || arg.getOwner() != place.op.getBlock()) {
    if (place.op->isAncestor(scalar.getParentBlock()->getParentOp()))
      return std::nullopt;
    return Mapped{scalar, none};
  }
  if (arg.getArgNumber() >= place.op.getNumDpsInputs())
    return std::nullopt;
  Value operand = place.op->getOperand(arg.getArgNumber());
  AffineMap map = place.op.getIndexingMapsArray()[arg.getArgNumber()];
  return Mapped{operand, map.compose(place.loops)};
}

static Value getYielded(linalg::GenericOp op) {
  return op.getBlock()->getTerminator()->getOperand(0);
}

std::optional<ElementOp> findElementOp(Mapped value) {
  std::optional<Place> place = findPlace(value);
  if (!place)
    return std::nullopt;
  Operation *op = getYielded(place->op).getDefiningOp();
  if (!op || op->getBlock() != place->op.getBlock())
    return std::nullopt;
  ElementOp found{op, {}};
  for (Value scalar : op->getOperands()) {
    std::optional<Mapped> operand = findOperand(*place, scalar);
    if (!operand)
      return std::nullopt;
    found.operands.push_back(*operand);
  }
  return found;
}

/// The only argument of an op that keeps whole numbers what they are.
static Value getConverted(Operation *op) {
  if (isa<arith::IndexCastOp, arith::TruncIOp, arith::ExtSIOp, arith::ExtUIOp,
          arith::SIToFPOp, arith::UIToFPOp, arith::ExtFOp, arith::TruncFOp>(op))
    return op->getOperand(0);
  auto number = dyn_cast<complex::CreateOp>(op);
  return number && matchPattern(number.getImaginary(), m_AnyZeroFloat())
             ? number.getReal()
             : Value();
}

/// The constant 0, 1, 2, ...
static bool isCount(Value tensor) {
  DenseElementsAttr elements;
  if (!matchPattern(tensor, m_Constant(&elements)) ||
      elements.getType().getRank() != 1)
    return false;
  double next = 0;
  if (isa<FloatType>(elements.getElementType()))
    return llvm::all_of(elements.getValues<APFloat>(), [&](const APFloat &x) {
      return x.convertToDouble() == next++;
    });
  return isa<IntegerType>(elements.getElementType()) &&
         llvm::all_of(elements.getValues<APInt>(), [&](const APInt &x) {
           return x.getSExtValue() == next++;
         });
}

std::optional<unsigned> findPosition(Mapped value) {
  value = seeThroughCopies(value);
  if (value.map.getNumResults() == 1 && isCount(value.tensor))
    return value.map.getDimPosition(0);
  std::optional<Place> place = findPlace(value);
  if (!place)
    return std::nullopt;
  Value scalar = getYielded(place->op);
  while (Operation *op = scalar.getDefiningOp()) {
    if (op->getBlock() != place->op.getBlock())
      return std::nullopt;
    if (auto index = dyn_cast<linalg::IndexOp>(op))
      return place->loops.getDimPosition(index.getDim());
    scalar = getConverted(op);
    if (!scalar)
      return std::nullopt;
  }
  std::optional<Mapped> operand = findOperand(*place, scalar);
  if (!operand || !isa<RankedTensorType>(operand->tensor.getType()))
    return std::nullopt;
  return findPosition(*operand);
}

/// The real number that an attribute of a scalar or of a splat is.
static std::optional<double> getNumber(Attribute attr) {
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(attr))
    attr = splat.getSplatValue<Attribute>();
  if (auto parts = dyn_cast_or_null<ArrayAttr>(attr)) {
    if (parts.size() != 2 || getNumber(parts[1]) != 0.0)
      return std::nullopt;
    attr = parts[0];
  }
  if (auto number = dyn_cast_or_null<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto number = dyn_cast_or_null<IntegerAttr>(attr))
    return number.getValue().getSExtValue();
  return std::nullopt;
}

/// The number that a scalar in the place's body is.
static std::optional<double> findUniform(Place place, Value scalar) {
  Operation *op = scalar.getDefiningOp();
  if (op && op->getBlock() == place.op.getBlock()) {
    if (isa<arith::MulFOp>(op)) {
      auto left = findUniform(place, op->getOperand(0)),
           right = findUniform(place, op->getOperand(1));
      return left && right ? std::optional(*left * *right) : std::nullopt;
    }
    Value converted = getConverted(op);
    return converted ? findUniform(place, converted) : std::nullopt;
  }
  std::optional<Mapped> operand = findOperand(place, scalar);
  return operand ? findUniform(operand->tensor) : std::nullopt;
}

std::optional<double> findUniform(Value value) {
  Attribute attr;
  if (matchPattern(value, m_Constant(&attr)))
    return getNumber(attr);
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return findUniform(fill.value());
  if (auto number = value.getDefiningOp<complex::CreateOp>())
    return findUniform(number.getImaginary()) == 0.0
               ? findUniform(number.getReal())
               : std::nullopt;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  auto identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), value.getContext());
  std::optional<Place> place = findPlace({value, identity});
  return place ? findUniform(*place, getYielded(place->op)) : std::nullopt;
}

std::optional<Mapped> findConjugated(Mapped value) {
  std::optional<ElementOp> whole = findElementOp(seeThroughCopies(value));
  if (whole && isa<complex::ConjOp>(whole->op))
    return seeThroughCopies(whole->operands[0]);
  if (!whole || !isa<complex::CreateOp>(whole->op))
    return std::nullopt;
  auto real = findElementOp(seeThroughCopies(whole->operands[0])),
       negated = findElementOp(seeThroughCopies(whole->operands[1]));
  if (!real || !isa<complex::ReOp>(real->op) || !negated ||
      !isa<arith::NegFOp>(negated->op))
    return std::nullopt;
  auto imaginary = findElementOp(seeThroughCopies(negated->operands[0]));
  if (!imaginary || !isa<complex::ImOp>(imaginary->op))
    return std::nullopt;
  Mapped left = seeThroughCopies(real->operands[0]),
         right = seeThroughCopies(imaginary->operands[0]);
  if (left.tensor != right.tensor || left.map != right.map)
    return std::nullopt;
  return left;
}

} // namespace ssm
