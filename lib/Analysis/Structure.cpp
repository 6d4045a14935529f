//===- Structure.cpp - What is known of a transition ----------------------===//
#include "ssm/Analysis/Structure.h"

#include "ssm/Analysis/Magnitude.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace ssm;

/// Constants with more elements are not read.
static constexpr int64_t kMaxElements = 1 << 20;

llvm::StringRef ssm::stringifyStructure(Structure structure) {
  switch (structure) {
  case Structure::Scalar:
    return "scalar";
  case Structure::Diagonal:
    return "diagonal";
  case Structure::LowRank:
    return "low_rank";
  case Structure::Dense:
    return "dense";
  }
  llvm_unreachable("every structure has a name");
}

/// The constant that `value` is, perhaps as a fill.
static Attribute findConstant(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs()[0];
  Attribute attr;
  return matchPattern(value, m_Constant(&attr)) ? attr : Attribute();
}

static bool isZeroElement(Attribute element) {
  if (auto real = dyn_cast<FloatAttr>(element))
    return real.getValue().isZero();
  auto parts = dyn_cast<ArrayAttr>(element);
  return parts && llvm::all_of(parts, isZeroElement);
}

bool ssm::isZero(Value value) {
  Attribute constant = findConstant(value);
  auto elements = dyn_cast_or_null<DenseElementsAttr>(constant);
  if (!elements)
    return constant && isZeroElement(constant);
  return elements.isSplat() &&
         isZeroElement(elements.getSplatValue<Attribute>());
}

DenseElementsAttr ssm::findDiagonal(Value value, unsigned row,
                                    unsigned column) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(findConstant(value));
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!elements || elements.isSplat() || !type ||
      type.getNumElements() > kMaxElements)
    return {};
  SmallVector<int64_t> strides = computeStrides(type.getShape());
  SmallVector<Attribute> diagonal;
  for (auto [i, element] : llvm::enumerate(elements.getValues<Attribute>())) {
    SmallVector<int64_t> at = delinearize(i, strides);
    if (at[row] == at[column])
      diagonal.push_back(element);
    else if (!isZeroElement(element))
      return {};
  }
  // The elements come in the order of the remaining dimensions only if the row
  // stands where the earlier of the two did.
  if (row > column && row != column + 1)
    return {};
  RankedTensorType narrow = RankedTensorType::Builder(type).dropDim(column);
  return DenseElementsAttr::get(narrow, diagonal);
}

Structure ssm::findStructure(LinearRecurrenceOp op) {
  AffineMap map = op.getTransitionMap();
  if (op.isDense() &&
      !findDiagonal(op.getTransition(), *positionOf(map, *op.getRow()),
                    *positionOf(map, *op.getColumn())))
    return Structure::Dense;
  if (op.isLowRank() && !isZero(op.getLeft()) && !isZero(op.getRight()))
    return Structure::LowRank;
  if (op.isDense())
    return Structure::Diagonal;
  auto elements =
      dyn_cast_or_null<DenseElementsAttr>(findConstant(op.getTransition()));
  bool shared = llvm::all_of(dimsOf(map),
                             [&](unsigned dim) { return dim == op.getTime(); });
  return shared || (elements && elements.isSplat()) ? Structure::Scalar
                                                    : Structure::Diagonal;
}

bool ssm::transitionsCommute(LinearRecurrenceOp op) {
  if (findStructure(op) <= Structure::Diagonal)
    return true;
  auto varies = [&](AffineMap map) { return map && uses(map, op.getTime()); };
  return !varies(op.getTransitionMap()) && !varies(op.getLeftIndexingMap()) &&
         !varies(op.getRightIndexingMap());
}

std::optional<double> ssm::findGrowth(LinearRecurrenceOp op) {
  if (findStructure(op) > Structure::Diagonal || !op.isDiagonal())
    return std::nullopt;
  std::optional<double> least = provedMagnitude(op.getTransition());
  if (least && *least > 1)
    return least;
  return std::nullopt;
}
