//===- Elementwise.cpp - Elementwise neighbours of a recurrence -----------===//
#include "ssm/Analysis/Elementwise.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

static bool isComplex(Type type) { return isa<ComplexType>(type); }

/// Whether the op takes complex numbers apart or makes them of their parts, if
/// it has to do with any.
static bool isOfParts(Operation &op) {
  return isa<complex::ReOp, complex::ImOp, complex::CreateOp>(op) ||
         (llvm::none_of(op.getOperandTypes(), isComplex) &&
          llvm::none_of(op.getResultTypes(), isComplex));
}

/// One result over all loops, computed from real scalars or the parts of
/// complex ones; `read` is an operand that may be overwritten.
static bool isElementwise(linalg::GenericOp op, OpOperand *read = nullptr) {
  OpOperand *init = op.getDpsInitOperand(0);
  if (op.getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getIndexingMapsArray().back().isPermutation() ||
      (init != read && op.payloadUsesValueFromOperand(init)))
    return false;
  for (Operation &nested : op.getBlock()->without_terminator())
    if (isa<linalg::IndexOp>(nested) || nested.getNumRegions() ||
        !isOfParts(nested))
      return false;
  return true;
}

/// Asking for a size is no use: it folds to that of an operand.
static bool hasOneReader(Value value) {
  return llvm::count_if(value.getUsers(), [](Operation *user) {
           return !isa<tensor::DimOp>(user);
         }) == 1;
}

/// The op over loop dimensions that its operand or result with map `own` has by
/// `map`.
static Elementwise overLoopsOf(linalg::GenericOp op, AffineMap own,
                               AffineMap map) {
  SmallVector<AffineExpr> loops(own.getNumDims());
  for (auto [loop, expr] : llvm::zip_equal(dimsOf(own), map.getResults()))
    loops[loop] = expr;
  auto overLoops = [&](AffineMap inner) {
    SmallVector<AffineExpr> exprs;
    for (unsigned loop : dimsOf(inner))
      exprs.push_back(loops[loop]);
    return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
  };
  Elementwise found{op, {}, overLoops(op.getIndexingMapsArray().back())};
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap inputMap = op.getMatchingIndexingMap(input);
    if (!inputMap.isProjectedPermutation())
      return {};
    bool used = isa<RankedTensorType>(input->get().getType()) &&
                op.payloadUsesValueFromOperand(input);
    found.maps.push_back(used ? overLoops(inputMap) : AffineMap());
  }
  return found;
}

Elementwise ssm::findProducer(Value value, AffineMap map) {
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (!op || !hasOneReader(value) || !isElementwise(op))
    return {};
  return overLoopsOf(op, op.getIndexingMapsArray().back(), map);
}

/// The only operand that reads `value`. Its op may also have the value as an
/// init that it only overwrites, as upstream makes linalg ops of arith ops.
static OpOperand *getOnlyRead(Value value) {
  OpOperand *read = nullptr;
  for (OpOperand &use : value.getUses()) {
    auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
    bool overwritten =
        op && op.isDpsInit(&use) && !op.payloadUsesValueFromOperand(&use);
    if (!overwritten && std::exchange(read, &use))
      return nullptr;
  }
  bool alone = read && llvm::all_of(value.getUsers(), [&](Operation *user) {
                 return user == read->getOwner();
               });
  return alone ? read : nullptr;
}

Elementwise ssm::findConsumer(Value value, AffineMap map) {
  OpOperand *read = getOnlyRead(value);
  if (!read)
    return {};
  Operation *producer = value.getDefiningOp();
  auto op = dyn_cast<linalg::GenericOp>(read->getOwner());
  if (!op || op->getBlock() != producer->getBlock() ||
      !op.hasPureTensorSemantics() || !isElementwise(op, read) ||
      llvm::any_of(
          op->getOperandTypes(),
          [](Type type) { return isComplex(getElementTypeOrSelf(type)); }) ||
      !op.getMatchingIndexingMap(read).isPermutation())
    return {};
  for (Operation *user : producer->getUsers()) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    if (ancestor->isBeforeInBlock(op))
      return {};
  }
  Elementwise found = overLoopsOf(op, op.getMatchingIndexingMap(read), map);
  found.argument = read->getOperandNumber();
  if (found && !op.isDpsInit(read))
    found.maps[found.argument] = AffineMap();
  return found;
}
