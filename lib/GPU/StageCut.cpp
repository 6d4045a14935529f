//===- StageCut.cpp - The stages of a function ----------------------------===//
//
// Each recurrence, product of matrices, reduction of rows and loop over time is
// the anchor of a stage. Five kinds of values are stored: results of anchors
// that another stage reads, factors of products, tensors that parts are taken
// from or put into, parts that a recurrence reads, and what is returned. All
// others are computed where they are needed. A value is stored by the stage of
// the last anchor that it is computed from, if it has the dimensions of that,
// else by one of its own.
//
//===----------------------------------------------------------------------===//
#include "StageCut.h"
#include "ReduceRows.h"
#include "StepLoop.h"

using namespace mlir;

namespace ssm {

bool isAnchor(Operation *op) {
  return isa_and_nonnull<LinearRecurrenceOp>(op) || findProduct(op) ||
         isRowReduction(op) || findStepLoop(op);
}

bool isAssembly(Operation *op) {
  auto insert = dyn_cast_or_null<tensor::InsertSliceOp>(op);
  return insert &&
         llvm::none_of(insert.getStaticOffsets(), ShapedType::isDynamic) &&
         llvm::all_of(insert.getStaticStrides(),
                      [](int64_t step) { return step > 0; });
}

bool hasStages(func::FuncOp function) {
  if (function.isExternal())
    return false;
  Block &body = function.getBody().front();
  auto isPart = [](Operation &op) {
    return isAnchor(&op) || isView(&op) || isAssembly(&op);
  };
  bool isScan = !body.getOps<LinearRecurrenceOp>().empty();
  return llvm::count_if(body, isPart) > isScan;
}

Assembly::Assembly(Value value) : base(value) {
  do {
    parts.push_back(cast<tensor::InsertSliceOp>(base.getDefiningOp()));
    base = parts.back().getDest();
  } while (isAssembly(base.getDefiningOp()) && base.hasOneUse());
  std::reverse(parts.begin(), parts.end());
  if (base.getDefiningOp<tensor::EmptyOp>())
    base = nullptr;
}

SmallVector<Value> Assembly::findRead() {
  SmallVector<Value> read;
  if (base)
    read.push_back(base);
  for (tensor::InsertSliceOp part : parts)
    read.push_back(part.getSource());
  return read;
}

SmallVector<Value> findRead(Operation *op) {
  SmallVector<Value> read;
  if (auto product = findProduct(op)) {
    read = {product->left.tensor, product->right.tensor};
    if (product->start.tensor)
      read.push_back(product->start.tensor);
    return read;
  }
  if (auto loop = findStepLoop(op))
    return findRead(*loop);
  auto generic = dyn_cast<linalg::GenericOp>(op);
  for (OpOperand &operand : op->getOpOperands())
    if (isa<RankedTensorType>(operand.get().getType()) &&
        !isa<linalg::FillOp>(op) &&
        (!generic || generic.payloadUsesValueFromOperand(&operand)))
      read.push_back(operand.get());
  return read;
}

/// Whether the value is a slice, possibly in another shape.
static bool isSlice(Value value) {
  Operation *op = value.getDefiningOp();
  return isView(op) &&
         (isa<tensor::ExtractSliceOp>(op) || isSlice(op->getOperand(0)));
}

/// The last anchor that a value is computed from, or null.
Operation *StageCut::findLast(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || isAnchor(op))
    return op;
  if (auto found = lasts.find(value); found != lasts.end())
    return found->second;
  Operation *last = nullptr;
  for (Value read : findRead(op)) {
    Operation *other = findLast(read);
    if (other && (!last || last->isBeforeInBlock(other)))
      last = other;
  }
  return lasts[value] = last;
}

bool StageCut::isLeaf(Value value, const Stage &stage) const {
  Operation *op = value.getDefiningOp();
  if (!op || isView(op) || isAssembly(op))
    return true;
  if (op == stage.anchor)
    return false;
  if (isAnchor(op))
    // Reductions of the same rows are computed on the way to another one.
    return !isRowReduction(op) || !isRowReduction(stage.anchor) ||
           !areOfOneKind(cast<linalg::GenericOp>(op),
                         cast<linalg::GenericOp>(stage.anchor));
  Operation *last = findLast(value);
  // What has no anchor is computed again, but for factors.
  auto product = findProduct(stage.anchor);
  bool isFactor = product && (value == product->left.tensor ||
                              value == product->right.tensor);
  bool isApart =
      !stage.results.contains(value) && (last != stage.last || !stage.anchor);
  return isFactor || (stored.contains(value) && last && isApart);
}

bool StageCut::hasParts(Value value) {
  return isAssembly(value.getDefiningOp()) ||
         llvm::any_of(value.getUsers(), isView);
}

std::optional<Mapped> findResult(Value value, const StepLoop &loop) {
  scf::ForOp op = loop.op;
  for (Value result : op.getResults()) {
    Mapped of = loop.result(cast<OpResult>(result).getResultNumber());
    if (auto map = findResultMap(value, of))
      return Mapped{value, *map};
  }
  return std::nullopt;
}

