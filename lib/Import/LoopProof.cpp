//===- LoopProof.cpp - What a loop over time computes ---------------------===//
#include "LiftLinalg.h"
#include "LoopRaiser.h"

#include "ssm/Analysis/ProductForm.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

/// Two bits of an expression's set of states for each, and kMixed.
static constexpr unsigned kMaxStates = 31;

unsigned ssm::rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : 0;
}

AffineMap ssm::ownDims(unsigned rank, MLIRContext *context) {
  return AffineMap::getMultiDimMapWithTargets(
      rank + 1, llvm::to_vector(llvm::seq(rank)), context);
}

AffineMap ssm::timeFirst(unsigned rank, MLIRContext *context) {
  return ownDims(rank, context)
      .insertResult(getAffineDimExpr(rank, context), 0);
}

/// The op that writes into a carried tensor, if nothing else is done with it.
static Operation *findWriter(BlockArgument carried, Value yielded) {
  Operation *op = yielded.getDefiningOp();
  if (!op || !carried.hasOneUse() || !yielded.hasOneUse())
    return nullptr;
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return insert.getDest() == carried ? op : nullptr;
  if (auto insert = dyn_cast<tensor::InsertOp>(op))
    return insert.getDest() == carried ? op : nullptr;
  return nullptr;
}

bool LoopRaiser::classify() {
  for (auto [i, carried, yielded] :
       llvm::enumerate(loop.getRegionIterArgs(), loop.getYieldedValues())) {
    if (yielded == carried)
      continue;
    if (Operation *writer = findWriter(carried, yielded)) {
      auto [slice, why] = matchTimeSlice(loop, writer);
      if (slice) {
        Output &output = outputs.emplace_back();
        output.number = i;
        output.slice = *slice;
        continue;
      }
      (void)refuse(why);
    }
    State state;
    state.number = i;
    state.before = carried;
    state.after = yielded;
    states.push_back(std::move(state));
  }
  return !states.empty() || mayCarryByMemory;
}

LogicalResult LoopRaiser::proveLoop() {
  if (!reason.empty())
    return failure();
  if (states.size() > kMaxStates)
    return refuse("it carries more than " + Twine(kMaxStates) + " states");
  iterations = Iterations::of(loop);
  if (!iterations)
    return refuse("its induction variable is no index with a constant step");
  if (iterations->count && isConstantIntValue(iterations->count, 0))
    return refuse("it never runs");
  for (Operation &op : loop.getBody()->without_terminator())
    if (!isMemoryEffectFree(&op))
      return refuse("'" + op.getName().getStringRef() +
                    "' reads or writes memory");
  return success();
}

/// A scalar, or a tensor of scalars.
static bool isReadable(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return !tensor.getEncoding() && isReadable(tensor.getElementType());
  return type.isIntOrIndexOrFloat() || isa<ComplexType>(type);
}

/// An element of what does not come from the step's own computation.
FailureOr<const Expr *> LoopRaiser::readEdge(Sequence &sequence,
                                             const State *subject,
                                             StepReader &reader, Value value,
                                             AffineMap map) {
  const Expr *inside = nullptr;
  if (!isReadable(value.getType()))
    return failure();
  if (loop.isDefinedOutsideOfLoop(value)) {
    Operation *def = value.getDefiningOp();
    if (def && def->hasTrait<OpTrait::ConstantLike>())
      return inside;
    return static_cast<const Expr *>(reader.makeInput(value, map));
  }
  for (auto [j, state] : llvm::enumerate(states)) {
    bool isAfter = value == state.after;
    if (value != state.before && !isAfter)
      continue;
    if (&state == subject) {
      if (isAfter)
        continue;
      if (readsItself(states[j], sequence, map))
        return static_cast<const Expr *>(reader.makeState(value, 2 * j, map));
      return refuse("a step mixes the elements of what it carries", value);
    }
    if (isAfter && subject && value == subject->after)
      continue;
    Expr *expr = reader.makeState(value, 2 * j + isAfter, map);
    sequence.leaves.emplace_back().expr = expr;
    return static_cast<const Expr *>(expr);
  }
  Operation *op = value.getDefiningOp();
  if (auto linalgOp = dyn_cast_if_present<linalg::LinalgOp>(op);
      linalgOp && linalgOp.getNumParallelLoops() < linalgOp.getNumLoops())
    return readLifted(sequence, subject, reader, linalgOp, map);
  if (!isa_and_present<tensor::ExtractSliceOp, tensor::ExtractOp>(op))
    return inside;
  auto [slice, why] = matchTimeSlice(loop, op);
  if (!slice)
    return refuse(why);
  if (!loop.isDefinedOutsideOfLoop(slice->tensor))
    return refuse("it reads what the loop computes", slice->tensor);
  if (iterations->leaves(*slice))
    return refuse("it reads outside of a tensor", value);
  if (backward.value_or(slice->backward) != slice->backward)
    return refuse("time runs forward in one place and backward in another",
                  value);
  backward = slice->backward;
  Expr *expr = reader.makeInput(value, map);
  expr->map = slice->insertTime(map, sequence.rank);
  Leaf &leaf = sequence.leaves.emplace_back();
  leaf.expr = expr;
  leaf.slice = slice;
  return static_cast<const Expr *>(expr);
}

