//===- RaiseLoops.cpp - Loops over time become recurrences ----------------===//
//
// Precondition: the loop runs forward by a constant step over an index, and its
// iterations touch tensors only at places that move by one with it. Each value
// that it carries is then a state, or a tensor of which every iteration writes
// its own part and reads none.
//
// The proof is on expressions (StepExpr.h): the next value of a state is affine
// in the state, with factors free of it. States may feed each other without a
// cycle; they are raised one after another.
//
//===----------------------------------------------------------------------===//

#include "LiftLinalg.h"
#include "LoopMemory.h"
#include "LoopOverTime.h"

#include "ssm/Analysis/TimeInvariance.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMDialect.h"
#include "ssm/IR/StepExpr.h"
#include "ssm/Import/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

#include <list>

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_RAISELOOPS
#include "ssm/Import/Passes.h.inc"
} // namespace ssm

/// Two bits of an expression's set of states for each.
static constexpr unsigned kMaxStates = 32;

namespace {
using ::ssm::Expr;
using ::ssm::Indexed;
using ::ssm::StepReader;
using ::ssm::TimeSlice;

struct Sequence;

/// A leaf of an expression that becomes a tensor over all of time: a slice, a
/// state, before (state 2 j) or after (2 j + 1) the step, or what a linalg op
/// makes of sequences.
struct Leaf {
  Expr *expr = nullptr;
  std::optional<TimeSlice> slice;
  linalg::LinalgOp op;
  std::list<Sequence> operands;
};

/// A value over all of time: its expression over its own dimensions and time.
struct Sequence {
  Value value;
  unsigned rank = 0;
  std::unique_ptr<StepReader> reader;
  std::list<Leaf> leaves;
  const Expr *expr = nullptr;
};

/// A carried value that the step changes.
struct State {
  unsigned number; ///< Among the loop's iteration arguments.
  BlockArgument before;
  Value after;
  Sequence step;
  ::ssm::AffineExprs form;
  /// Where its dimensions and time are in the results.
  AffineMap layout;
  /// All states before and after their step.
  Value befores, afters;
};

/// A carried tensor that the step writes a part of.
struct Output {
  unsigned number;
  TimeSlice slice;
  Sequence part;
  AffineMap layout;
};

class LoopRaiser {
public:
  LoopRaiser(const ::ssm::TensorLoop &tensors, ::ssm::Numerics numerics)
      : tensors(tensors), loop(tensors.loop), numerics(numerics),
        reason(tensors.reason), mayCarryByMemory(!reason.empty()) {}

  /// Whether the loop carries a state, so that it may be one over time.
  bool classify();
  LogicalResult prove();
  /// Builds, before the loop, what replaces its results and its stores.
  SmallVector<Value> rewrite();

  const std::string &getReason() const { return reason; }
  unsigned getNumStates() const { return states.size(); }

private:
  LogicalResult refuse(const Twine &why) {
    if (reason.empty())
      reason = why.str();
    return failure();
  }
  LogicalResult refuse(const Twine &what, Value value) {
    return refuse(what + ": " + ::ssm::describeValue(value));
  }

  LogicalResult proveLoop();
  LogicalResult proveState(State &state);
  LogicalResult proveOutput(Output &output);
  LogicalResult orderStates();
  void chooseLayouts();
  LogicalResult read(Sequence &sequence, Value value, const State *subject);
  FailureOr<const Expr *> readEdge(Sequence &sequence, const State *subject,
                                   StepReader &reader, Value value,
                                   AffineMap map);

  FailureOr<const Expr *> readLifted(Sequence &sequence, const State *subject,
                                     StepReader &reader, linalg::LinalgOp op,
                                     AffineMap map);

  void settle(OpBuilder &b, Sequence &sequence);
  Value buildLifted(OpBuilder &b, Leaf &leaf);
  SmallVector<OpFoldResult> sizesOf(OpBuilder &b, Value value);
  Value buildRecurrence(OpBuilder &b, State &state, ::ssm::ReadPoint read,
                        Value *final);
  Value buildState(OpBuilder &b, State &state);
  Value buildOutput(OpBuilder &b, Output &output);

