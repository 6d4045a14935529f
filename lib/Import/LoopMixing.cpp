//===- LoopMixing.cpp - A state that a step contracts ---------------------===//
//
//   x[n] = a[n] x[n] + left[n] (sum over m of factor[n, m] x[m]) + b[n]
//
// The sum is read as one more state, in which the step is affine; its two
// factors are read over the state's dimensions, m and time. With n in the
// factor it is a dense transition, left[n] factor[n, m] + a[n] for n = m, else
// diagonal plus low rank, a + left factor^T: a delta rule.
//
//===----------------------------------------------------------------------===//
#include "LoopRaiser.h"

#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// The number of the contraction among the states.
static constexpr unsigned kMixed = 62;

/// Whether `map` is the place of the element that the sequence computes; of the
/// factor, that element's with m instead of n, along the row.
bool LoopRaiser::readsItself(State &state, const Sequence &sequence,
                             AffineMap map) {
  AffineMap own = ownDims(state.step.rank, loop.getContext());
  if (!state.mixing || &sequence != &state.mixing->factor)
    return map == own;
  unsigned column = state.step.rank, count = 0;
  for (unsigned dim = 0; dim < column; ++dim) {
    if (map.getResult(dim) == getAffineDimExpr(column, loop.getContext())) {
      state.mixing->row = dim;
      ++count;
    } else if (map.getResult(dim) != own.getResult(dim)) {
      return false;
    }
  }
  return count == 1;
}

/// The element at `map` of a contraction of the state.
FailureOr<const Expr *> LoopRaiser::readMixed(State &state, StepReader &reader,
                                              linalg::LinalgOp op,
                                              AffineMap map) {
  Value value = op->getResult(0);
  auto refuseIt = [&] {
    return refuse("a step contracts what it carries", value);
  };
  if (state.mixing || !linalg::isaContractionOpInterface(op) ||
      op.getNumReductionLoops() != 1)
    return refuseIt();
  // 1. Where the op's loops are.
  MLIRContext *context = op.getContext();
  unsigned column = state.step.rank;
  SmallVector<AffineExpr> places(op.getNumLoops(),
                                 getAffineDimExpr(column, context));
  for (auto [dim, place] : llvm::zip_equal(
           dimsOf(op.getMatchingIndexingMap(op.getDpsInitOperand(0))),
           map.getResults()))
    places[dim] = place;
  AffineMap loops = AffineMap::get(column + 2, 0, places, context);
  // 2. The two factors.
  Sequence &factor = state.mixing.emplace().factor;
  factor.value = value;
  factor.rank = column + 1;
  factor.reader = std::make_unique<StepReader>(
      column + 2,
      [this, &state, &factor](StepReader &inner, Value v, AffineMap place) {
        return readEdge(factor, &state, inner, v, place);
      });
  const Expr *known = nullptr, *carried = nullptr;
  unsigned number = 2 * (&state - states.data());
  for (OpOperand *input : op.getDpsInputOperands()) {
    const Expr *expr = factor.reader->read(
        input->get(), op.getMatchingIndexingMap(input).compose(loops));
    if (!expr)
      return refuseIt();
    (expr->states >> number & 1 ? carried : known) = expr;
  }
  if (!known || !carried)
    return refuseIt();
  auto form = factor.reader->decompose(carried, number);
  if (!form || !form->a || form->b)
    return refuseIt();
  factor.expr = factor.reader->makeProduct(form->a, known);
  state.mixing->isDense = llvm::is_contained(
      map.getResults(), getAffineDimExpr(state.mixing->row, context));
  return static_cast<const Expr *>(reader.makeState(value, kMixed, map));
}

/// Takes the contraction out of what the step computes.
LogicalResult LoopRaiser::proveMixing(State &state) {
  if (!state.mixing)
    return success();
  StepReader &reader = *state.step.reader;
  auto form = reader.decompose(state.step.expr, kMixed);
  uint64_t free = uint64_t(1) << kMixed | uint64_t(1)
                                              << 2 * (&state - states.data());
  if (!form || !form->a || form->a->states & free)
    return refuse("a step is not affine in what it carries",
                  form ? state.mixing->factor.value : reader.getBlocker());
  state.mixing->left = form->a;
  state.step.expr = form->b ? form->b : reader.makeConstant(form->a->type, 0.0);
  if (!state.mixing->isDense)
    state.mixing->factor.expr =
        state.mixing->factor.reader->makeConjugate(state.mixing->factor.expr);
  return success();
}

