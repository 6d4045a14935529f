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
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_SIMPLIFYSTRUCTURE
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

using ::ssm::LinearRecurrenceOp;

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

static void simplify(LinearRecurrenceOp op) {
  if (op.getNumerics() == ::ssm::Numerics::Norm &&
      (dropDenseColumn(op) || dropZeroLowRank(op)))
    remark::passed(op->getLoc(), opts("Diagonal"))
        << "linear_recurrence: the transition is diagonal";
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
