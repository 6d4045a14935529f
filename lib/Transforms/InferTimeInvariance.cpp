//===- InferTimeInvariance.cpp - Operands that do not vary in time --------===//
//
// An operand of a recurrence whose map uses time but whose values are proved
// the same at all times loses its time dimension. A transition, input or output
// map that is then invariant also loses parallel dimensions along which it is
// constant, so that one kernel serves them all.
//
//===----------------------------------------------------------------------===//

#include "ssm/Analysis/TimeInvariance.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_INFERTIMEINVARIANCE
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

using ::ssm::LinearRecurrenceOp;

/// Erases ops that computed `value` and have become useless.
static void eraseDead(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isOpTriviallyDead(op))
    return;
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  llvm::SmallSetVector<Value, 4> unique(operands.begin(), operands.end());
  for (Value operand : unique)
    eraseDead(operand);
}

/// Whether another operand has the loop dimension (linear_recurrence_c3).
static bool isCoveredElsewhere(LinearRecurrenceOp op, unsigned operand,
                               unsigned dim) {
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (i != operand && ::ssm::uses(op.getIndexingMapsArray()[i], dim))
      return true;
  return false;
}

/// Replaces an operand by itself without loop dimension `dim`.
static void dropLoopDim(LinearRecurrenceOp op, unsigned operand, unsigned dim) {
  OpBuilder b(op);
  AffineMap map = op.getIndexingMapsArray()[operand];
  unsigned position = *::ssm::positionOf(map, dim);
  Value wide = op->getOperand(operand);
  Value narrow = ::ssm::dropConstantDim(b, wide, position);
  if (!narrow)
    return;
  // Inlining a call on the way has replaced the operand.
  wide = op->getOperand(operand);
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  maps[operand] = AffineMapAttr::get(map.dropResult(position));
  op->setOperand(operand, narrow);
  op.setIndexingMapsAttr(b.getArrayAttr(maps));
  eraseDead(wide);
}

static StringRef nameOf(LinearRecurrenceOp op, Value operand) {
  if (operand == op.getTransition())
    return "transition";
  if (operand == op.getLeft() || operand == op.getRight())
    return "transition's low-rank part";
  return operand == op.getInput() ? "input map" : "output map";
}

/// Drops time, or says what forbids it. Returns whether the operand is
/// invariant.
static bool inferOperand(LinearRecurrenceOp op, unsigned operand) {
  unsigned time = op.getTime();
  std::optional<unsigned> position =
      ::ssm::positionOf(op.getIndexingMapsArray()[operand], time);
  if (!position)
    return true;
  Value value = op->getOperand(operand);
  std::string subject = ("linear_recurrence: the " + nameOf(op, value)).str();
  auto opts = [](StringRef remark) {
    return remark::RemarkOpts::name(remark).category("ssm-time-invariance");
  };
  if (Value blocker = ::ssm::findBlocker(value, *position)) {
    remark::missed(op->getLoc(), opts("VariesInTime"))
        << subject + " varies in time, as far as is known of " +
               ::ssm::describeValue(blocker);
    return false;
  }
  if (!isCoveredElsewhere(op, operand, time)) {
    remark::missed(op->getLoc(), opts("OnlyTimeOperand"))
        << subject + " is constant in time, but no other operand has the "
                     "length";
    return false;
  }
  dropLoopDim(op, operand, time);
  remark::passed(op->getLoc(), opts("InvariantInTime"))
      << subject + " is constant in time";
  return true;
}

static void infer(LinearRecurrenceOp op) {
  bool invariant = true;
  auto isParameter = [&](unsigned i) {
    OpOperand *operand = &op->getOpOperand(i);
    return operand != &op.getSignalMutable() &&
           (!op.getInit() || operand != &op.getInitMutable()[0]);
  };
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (isParameter(i))
      invariant &= inferOperand(op, i);
  if (!invariant)
    return;
  for (unsigned dim : op.getDims().parallel)
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      std::optional<unsigned> position =
          ::ssm::positionOf(op.getIndexingMapsArray()[i], dim);
      if (isParameter(i) && position && isCoveredElsewhere(op, i, dim) &&
          !::ssm::findBlocker(op->getOperand(i), *position))
        dropLoopDim(op, i, dim);
    }
}

namespace {
struct InferTimeInvariance
    : ::ssm::impl::InferTimeInvarianceBase<InferTimeInvariance> {
  void runOnOperation() override {
    // Inlining a callee may clone recurrences: take them one list at a time.
    SmallVector<LinearRecurrenceOp> ops;
    getOperation()->walk([&](LinearRecurrenceOp op) { ops.push_back(op); });
    llvm::for_each(ops, infer);
  }
};
} // namespace