/// The factor, over the dimensions of the recurrence.
Indexed LoopRaiser::buildFactor(OpBuilder &b, State &state) {
  Mixing &mixing = *state.mixing;
  unsigned column = state.step.rank;
  settle(b, mixing.factor);
  SmallVector<OpFoldResult> sizes =
      sizesOf(b, loop.getInitArgs()[state.number]);
  sizes.insert(std::prev(sizes.end()), sizes[mixing.row]);
  Indexed factor =
      buildSequence(b, loop.getLoc(), *mixing.factor.expr,
                    timeFirst(column + 1, b.getContext()), sizes, {column});
  // Time comes before the matrix's column, which is the row of a vector.
  SmallVector<AffineExpr> dims =
      llvm::map_to_vector(llvm::seq(column), [&](unsigned dim) -> AffineExpr {
        return b.getAffineDimExpr(dim);
      });
  dims.push_back(b.getAffineDimExpr(mixing.isDense ? column + 1 : mixing.row));
  dims.push_back(b.getAffineDimExpr(column));
  factor.map = factor.map.replaceDimsAndSymbols(
      dims, {}, column + (mixing.isDense ? 2 : 1), 0);
  return factor;
}

/// left[n] factor[n, m], and a[n] more where n = m; time comes before the last
/// dimension, which is m.
static Indexed buildMatrix(OpBuilder &b, Location loc, unsigned row,
                           Indexed factor, std::optional<Indexed> left,
                           std::optional<Indexed> a,
                           ArrayRef<OpFoldResult> sizes) {
  if (!left && !a)
    return factor;
  SmallVector<Indexed> ins = {factor};
  for (auto &other : {left, a})
    if (other)
      ins.push_back(*other);
  // Only the dimensions that one of them has, and the matrix's own.
  unsigned numDims = factor.map.getNumDims(), column = numDims - 1,
           time = numDims - 2;
  SmallVector<unsigned> order = {time}, dims;
  llvm::append_range(order, llvm::seq(time));
  order.push_back(column);
  SmallVector<AffineExpr> renumbered(numDims, b.getAffineConstantExpr(0));
  for (unsigned dim : order)
    if (dim == row || dim == column ||
        llvm::any_of(ins, [&](Indexed in) { return uses(in.map, dim); })) {
      renumbered[dim] = b.getAffineDimExpr(dims.size());
      dims.push_back(dim);
    }
  AffineMap whole =
      AffineMap::getMultiDimMapWithTargets(numDims, dims, b.getContext());
  for (Indexed &in : ins)
    in.map = in.map.replaceDimsAndSymbols(renumbered, {}, dims.size(), 0);
  auto body = [&](OpBuilder &inner, Location bodyLoc, ValueRange args) {
    NumBuilder num(inner, bodyLoc, getRealType(args[0].getType()));
    Type element = args[0].getType();
    Num value = num.load(args[0]);
    if (left)
      value = num.mul(value, num.load(args[1]));
    Value off = num.store(value, element);
    if (!a)
      return SmallVector<Value>{off};
    auto place = [&](unsigned dim) -> Value {
      return linalg::IndexOp::create(inner, bodyLoc,
                                     llvm::find(dims, dim) - dims.begin());
    };
    Value isDiagonal = arith::CmpIOp::create(
        inner, bodyLoc, arith::CmpIPredicate::eq, place(row), place(column));
    Value on = num.store(num.add(value, num.load(args[left ? 2 : 1])), element);
    return SmallVector<Value>{
        arith::SelectOp::create(inner, bodyLoc, isDiagonal, on, off)};
  };
  Value empty = tensor::EmptyOp::create(b, loc, applyMap(whole, sizes),
                                        getElementTypeOrSelf(factor.value));
  AffineMap all = b.getMultiDimIdentityMap(dims.size());
  return {buildGeneric(b, loc, dims.size(), ins, {{empty, all}}, body)[0],
          whole};
}

LoopRaiser::Transition LoopRaiser::buildTransition(OpBuilder &b, State &state) {
  Location loc = loop.getLoc();
  unsigned time = state.step.rank;
  SmallVector<OpFoldResult> sizes =
      sizesOf(b, loop.getInitArgs()[state.number]);
  auto build = [&](const Expr &expr, ArrayRef<unsigned> needed) {
    return buildSequence(b, loc, expr, state.layout, sizes, needed);
  };
  if (!state.mixing)
    return {build(*state.form.a, {}), {}, {}, {}, {}};
  unsigned row = state.mixing->row;
  Indexed factor = buildFactor(b, state);
  if (!state.mixing->isDense) {
    const Expr *a = state.form.a;
    if (!a)
      a = state.step.reader->makeConstant(state.form.b->type, 0.0);
    return {
        build(*a, {row}), build(*state.mixing->left, {row}), factor, row, {}};
  }
  unsigned column = time + 1;
  auto widen = [&](Indexed in) {
    in.map = AffineMap::get(column + 1, 0, in.map.getResults(), b.getContext());
    return in;
  };
  std::optional<Indexed> left, a;
  if (!isOne(*state.mixing->left))
    left = widen(build(*state.mixing->left, {}));
  if (state.form.a)
    a = widen(build(*state.form.a, {}));
  sizes.push_back(sizes[row]);
  return {
      buildMatrix(b, loc, row, factor, left, a, sizes), {}, {}, row, column};
}
