//===- LoopRewrite.cpp - A loop over time as recurrences ------------------===//
#include "LiftLinalg.h"
#include "LoopRaiser.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

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
      state.befores = buildRecurrence(b, state, ReadPoint::Before, nullptr);
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
  Value empty = tensor::EmptyOp::create(b, loc, applyMap(layout, loopSizes),
                                        getElementTypeOrSelf(tensor.value));
  auto copy = [](OpBuilder &, Location, ValueRange args) {
    return SmallVector<Value>{args[0]};
  };
  Value copied = buildGeneric(b, loc, layout.getNumDims(), {tensor},
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
      Value empty = tensor::EmptyOp::create(b, loc, applyMap(layout, sizes),
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

/// The factors, if the expression is a product of two of which each lacks one
/// of the `rank` dimensions that the other has.
static std::optional<std::pair<const Expr *, const Expr *>>
findOuterProduct(const Expr &expr, unsigned rank) {
  if (expr.kind != Expr::Apply ||
      (expr.name->getStringRef() != arith::MulFOp::getOperationName() &&
       expr.name->getStringRef() != complex::MulOp::getOperationName()))
    return std::nullopt;
  const Expr *x = expr.operands[0], *y = expr.operands[1];
  auto lacksOneOf = [&](const Expr &factor, const Expr &other) {
    return llvm::any_of(llvm::seq(rank), [&](unsigned dim) {
      return !usesDim(factor, dim) && usesDim(other, dim);
    });
  };
  if (!lacksOneOf(*x, *y) || !lacksOneOf(*y, *x))
    return std::nullopt;
  return std::pair(x, y);
}

/// What drives the state. An outer product stays one of two tensors, so that
/// the recurrence can form it.
static Indexed buildSignal(OpBuilder &b, Location loc, const Expr &expr,
                           AffineMap layout, ArrayRef<OpFoldResult> sizes,
                           ArrayRef<unsigned> needed) {
  auto factors = findOuterProduct(expr, layout.getNumDims() - 1);
  if (!factors)
    return buildSequence(b, loc, expr, layout, sizes, needed);
  SmallVector<Indexed> ins = {
      buildSequence(b, loc, *factors->first, layout, sizes, needed),
      buildSequence(b, loc, *factors->second, layout, sizes)};
  Value empty =
      tensor::EmptyOp::create(b, loc, applyMap(layout, sizes), expr.type);
  auto body = [&](OpBuilder &inner, Location bodyLoc, ValueRange args) {
    OperationState product(bodyLoc, *expr.name, args.take_front(2), {expr.type},
                           expr.attributes.getValue());
    return SmallVector<Value>{inner.create(product)->getResult(0)};
  };
  return {buildGeneric(b, loc, layout.getNumDims(), ins, {{empty, layout}},
                       body)[0],
          layout};
}

/// The states before or after each step.
Value LoopRaiser::buildRecurrence(OpBuilder &b, State &state, ReadPoint read,
                                  Value *final) {
  Location loc = loop.getLoc();
  Value init = loop.getInitArgs()[state.number];
  unsigned time = state.step.rank;
  AffineMap own = ownDims(time, b.getContext());
  SmallVector<OpFoldResult> sizes = sizesOf(b, init);
  // An operand must have the length.
  SmallVector<unsigned> needed;
  const AffineExprs &form = state.form;
  if (!(form.a && usesDim(*form.a, time)) && !usesDim(*form.b, time))
    needed.push_back(time);
  Transition transition = buildTransition(b, state);
  Indexed signal = buildSignal(b, loc, *form.b, state.layout, sizes, needed);
  if (!isa<RankedTensorType>(init.getType()))
    init = tensor::FromElementsOp::create(
        b, loc, RankedTensorType::get({}, init.getType()), init);
  auto type = cast<RankedTensorType>(init.getType());
  SmallVector<int64_t> shape;
  for (OpFoldResult size : applyMap(state.layout, sizes))
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  SmallVector<AffineMap> maps = {transition.a.map, signal.map, own};
  if (transition.left.value)
    llvm::append_values(maps, transition.left.map, transition.right.map);
  llvm::append_values(maps, state.layout, own);
  for (AffineMap &map : maps)
    map = AffineMap::get(transition.a.map.getNumDims(), 0, map.getResults(),
                         b.getContext());
  auto dimAttr = [&](std::optional<unsigned> dim) {
    return dim ? b.getI64IntegerAttr(*dim) : IntegerAttr();
  };
  auto recurrence = LinearRecurrenceOp::create(
      b, loc, type.clone(shape), type, transition.a.value, signal.value,
      /*input=*/Value(), /*output=*/Value(), init, transition.left.value,
      transition.right.value, b.getAffineMapArrayAttr(maps), time,
      dimAttr(transition.row), dimAttr(transition.column),
      backward.value_or(false) ? Direction::Backward : Direction::Forward,
      Projection::None, read, numerics, StrategyAttr());
  if (final)
    *final = recurrence.getFinal();
  return recurrence.getResult();
}

Value LoopRaiser::buildState(OpBuilder &b, State &state) {
  settle(b, state.step);
  Value final;
  state.afters = buildRecurrence(b, state, ReadPoint::After, &final);
  if (isa<RankedTensorType>(state.before.getType()))
    return final;
  return tensor::ExtractOp::create(b, loop.getLoc(), final, ValueRange());
}

/// The last state of one that is read before each step comes from there, too,
/// if nothing reads the states after the steps.
void LoopRaiser::shareFinal(State &state, SmallVectorImpl<Value> &results) {
  if (!state.befores)
    return;
  auto after = state.afters.getDefiningOp<LinearRecurrenceOp>(),
       before = state.befores.getDefiningOp<LinearRecurrenceOp>();
  if (!after.getResult().use_empty() || !after.getFinal().use_empty())
    return;
  llvm::replace(results, after.getFinal(), before.getFinal());
  after.erase();
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
  for (unsigned i : order)
    if (!llvm::is_contained(parts, states[i].afters))
      shareFinal(states[i], results);
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