  const ::ssm::TensorLoop &tensors;
  scf::ForOp loop;
  ::ssm::Numerics numerics;
  std::string reason;
  bool mayCarryByMemory;
  std::optional<::ssm::Iterations> iterations;
  std::optional<bool> backward;
  std::vector<State> states;
  std::vector<Output> outputs;
  SmallVector<unsigned> order; ///< A state after those it uses.
};
} // namespace

static unsigned rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : 0;
}

/// The value's own dimensions, among them and time.
static AffineMap ownDims(unsigned rank, MLIRContext *context) {
  return AffineMap::getMultiDimMapWithTargets(
      rank + 1, llvm::to_vector(llvm::seq(rank)), context);
}

/// Time, then the value's own dimensions.
static AffineMap timeFirst(unsigned rank, MLIRContext *context) {
  return ownDims(rank, context)
      .insertResult(getAffineDimExpr(rank, context), 0);
}

//===----------------------------------------------------------------------===//
// Proof
//===----------------------------------------------------------------------===//

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
      auto [slice, why] = ::ssm::matchTimeSlice(loop, writer);
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
  iterations = ::ssm::Iterations::of(loop);
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
      if (map == ownDims(sequence.rank, loop.getContext()))
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
  auto [slice, why] = ::ssm::matchTimeSlice(loop, op);
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
  if (!::ssm::canLift(op, loop))
    return refuse("an op cannot be given a time dimension", value);
  Leaf &leaf = sequence.leaves.emplace_back();
  leaf.expr = reader.makeInput(value, map);
  leaf.op = op;
  // The carried value may be what the op adds to.
  auto usesSubject = [&](const Expr *expr) {
    return subject && (expr->states >> (2 * (subject - states.data())) & 3);
  };
  const Expr *init = nullptr;
  if (subject && ::ssm::addsToInit(op)) {
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
  if (usesSubject(leaf.expr))
    return refuse("a step contracts what it carries", value);
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
  Type real = ::ssm::getRealType(element);
  if (!isReadable(state.before.getType()) || !(real.isF32() || real.isF64()))
    return refuse("it carries what is not made of f32 or f64", state.before);
  if (failed(read(state.step, state.after, &state)))
    return failure();
  unsigned number = 2 * (&state - states.data());
  auto form = state.step.reader->decompose(state.step.expr, number);
  if (!form)
    return refuse("a step is not affine in what it carries",
                  state.step.reader->getBlocker());
  if (!form->a)
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
      uint64_t needs = (state.form.a->states | state.form.b->states) & ~own;
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

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

/// Makes the leaves tensors over all of time.
void LoopRaiser::settle(OpBuilder &b, Sequence &sequence) {
  for (Leaf &leaf : sequence.leaves) {
    Expr &expr = *leaf.expr;
    if (leaf.slice) {
      expr.origin = iterations->buildExtract(b, *leaf.slice);
      continue;
    }
    if (leaf.op) {
      expr.origin = buildLifted(b, leaf);
      continue;
    }
    State &state = states[expr.state / 2];
    bool isAfter = expr.state % 2;
    if (!isAfter && !state.befores)
      state.befores =
          buildRecurrence(b, state, ::ssm::ReadPoint::Before, nullptr);
    // The state's own dimensions are where the leaf's map says.
    SmallVector<AffineExpr> places(expr.map.getResults());
    places.push_back(getAffineDimExpr(sequence.rank, b.getContext()));
    expr.kind = Expr::Input;
    expr.origin = isAfter ? state.afters : state.befores;
    expr.map =
        state.layout.replaceDimsAndSymbols(places, {}, sequence.rank + 1, 0);
  }
}

/// The tensor with its dimensions in the order of the layout.
static Indexed inLayout(OpBuilder &b, Indexed tensor, AffineMap layout,
                        ArrayRef<OpFoldResult> loopSizes) {
  if (tensor.map == layout)
    return tensor;
  Location loc = tensor.value.getLoc();
  Value empty =
      tensor::EmptyOp::create(b, loc, ::ssm::applyMap(layout, loopSizes),
                              getElementTypeOrSelf(tensor.value));
  auto copy = [](OpBuilder &, Location, ValueRange args) {
    return SmallVector<Value>{args[0]};
  };
  Value copied = ::ssm::buildGeneric(b, loc, layout.getNumDims(), {tensor},
                                     {{empty, layout}}, copy)[0];
  return {copied, layout};
}

/// The op on all of time at once, with time in front.
Value LoopRaiser::buildLifted(OpBuilder &b, Leaf &leaf) {
  SmallVector<Indexed> operands;
  Location loc = leaf.op.getLoc();
  for (auto [operand, part] :
       llvm::zip(leaf.op->getOpOperands(), leaf.operands)) {
    unsigned rank = rankOf(part.value);
    AffineMap layout = timeFirst(rank, b.getContext());
    SmallVector<OpFoldResult> sizes = sizesOf(b, part.value);
    if (!part.expr) {
      Value empty =
          tensor::EmptyOp::create(b, loc, ::ssm::applyMap(layout, sizes),
                                  getElementTypeOrSelf(part.value));
      operands.push_back({empty, layout});
      continue;
    }
    settle(b, part);
    SmallVector<unsigned> needed;
    if (leaf.op.isDpsInit(&operand))
      needed = llvm::to_vector(llvm::seq(rank + 1));
    Indexed built = buildSequence(b, loc, *part.expr, layout, sizes, needed);
    operands.push_back(needed.empty() ? built
                                      : inLayout(b, built, layout, sizes));
  }
  return ::ssm::buildLifted(b, leaf.op, operands);
}

/// Sizes of the value's own dimensions and time.
SmallVector<OpFoldResult> LoopRaiser::sizesOf(OpBuilder &b, Value value) {
  SmallVector<OpFoldResult> sizes;
  if (rankOf(value))
    sizes = tensor::getMixedSizes(b, loop.getLoc(), value);
  sizes.push_back(iterations->count);
  return sizes;
}

/// The states before or after each step.
Value LoopRaiser::buildRecurrence(OpBuilder &b, State &state,
                                  ::ssm::ReadPoint read, Value *final) {
  Location loc = loop.getLoc();
  Value init = loop.getInitArgs()[state.number];
  unsigned time = state.step.rank;
  AffineMap own = ownDims(time, b.getContext());
  SmallVector<OpFoldResult> sizes = sizesOf(b, init);
  // An operand must have the length.
  SmallVector<unsigned> needed;
  if (!::ssm::usesDim(*state.form.a, time) &&
      !::ssm::usesDim(*state.form.b, time))
    needed.push_back(time);
  Indexed a = buildSequence(b, loc, *state.form.a, state.layout, sizes);
  Indexed signal =
      buildSequence(b, loc, *state.form.b, state.layout, sizes, needed);
  if (!isa<RankedTensorType>(init.getType()))
    init = tensor::FromElementsOp::create(
        b, loc, RankedTensorType::get({}, init.getType()), init);
  auto type = cast<RankedTensorType>(init.getType());
  SmallVector<int64_t> shape;
  for (OpFoldResult size : ::ssm::applyMap(state.layout, sizes))
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  SmallVector<AffineMap> maps = {a.map, signal.map, own, state.layout, own};
  auto recurrence = ::ssm::LinearRecurrenceOp::create(
      b, loc, type.clone(shape), type, a.value, signal.value,
      /*input=*/Value(), /*output=*/Value(), init, /*left=*/Value(),
      /*right=*/Value(), b.getAffineMapArrayAttr(maps), time,
      /*row=*/IntegerAttr(), /*column=*/IntegerAttr(),
      backward.value_or(false) ? ::ssm::Direction::Backward
                               : ::ssm::Direction::Forward,
      ::ssm::Projection::None, read, numerics, ::ssm::StrategyAttr());
  if (final)
    *final = recurrence.getFinal();
  return recurrence.getResult();
}

Value LoopRaiser::buildState(OpBuilder &b, State &state) {
  settle(b, state.step);
  Value final;
  state.afters = buildRecurrence(b, state, ::ssm::ReadPoint::After, &final);
  if (isa<RankedTensorType>(state.before.getType()))
    return final;
  return tensor::ExtractOp::create(b, loop.getLoc(), final, ValueRange());
}

/// The parts that all iterations write.
Value LoopRaiser::buildOutput(OpBuilder &b, Output &output) {
  Location loc = loop.getLoc();
  settle(b, output.part);
  unsigned rank = output.part.rank;
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, size] : llvm::enumerate(output.slice.sizes))
    if (!output.slice.dropped.test(dim))
      sizes.push_back(size);
  sizes.push_back(iterations->count);
  SmallVector<unsigned> all = llvm::to_vector(llvm::seq(rank + 1));
  Indexed part =
      buildSequence(b, loc, *output.part.expr, output.layout, sizes, all);
  return inLayout(b, part, output.layout, sizes).value;
}

