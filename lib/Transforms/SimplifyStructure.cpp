//===- SimplifyStructure.cpp - Less general transitions -------------------===//
//
//   dense A with nothing beside its diagonal    -> diagonal
//   diag(w) + p q^H with p = 0 or q = 0         -> diagonal
//
// Precondition: numerics<norm>; the terms that go are zeros, which times an
// infinite state would be NaN. A diagonal transition costs N products a step
// instead of N^2, and has convolutions that a mixing one refuses.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "ssm/Analysis/Structure.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_SIMPLIFYSTRUCTURE
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

using ::ssm::LinearRecurrenceOp;

/// Constants with more elements are not read.
static constexpr int64_t kMaxElements = 1 << 16;

static remark::RemarkOpts opts(StringRef name) {
  return remark::RemarkOpts::name(name).category("ssm-structure");
}

/// Makes a mixing transition a diagonal one with the given maps of operands and
/// results: no row is named, and loop dimensions that no map has are gone.
static void makeDiagonal(LinearRecurrenceOp op, ArrayRef<AffineMap> maps) {
  uint64_t time = op.getTime();
  SmallVector<AffineMap> left = ::ssm::dropUnusedLoops(maps, &time);
  Builder b(op.getContext());
  op.setIndexingMapsAttr(b.getAffineMapArrayAttr(left));
  op.setTime(time);
  op.removeRowAttr();
  op.removeColumnAttr();
}

static bool dropDenseColumn(LinearRecurrenceOp op) {
  AffineMap map = op.getTransitionMap();
  if (!op.isDense())
    return false;
  unsigned column = *::ssm::positionOf(map, *op.getColumn());
  DenseElementsAttr diagonal = ::ssm::findDiagonal(
      op.getTransition(), *::ssm::positionOf(map, *op.getRow()), column);
  if (!diagonal)
    return false;
  OpBuilder b(op);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  maps[0] = map.dropResult(column);
  op.setOperand(0, arith::ConstantOp::create(b, op.getLoc(), diagonal));
  makeDiagonal(op, maps);
  return true;
}

static bool dropZeroLowRank(LinearRecurrenceOp op) {
  if (!op.isLowRank() ||
      !(::ssm::isZero(op.getLeft()) || ::ssm::isZero(op.getRight())))
    return false;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned left = op->getNumOperands() - 2;
  maps.erase(maps.begin() + left, maps.begin() + left + 2);
  op.getLeftMutable().clear();
  op.getRightMutable().clear();
  makeDiagonal(op, maps);
  return true;
}

static bool areConjugate(Attribute x, Attribute y) {
  auto value = [](Attribute attr) { return cast<FloatAttr>(attr).getValue(); };
  auto p = dyn_cast<ArrayAttr>(x), q = dyn_cast<ArrayAttr>(y);
  if (!p)
    return value(x) == value(y);
  return value(p[0]) == value(q[0]) && value(p[1]) == -value(q[1]);
}

/// The elements of a constant at the indices of `dim` that have a conjugate
/// partner: the first half with the second, or every even one with the next.
/// Null if some have none.
static DenseElementsAttr keepOneOfPairs(Value value, unsigned dim,
                                        bool areAdjacent) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) ||
      elements.getNumElements() > kMaxElements)
    return {};
  auto type = cast<RankedTensorType>(elements.getType());
  SmallVector<int64_t> strides = computeStrides(type.getShape());
  int64_t half = type.getDimSize(dim) / 2;
  auto all = llvm::to_vector(elements.getValues<Attribute>());
  SmallVector<Attribute> kept;
  for (auto [i, element] : llvm::enumerate(all)) {
    int64_t at = i / strides[dim] % type.getDimSize(dim);
    if (areAdjacent ? at % 2 : at >= half)
      continue;
    if (!areConjugate(element,
                      all[i + (areAdjacent ? 1 : half) * strides[dim]]))
      return {};
    kept.push_back(element);
  }
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = half;
  return DenseElementsAttr::get(type.clone(shape), kept);
}

/// Keeps one state of each conjugate pair along a dimension that the output
/// sums: both contribute the same real part.
static bool keepOneOfPairs(LinearRecurrenceOp op, unsigned dim,
                           bool areAdjacent) {
  SmallVector<std::pair<unsigned, DenseElementsAttr>> narrow;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    std::optional<unsigned> position = ::ssm::positionOf(maps[i], dim);
    bool isComplex = isa<ComplexType>(getElementTypeOrSelf(operand));
    if (!position && isComplex)
      return false;
    if (!position)
      continue;
    DenseElementsAttr kept = keepOneOfPairs(operand, *position, areAdjacent);
    if (!kept)
      return false;
    narrow.push_back({i, kept});
  }
  OpBuilder b(op);
  for (auto [i, kept] : narrow)
    op->setOperand(i, arith::ConstantOp::create(b, op.getLoc(), kept));
  auto final = cast<RankedTensorType>(op.getFinal().getType());
  SmallVector<int64_t> shape(final.getShape());
  shape[*::ssm::positionOf(op.getFinalIndexingMap(), dim)] /= 2;
  op.getFinal().setType(final.clone(shape));
  op.setProjection(::ssm::Projection::TwiceReal);
  return true;
}

static bool keepOneOfPairs(LinearRecurrenceOp op) {
  if (!op.isDiagonal() || op.getProjection() != ::ssm::Projection::Real ||
      op.getInit() || !op.getFinal().use_empty())
    return false;
  SmallVector<int64_t> sizes = ::ssm::getStaticLoopSizes(op);
  for (unsigned dim : op.getDims().state)
    if (!ShapedType::isDynamic(sizes[dim]) && sizes[dim] > 0 &&
        sizes[dim] % 2 == 0 &&
        (keepOneOfPairs(op, dim, /*areAdjacent=*/false) ||
         keepOneOfPairs(op, dim, /*areAdjacent=*/true)))
      return true;
  return false;
}

static void simplify(LinearRecurrenceOp op) {
  if (op.getNumerics() == ::ssm::Numerics::Norm &&
      (dropDenseColumn(op) || dropZeroLowRank(op)))
    remark::passed(op->getLoc(), opts("Diagonal"))
        << "linear_recurrence: the transition is diagonal";
  if (op.getNumerics() == ::ssm::Numerics::Norm && keepOneOfPairs(op))
    remark::passed(op->getLoc(), opts("ConjugatePairs"))
        << "linear_recurrence: one state of each conjugate pair is kept";
  if (std::optional<double> growth = ::ssm::findGrowth(op))
    remark::analysis(op->getLoc(), opts("Unstable"))
        << llvm::formatv("linear_recurrence: unstable: {0} multiplied by {1:F} "
                         "or more at each step",
                         op.isDiagonal() ? "a state is"
                                         : "an eigenvector of A is",
                         *growth)
               .str();
}

namespace {
struct SimplifyStructure
    : ::ssm::impl::SimplifyStructureBase<SimplifyStructure> {
  void runOnOperation() override { getOperation()->walk(simplify); }
};
} // namespace