/// The value over the loops of its last anchor; nothing if it has others.
static std::optional<Mapped> findResult(Value value, Operation *anchor) {
  if (auto loop = findStepLoop(anchor))
    return findResult(value, *loop);
  std::optional<AffineMap> map;
  if (auto recurrence = dyn_cast<LinearRecurrenceOp>(anchor))
    map = value == recurrence.getFinal() ? recurrence.getFinalIndexingMap()
                                         : findResultMap(value, recurrence);
  else if (auto product = findProduct(anchor))
    map = findResultMap(value, product->result);
  else
    map = findRowMap(value, cast<linalg::GenericOp>(anchor));
  return map ? std::optional<Mapped>({value, *map}) : std::nullopt;
}

/// Whether the anchor's stage can compute a value, at its loops and without
/// what it stores itself.
bool StageCut::fits(Value value, Operation *anchor) const {
  auto result = findResult(value, anchor);
  if (!result)
    return false;
  bool fits = true;
  DenseMap<Value, AffineMap> places;
  (void)walkProducers(*result, [&](Mapped read) {
    Operation *op = read.tensor.getDefiningOp();
    if (op == anchor)
      fits &=
          places.try_emplace(read.tensor, read.map).first->second == read.map;
    if (isView(op) || isAssembly(op))
      fits &= findLast(read.tensor) != anchor;
  });
  return fits;
}

/// By the stage of its last anchor, or by one of its own; and what that reads.
void StageCut::store(Value value) {
  if (isa<BlockArgument>(value) || homes.contains(value))
    return;
  stored.insert(value);
  Operation *op = value.getDefiningOp();
  Operation *last = findLast(value);
  bool isOwn = !last || isView(op) || isAssembly(op) || !fits(value, last);
  auto home = llvm::find_if(stages, [&](const Stage &stage) {
    return !isOwn && stage.anchor == last;
  });
  if (home == stages.end()) {
    stages.push_back({isOwn ? nullptr : last, {}, last, isOwn ? op : last});
    home = std::prev(stages.end());
  }
  home->results.insert(value);
  unsigned number = home - stages.begin();
  homes.insert(value);
  if (isView(op))
    return demand(op->getOperand(0), *home);
  SmallVector<Value> left{value};
  if (isAssembly(op))
    left = Assembly(value).findRead();
  DenseSet<Value> seen;
  while (!left.empty()) {
    Value next = left.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    // Storing more may move the stages.
    Stage stage = stages[number];
    if (isLeaf(next, stage))
      demand(next, stage);
    else
      llvm::append_range(left, findRead(next.getDefiningOp()));
  }
}

/// What is behind a leaf of a stage is stored by another one.
void StageCut::demand(Value value, const Stage &stage) {
  Operation *op = value.getDefiningOp();
  // A scan needs neighbours to be where they are in a whole tensor.
  if (isView(op) && isa_and_nonnull<LinearRecurrenceOp>(stage.anchor) &&
      isSlice(value))
    return store(value);
  while (isView(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  store(value);
}

/// Whether the stage has from memory what is computed from this anchor.
bool StageCut::readsFrom(Operation *anchor, const Stage &stage) const {
  SmallVector<Value> left(stage.results.begin(), stage.results.end());
  DenseSet<Value> seen;
  while (!left.empty()) {
    Value next = left.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (!isLeaf(next, stage))
      llvm::append_range(left, findRead(next.getDefiningOp()));
    else if (findLast(next) == anchor)
      return true;
  }
  return false;
}

/// Neighbours that reduce rows of one kind are one stage: the second one
/// computes the first one's results on its way, or reads the same rows.
void StageCut::joinReductions() {
  for (size_t i = 0; i + 1 < stages.size();) {
    Stage &first = stages[i], &second = stages[i + 1];
    if (!isRowReduction(first.anchor) || !isRowReduction(second.anchor) ||
        !areOfOneKind(cast<linalg::GenericOp>(first.anchor),
                      cast<linalg::GenericOp>(second.anchor)) ||
        readsFrom(first.anchor, second)) {
      ++i;
      continue;
    }
    second.results.insert(first.results.begin(), first.results.end());
    stages.erase(stages.begin() + i);
  }
}

const char *StageCut::cut() {
  Block &body = whole.getBody().front();
  SmallPtrSet<Value, 4> returned;
  SmallVector<Value> roots;
  for (Value value : body.getTerminator()->getOperands()) {
    if (isa<BlockArgument>(value) || !returned.insert(value).second)
      return "it returns a value twice, or an argument";
    roots.push_back(value);
  }
  for (Operation &op : body)
    if (auto product = findProduct(&op))
      for (Value factor : {product->left.tensor, product->right.tensor})
        if (!isa<BlockArgument>(factor) && !isView(factor.getDefiningOp()))
          roots.push_back(factor);
  stored.insert(roots.begin(), roots.end());
  for (Value root : roots)
    store(root);
  llvm::sort(stages, [](const Stage &x, const Stage &y) {
    if (x.last != y.last)
      return !x.last || (y.last && x.last->isBeforeInBlock(y.last));
    bool isAnchored = x.anchor, isOther = y.anchor;
    return isAnchored != isOther ? isAnchored : x.op->isBeforeInBlock(y.op);
  });
  joinReductions();
  return nullptr;
}

} // namespace ssm