SmallVector<Value> LoopRaiser::rewrite() {
  OpBuilder b(loop);
  iterations->buildCount(b, loop);
  // What the loop only passes on comes out as it went in.
  SmallVector<Value> results(loop.getInitArgs());
  for (unsigned i : order)
    results[states[i].number] = buildState(b, states[i]);
  SmallVector<Value> parts;
  for (Output &output : outputs)
    parts.push_back(buildOutput(b, output));
  // Memory is written when everything is computed.
  for (auto [output, part] : llvm::zip(outputs, parts)) {
    unsigned number = output.number - tensors.firstWritten;
    if (output.number >= tensors.firstWritten &&
        number < tensors.written.size())
      iterations->buildStore(b, output.slice, part, tensors.written[number]);
    else
      results[output.number] = iterations->buildInsert(
          b, output.slice, part, loop.getInitArgs()[output.number]);
  }
  return results;
}

namespace {
struct RaiseLoops : ::ssm::impl::RaiseLoopsBase<RaiseLoops> {
  using RaiseLoopsBase::RaiseLoopsBase;

  void runOnOperation() override {
    std::optional<::ssm::Numerics> promise = ::ssm::symbolizeNumerics(numerics);
    if (!promise) {
      emitError(UnknownLoc::get(&getContext()))
          << "numerics must be strict or norm, found '" << numerics << '\'';
      return signalPassFailure();
    }
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      raise(loop, *promise);
  }

  void raise(scf::ForOp loop, ::ssm::Numerics promise) {
    moveLoopInvariantCode(cast<LoopLikeOpInterface>(loop.getOperation()));
    auto tensors = ::ssm::TensorLoop::copy(loop, getAnalysis<AliasAnalysis>());
    LoopRaiser raiser(tensors, promise);
    if (!raiser.classify())
      return tensors.erase();
    auto opts = [](StringRef remark) {
      return remark::RemarkOpts::name(remark).category("ssm-raise-loops");
    };
    if (failed(raiser.prove())) {
      remark::missed(loop.getLoc(), opts("NotRaised"))
          << "the loop is no linear recurrence: " + raiser.getReason();
      return tensors.erase();
    }
    remark::passed(loop.getLoc(), opts("Raised"))
        << "linear recurrences that the loop is: " +
               std::to_string(raiser.getNumStates());
    SmallVector<Value> results = raiser.rewrite();
    loop.replaceAllUsesWith(
        ValueRange(results).take_front(loop.getNumResults()));
    loop.erase();
    tensors.erase();
  }
};
} // namespace
