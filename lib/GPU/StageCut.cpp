//===- StageCut.cpp - The stages of a function ----------------------------===//
//
// Each recurrence and each product of matrices is the anchor of a stage, and
// what has none behind it may be a stage of its own. Three kinds of values are
// stored: results of anchors that another stage reads, factors of products, and
// what is returned. All others are computed where they are needed.
//
//===----------------------------------------------------------------------===//
#include "StageCut.h"

using namespace mlir;

namespace ssm {

bool isAnchor(Operation *op) {
  return isa_and_nonnull<LinearRecurrenceOp>(op) || findProduct(op);
}

SmallVector<Value> findRead(Operation *op) {
  SmallVector<Value> read;
  if (auto product = findProduct(op)) {
    read = {product->left.tensor, product->right.tensor};
    if (product->start.tensor)
      read.push_back(product->start.tensor);
    return read;
  }
  auto generic = dyn_cast<linalg::GenericOp>(op);
  for (OpOperand &operand : op->getOpOperands())
    if (isa<RankedTensorType>(operand.get().getType()) &&
        !isa<linalg::FillOp>(op) &&
        (!generic || generic.payloadUsesValueFromOperand(&operand)))
      read.push_back(operand.get());
  return read;
}

/// The last anchor that a value is computed from, or null.
static Operation *findLast(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isAnchor(op))
    return op;
  Operation *last = nullptr;
  for (Value read : findRead(op)) {
    Operation *other = findLast(read);
    if (other && (!last || last->isBeforeInBlock(other)))
      last = other;
  }
  return last;
}

/// A value that is stored: its stage is its anchor's, or one of its own in
/// front of all others.
void StageCut::addRoot(Value value) {
  if (isa<BlockArgument>(value))
    return;
  Operation *anchor = findLast(value);
  for (Stage &stage : stages)
    if (anchor ? stage.anchor == anchor : stage.results.contains(value)) {
      stage.results.insert(value);
      return;
    }
  Stage own;
  own.results.insert(value);
  stages.insert(stages.begin(), own);
}

bool StageCut::isLeaf(Value value, const Stage &stage) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return true;
  if (op == stage.anchor)
    return false;
  if (isAnchor(op))
    return true;
  Operation *last = findLast(value);
  bool isStored = llvm::any_of(stages, [&](const Stage &other) {
    return other.results.contains(value);
  });
  // What has no anchor is computed again, but for factors.
  auto product = findProduct(stage.anchor);
  bool isFactor = product && (value == product->left.tensor ||
                              value == product->right.tensor);
  return isFactor || (isStored && last && last != stage.anchor);
}

void StageCut::demandLeaves(Stage &stage) {
  SmallVector<Value> left(stage.results.begin(), stage.results.end());
  if (stage.anchor)
    llvm::append_range(left, findRead(stage.anchor));
  DenseSet<Value> seen;
  while (!left.empty()) {
    Value value = left.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *op = value.getDefiningOp();
    if (!isLeaf(value, stage)) {
      llvm::append_range(left, findRead(op));
      continue;
    }
    if (!op)
      continue;
    Operation *last = findLast(value);
    for (Stage &other : stages)
      if (last && other.anchor == last)
        other.results.insert(value);
  }
}

const char *StageCut::cut() {
  Block &body = whole.getBody().front();
  for (Operation &op : body)
    if (isAnchor(&op))
      stages.push_back({&op, {}});
  SmallPtrSet<Value, 4> returned;
  for (Value value : body.getTerminator()->getOperands()) {
    if (isa<BlockArgument>(value) || !returned.insert(value).second)
      return "it returns a value twice, or an argument";
    addRoot(value);
  }
  for (Operation &op : body)
    if (auto product = findProduct(&op)) {
      addRoot(product->left.tensor);
      addRoot(product->right.tensor);
    }
  for (Stage &stage : llvm::reverse(stages))
    if (!stage.results.empty())
      demandLeaves(stage);
  llvm::erase_if(stages,
                 [](const Stage &stage) { return stage.results.empty(); });
  return nullptr;
}

} // namespace ssm