/// A contraction of what is known for all of time, which may be other states.
FailureOr<const Expr *>
LoopRaiser::readLifted(Sequence &sequence, const State *subject,
                       StepReader &reader, linalg::LinalgOp op, AffineMap map) {
  Value value = op->getResult(0);
  if (!canLift(op, loop))
    return refuse("an op cannot be given a time dimension", value);
  auto lifted = sequence.leaves.emplace(sequence.leaves.end());
  Leaf &leaf = *lifted;
  leaf.expr = reader.makeInput(value, map);
  leaf.op = op;
  // The carried value may be what the op adds to.
  auto usesSubject = [&](const Expr *expr) {
    return subject && (expr->states >> (2 * (subject - states.data())) & 3);
  };
  const Expr *init = nullptr;
  if (subject && addsToInit(op) && !isFilledWithZero(op.getDpsInits()[0])) {
    init = reader.read(op.getDpsInits()[0], map);
    if (!init)
      return failure();
  }
  bool adds = init && usesSubject(init);
  for (OpOperand &operand : op->getOpOperands()) {
    Sequence &part = leaf.operands.emplace_back();
    part.value = operand.get();
    bool isInit = op.isDpsInit(&operand);
    if (isInit && adds) {
      part.rank = rankOf(part.value);
      part.reader = std::make_unique<StepReader>(part.rank + 1, nullptr);
      part.expr =
          part.reader->makeConstant(getElementTypeOrSelf(part.value), 0.0);
      continue;
    }
    // Of an init that is not read only the sizes count.
    if (isInit && !op.payloadUsesValueFromOperand(&operand))
      continue;
    if (failed(read(part, operand.get(), nullptr)))
      return failure();
    leaf.expr->states |= part.expr->states;
  }
  if (usesSubject(leaf.expr)) {
    sequence.leaves.erase(lifted);
    auto mixed = readMixed(states[subject - states.data()], reader, op, map);
    if (failed(mixed) || !init)
      return mixed;
    return reader.makeSum(init, *mixed);
  }
  leaf.expr->map =
      map.insertResult(getAffineDimExpr(sequence.rank, op.getContext()), 0);
  return adds ? reader.makeSum(init, leaf.expr) : leaf.expr;
}

/// Reads what the step computes; `subject` is the state that it is the next
/// value of, if any.
LogicalResult LoopRaiser::read(Sequence &sequence, Value value,
                               const State *subject) {
  sequence.value = value;
  sequence.rank = rankOf(value);
  sequence.reader = std::make_unique<StepReader>(
      sequence.rank + 1,
      [this, &sequence, subject](StepReader &reader, Value v, AffineMap map) {
        return readEdge(sequence, subject, reader, v, map);
      });
  sequence.expr =
      sequence.reader->read(value, ownDims(sequence.rank, loop.getContext()));
  if (!sequence.expr)
    return refuse("it cannot be computed for all of time at once",
                  sequence.reader->getBlocker());
  return success();
}

LogicalResult LoopRaiser::proveState(State &state) {
  Type element = getElementTypeOrSelf(state.before.getType());
  Type real = getRealType(element);
  if (!isReadable(state.before.getType()) || !(real.isF32() || real.isF64()))
    return refuse("it carries what is not made of f32 or f64", state.before);
  if (failed(read(state.step, state.after, &state)) ||
      failed(proveMixing(state)))
    return failure();
  unsigned number = 2 * (&state - states.data());
  auto form = state.step.reader->decompose(state.step.expr, number);
  if (!form)
    return refuse("a step is not affine in what it carries",
                  state.step.reader->getBlocker());
  if (!form->a && !state.mixing)
    return refuse("the next value does not depend on the carried one",
                  state.before);
  if (!form->b)
    form->b = state.step.reader->makeConstant(element, 0.0);
  state.form = *form;
  return success();
}

LogicalResult LoopRaiser::proveOutput(Output &output) {
  Operation *writer = loop.getYieldedValues()[output.number].getDefiningOp();
  Value part = writer->getOperand(0);
  if (iterations->leaves(output.slice))
    return refuse("it writes outside of a tensor",
                  loop.getYieldedValues()[output.number]);
  if (backward.value_or(output.slice.backward) != output.slice.backward)
    return refuse("time runs forward in one place and backward in another",
                  loop.getYieldedValues()[output.number]);
  backward = output.slice.backward;
  if (failed(read(output.part, part, nullptr)))
    return failure();
  output.layout = output.slice.insertTime(
      ownDims(output.part.rank, loop.getContext()), output.part.rank);
  return success();
}

/// Each state after those whose values it uses.
LogicalResult LoopRaiser::orderStates() {
  uint64_t done = 0;
  while (order.size() < states.size()) {
    size_t before = order.size();
    for (auto [i, state] : llvm::enumerate(states)) {
      uint64_t own = uint64_t(3) << 2 * i;
      uint64_t needs = state.form.b->states;
      if (state.form.a)
        needs |= state.form.a->states;
      if (state.mixing)
        needs |= state.mixing->left->states | state.mixing->factor.expr->states;
      needs &= ~own;
      if ((done & own) || (needs & ~done))
        continue;
      done |= own;
      order.push_back(i);
    }
    if (order.size() == before)
      return refuse("two of the values it carries depend on each other");
  }
  return success();
}

/// A state comes out in the layout of the first tensor that it is written to.
void LoopRaiser::chooseLayouts() {
  MLIRContext *context = loop.getContext();
  for (auto [i, state] : llvm::enumerate(states)) {
    unsigned rank = state.step.rank;
    state.layout = timeFirst(rank, context);
    for (const Output &output : outputs)
      if (output.part.expr->kind == Expr::State &&
          output.part.expr->state == 2 * i + 1 && output.part.rank == rank) {
        state.layout = output.layout;
        break;
      }
  }
}

LogicalResult LoopRaiser::prove() {
  if (failed(proveLoop()))
    return failure();
  for (State &state : states)
    if (failed(proveState(state)))
      return failure();
  for (Output &output : outputs)
    if (failed(proveOutput(output)))
      return failure();
  if (failed(orderStates()))
    return failure();
  chooseLayouts();
  return success();
}
