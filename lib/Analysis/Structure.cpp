//===- Structure.cpp - What is known of a transition ----------------------===//
#include "ssm/Analysis/Structure.h"

#include "ssm/Analysis/Magnitude.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"

#include <complex>

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

namespace {
/// A square matrix of complex numbers.
struct Matrix {
  unsigned size;
  std::vector<std::complex<double>> elements;

  std::complex<double> &at(unsigned row, unsigned column) {
    return elements[row * size + column];
  }
};
} // namespace

static std::complex<double> toComplex(Attribute element) {
  if (auto real = dyn_cast<FloatAttr>(element))
    return real.getValueAsDouble();
  auto parts = cast<ArrayAttr>(element);
  return {cast<FloatAttr>(parts[0]).getValueAsDouble(),
          cast<FloatAttr>(parts[1]).getValueAsDouble()};
}

/// A constant dense transition that is one matrix, or nothing.
static std::optional<Matrix> findMatrix(LinearRecurrenceOp op) {
  /// Squaring larger ones takes long.
  constexpr int64_t kMaxRows = 256;
  auto elements =
      dyn_cast_or_null<DenseElementsAttr>(findConstant(op.getTransition()));
  RankedTensorType type = op.getTransition().getType();
  if (!op.isDense() || !elements || type.getRank() != 2 ||
      type.getDimSize(0) > kMaxRows || type.getDimSize(0) == 0)
    return std::nullopt;
  Matrix matrix{static_cast<unsigned>(type.getDimSize(0)), {}};
  matrix.elements.reserve(type.getNumElements());
  for (Attribute element : elements.getValues<Attribute>())
    matrix.elements.push_back(toComplex(element));
  if (uses(op.getTransitionMap().getSubMap({0}), *op.getColumn()))
    for (unsigned i = 0; i < matrix.size; ++i)
      for (unsigned j = 0; j < i; ++j)
        std::swap(matrix.at(i, j), matrix.at(j, i));
  return matrix;
}

static double rowSum(Matrix &a) {
  double most = 0;
  for (unsigned i = 0; i < a.size; ++i) {
    double sum = 0;
    for (unsigned j = 0; j < a.size; ++j)
      sum += std::abs(a.at(i, j));
    most = std::isnan(sum) ? sum : std::max(most, sum);
  }
  return most;
}

static Matrix square(Matrix &a) {
  Matrix result{a.size, std::vector<std::complex<double>>(a.elements.size())};
  for (unsigned i = 0; i < a.size; ++i)
    for (unsigned k = 0; k < a.size; ++k)
      for (unsigned j = 0; j < a.size; ++j)
        result.at(i, j) += a.at(i, k) * a.at(k, j);
  return result;
}

/// The trace of A^k is the sum of the eigenvalues' powers, so that one of them
/// has at least the magnitude |trace(A^k) / N|^(1/k). Squaring makes it the
/// largest, but for N^(1/k); what rounding may have added is taken off.
static double leastSpectralRadius(Matrix a) {
  constexpr int kSquarings = 10;
  double unit = std::ldexp(1.0, -52), size = a.size, best = 0, scale = 0;
  double error = 0;
  for (int i = 0; i <= kSquarings; ++i) {
    double norm = rowSum(a);
    if (!std::isfinite(norm) || norm == 0)
      break;
    // A^k is `a` times exp(scale), off by `error` in its row sums of 1.
    for (std::complex<double> &element : a.elements)
      element /= norm;
    error = error / norm + 4 * size * unit;
    scale += std::log(norm);
    std::complex<double> trace = 0;
    for (unsigned j = 0; j < a.size; ++j)
      trace += a.at(j, j);
    double least = std::abs(trace) / size - error;
    if (least > 0)
      best = std::max(best,
                      std::exp((std::log(least) + scale) / std::ldexp(1.0, i)));
    a = square(a);
    scale *= 2;
    error = 2 * error + error * error + 4 * size * unit;
  }
  return best * (1 - 1e-12);
}

std::optional<double> ssm::findGrowth(LinearRecurrenceOp op) {
  std::optional<double> least;
  if (op.isDiagonal())
    least = provedMagnitude(op.getTransition());
  else if (std::optional<Matrix> matrix = findMatrix(op))
    least = leastSpectralRadius(std::move(*matrix));
  if (least && *least > 1)
    return least;
  return std::nullopt;
}

std::optional<double> ssm::boundRowSum(LinearRecurrenceOp op) {
  std::optional<double> most = boundMagnitude(op.getTransition());
  if (op.isDiagonal() || !most)
    return op.isDiagonal() ? most : std::nullopt;
  if (std::optional<Matrix> matrix = findMatrix(op)) {
    double sum = rowSum(*matrix);
    return std::isfinite(sum) ? std::optional(sum) : std::nullopt;
  }
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  int64_t size = sizes[*op.getRow()];
  if (ShapedType::isDynamic(size))
    return std::nullopt;
  if (op.isDense())
    return *most * size;
  std::optional<double> left = boundMagnitude(op.getLeft()),
                        right = boundMagnitude(op.getRight());
  double rank = 1;
  for (unsigned dim : op.getDims().rank)
    rank *= ShapedType::isDynamic(sizes[dim])
                ? std::numeric_limits<double>::infinity()
                : sizes[dim];
  if (!left || !right || !std::isfinite(rank))
    return std::nullopt;
  return *most + rank * size * *left * *right;
}
