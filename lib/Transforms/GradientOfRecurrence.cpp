//===- GradientOfRecurrence.cpp - The rules of recurrences ----------------===//
//
// With v_t = sum_output(conj(c_t) dy_t), what the output at t pulls at its
// state, the cotangents of the states run against time:
//
//   g_t = v_t + A_{t+1}^H g_{t+1}
//
// Written for p_t = A_t^H g_t, which is what the step at t pulls at its
// previous state, no transition is shifted:
//
//   read after    p_t = A_t^H p_{t+1} + A_t^H v_t,   g_t = v_t + p_{t+1}
//   read before   p_t = A_t^H p_{t+1} + v_t,         g_t = p_{t+1}
//
// from p_L, the cotangent of the final state: a recurrence with
// `read = before` in the other direction. Then
//
//   dA = g x_{t-1}^H,  dB = g u^H,  du = B^H g,  dC = dy x^H,  dinit = p_0,
//
// each summed over the dimensions that the operand lacks. States are computed
// again. Of A = diag(a) + p q^H, A^H is diag(conj(a)) + q p^H, and
//
//   da = g conj(x_{t-1}),  dp = g (x_{t-1}^H q),  dq = x_{t-1} (g^H p).
//
//===----------------------------------------------------------------------===//
#include "Contraction.h"
#include "Gradient.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
class RecurrenceGradient {
public:
  RecurrenceGradient(OpBuilder &b, LinearRecurrenceOp op,
                     Cotangents &cotangents);

  void run();

private:
  Value makePull();
  Value makeStates(ReadPoint read);
  /// (p_{t+1}, p_0).
  std::pair<Value, Value> runBack(Value pull);
  /// q (p^H v) of a transition diag(a) + p q^H.
  Value pullLowRank(Value v);
  Value sum(Value x, Value y);
  void addTransition(Value g);
  void addLowRank(Value g);
  void addSignalAndInput(Value g);
  void addOutput();

  AffineMap rowToColumn(AffineMap map);
  AffineMap transposed(AffineMap map);
  SumTarget statesTarget() {
    return {statesElement, statesMap, applyMap(statesMap, sizes)};
  }
  Indexed left() { return {op.getLeft(), op.getLeftIndexingMap()}; }
  Indexed right() { return {op.getRight(), op.getRightIndexingMap()}; }
  /// y^H x along the row, for each of the ranks.
  Indexed contractRow(Value x, Indexed y);
  void add(Value operand, AffineMap map, Indexed x, Indexed y = {}) {
    cotangents.add(
        b, operand,
        sumOfProducts(b, loc, SumTarget::of(b, {operand, map}), x, y));
  }
  LinearRecurrenceOp build(TypeRange types, Value transition, Value signal,
                           Value input, Value init, Value left, Value right,
                           ArrayRef<AffineMap> maps, Direction direction);
  RankedTensorType statesType();

  OpBuilder &b;
  LinearRecurrenceOp op;
  Cotangents &cotangents;
  Location loc;
  SmallVector<OpFoldResult> sizes;
  AffineMap statesMap;
  Type statesElement;
  Value dy; ///< The cotangent of C x_t before the projection, or null.
};
} // namespace

/// `tensor` times two.
static Value twice(OpBuilder &b, Location loc, Value tensor, AffineMap map) {
  SumTarget target = SumTarget::of(b, {tensor, map});
  return sumInto(b, loc, target, {{tensor, map}},
                 [](OpBuilder &nested, Location at, ValueRange args) -> Value {
                   return arith::AddFOp::create(nested, at, args[0], args[0]);
                 });
}

RecurrenceGradient::RecurrenceGradient(OpBuilder &b, LinearRecurrenceOp op,
                                       Cotangents &cotangents)
    : b(b), op(op), cotangents(cotangents), loc(op.getLoc()),
      sizes(getLoopSizes(b, op)) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  // In the result's order, the summed dimensions last.
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(op.getResultIndexingMap()))
    if (!llvm::is_contained(dims.output, dim))
      exprs.push_back(b.getAffineDimExpr(dim));
  for (unsigned dim : dims.state)
    exprs.push_back(b.getAffineDimExpr(dim));
  statesMap = AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext());
  Type real = getRealType(op.getResult().getType().getElementType());
  statesElement = isa<ComplexType>(op.getStateElementType())
                      ? Type(ComplexType::get(real))
                      : real;
  dy = cotangents.get(op.getResult());
  if (dy && op.getProjection() == Projection::TwiceReal)
    dy = twice(b, loc, dy,
               b.getMultiDimIdentityMap(
                   cast<RankedTensorType>(dy.getType()).getRank()));
}

RankedTensorType RecurrenceGradient::statesType() {
  SmallVector<int64_t> staticSizes = getStaticLoopSizes(op), shape;
  for (unsigned dim : dimsOf(statesMap))
    shape.push_back(staticSizes[dim]);
  return RankedTensorType::get(shape, statesElement);
}

/// v over all of time.
Value RecurrenceGradient::makePull() {
  SumTarget target = statesTarget();
  if (!dy) {
    NumBuilder num(b, loc, getRealType(statesElement));
    Value zero = num.store(num.constant(0.0), statesElement);
    Value empty = tensor::EmptyOp::create(b, loc, target.sizes, statesElement);
    return linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  }
  Indexed c;
  if (op.getOutput())
    c = {op.getOutput(), op.getOutputIndexingMap()};
  return sumOfProducts(b, loc, target, {dy, op.getResultIndexingMap()}, c);
}

LinearRecurrenceOp
RecurrenceGradient::build(TypeRange types, Value transition, Value signal,
                          Value input, Value init, Value left, Value right,
                          ArrayRef<AffineMap> maps, Direction direction) {
  LoopAttrs loops(op);
  SmallVector<AffineMap> used = dropUnusedLoops(maps, loops.list());
  return LinearRecurrenceOp::create(
      b, loc, types, transition, signal, input, Value(), init, left, right,
      b.getAffineMapArrayAttr(used), loops.time, loops.rowAttr(b),
      loops.columnAttr(b), direction, Projection::None, ReadPoint::Before,
      op.getNumerics(), StrategyAttr());
}

/// The states that are read before or after the update, over all of time.
Value RecurrenceGradient::makeStates(ReadPoint read) {
  if (!op.getOutput() && op.getRead() == read)
    return op.getResult();
  SmallVector<AffineMap> maps = {op.getTransitionMap(), op.getSignalMap()};
  if (op.getInput())
    maps.push_back(op.getInputIndexingMap());
  if (op.getInit())
    maps.push_back(op.getInitIndexingMap());
  if (op.isLowRank())
    maps.append({left().map, right().map});
  maps.append({statesMap, op.getFinalIndexingMap()});
  LinearRecurrenceOp states =
      build({statesType(), op.getFinal().getType()}, op.getTransition(),
            op.getSignal(), op.getInput(), op.getInit(), op.getLeft(),
            op.getRight(), maps, op.getDirection());
  states.setRead(read);
  return states.getResult();
}

AffineMap RecurrenceGradient::rowToColumn(AffineMap map) {
  return map.replace(b.getAffineDimExpr(*op.getRow()),
                     b.getAffineDimExpr(*op.getColumn()), map.getNumDims(), 0);
}

AffineMap RecurrenceGradient::transposed(AffineMap map) {
  if (!op.getColumn())
    return map;
  AffineExpr row = b.getAffineDimExpr(*op.getRow());
  AffineExpr column = b.getAffineDimExpr(*op.getColumn());
  return map.replace({{row, column}, {column, row}}, map.getNumDims(), 0);
}

Indexed RecurrenceGradient::contractRow(Value x, Indexed y) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(statesMap))
    if (dim != *dims.row)
      exprs.push_back(b.getAffineDimExpr(dim));
  for (unsigned dim : dims.rank)
    exprs.push_back(b.getAffineDimExpr(dim));
  AffineMap map = AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext());
  SumTarget target = {statesElement, map, applyMap(map, sizes)};
  return {sumOfProducts(b, loc, target, {x, statesMap}, y), map};
}

Value RecurrenceGradient::pullLowRank(Value v) {
  Indexed sums = contractRow(v, left());
  sums.value = conjugate(b, loc, sums.value);
  return sumOfProducts(b, loc, statesTarget(), right(), sums);
}

std::pair<Value, Value> RecurrenceGradient::runBack(Value pull) {
  Value a = conjugate(b, loc, op.getTransition()), input;
  AffineMap map = transposed(op.getTransitionMap());
  SmallVector<AffineMap> maps = {map, statesMap};
  if (op.getRead() == ReadPoint::After && op.isDiagonal()) {
    input = a;
    maps.push_back(map);
  } else if (op.getRead() == ReadPoint::After) {
    SumTarget target = statesTarget();
    if (op.getColumn())
      target.map = rowToColumn(statesMap);
    Value mixed = sumOfProducts(b, loc, target, {pull, statesMap},
                                {op.getTransition(), op.getTransitionMap()});
    pull = op.isLowRank() ? sum(mixed, pullLowRank(pull)) : mixed;
  }
  Value init = cotangents.get(op.getFinal());
  if (init)
    maps.push_back(op.getFinalIndexingMap());
  if (op.isLowRank())
    maps.append({right().map, left().map});
  maps.append({statesMap, op.getFinalIndexingMap()});
  LinearRecurrenceOp back =
      build({statesType(), op.getFinal().getType()}, a, pull, input, init,
            op.getRight(), op.getLeft(), maps,
            op.isBackward() ? Direction::Forward : Direction::Backward);
  return {back.getResult(), back.getFinal()};
}

/// x + y over all of time.
Value RecurrenceGradient::sum(Value x, Value y) {
  Type real = getRealType(statesElement);
  return sumInto(b, loc, statesTarget(), {{x, statesMap}, {y, statesMap}},
                 [&](OpBuilder &nested, Location at, ValueRange args) {
                   NumBuilder num(nested, at, real);
                   return num.store(
                       num.add(num.load(args[0]), num.load(args[1])),
                       statesElement);
                 });
}

void RecurrenceGradient::addTransition(Value g) {
  AffineMap previous = op.getColumn() ? rowToColumn(statesMap) : statesMap;
  add(op.getTransition(), op.getTransitionMap(), {g, statesMap},
      {makeStates(ReadPoint::Before), previous});
}

void RecurrenceGradient::addLowRank(Value g) {
  Value previous = makeStates(ReadPoint::Before);
  if (cotangents.isVaried(op.getLeft()))
    add(op.getLeft(), left().map, {g, statesMap},
        contractRow(previous, right()));
  if (cotangents.isVaried(op.getRight()))
    add(op.getRight(), right().map, {previous, statesMap},
        contractRow(g, left()));
}

void RecurrenceGradient::addSignalAndInput(Value g) {
  Indexed input, signal = {op.getSignal(), op.getSignalMap()};
  if (op.getInput())
    input = {op.getInput(), op.getInputIndexingMap()};
  if (cotangents.isVaried(signal.value))
    add(signal.value, signal.map, {g, statesMap}, input);
  if (cotangents.isVaried(input.value))
    add(input.value, input.map, {g, statesMap}, signal);
}

void RecurrenceGradient::addOutput() {
  add(op.getOutput(), op.getOutputIndexingMap(),
      {dy, op.getResultIndexingMap()}, {makeStates(op.getRead()), statesMap});
}

void RecurrenceGradient::run() {
  if (dy && cotangents.isVaried(op.getOutput()))
    addOutput();
  Value pull = makePull();
  auto [next, first] = runBack(pull);
  if (cotangents.isVaried(op.getInit()))
    add(op.getInit(), op.getInitIndexingMap(),
        {first, op.getFinalIndexingMap()});
  Value g = op.getRead() == ReadPoint::After ? sum(pull, next) : next;
  if (cotangents.isVaried(op.getTransition()))
    addTransition(g);
  if (cotangents.isVaried(op.getLeft()) || cotangents.isVaried(op.getRight()))
    addLowRank(g);
  addSignalAndInput(g);
}

LogicalResult ssm::differentiate(OpBuilder &b, LinearRecurrenceOp op,
                                 Cotangents &cotangents) {
  RecurrenceGradient(b, op, cotangents).run();
  return success();
}

/// A tensor of `sizes` that is 1 where `isOne` holds, and 0 elsewhere.
static Value makeImpulse(OpBuilder &b, Location loc, OpFoldResult length,
                         Type real) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  return sumInto(b, loc, {real, identity, {length}}, {},
                 [&](OpBuilder &nested, Location at, ValueRange) -> Value {
                   Value t = linalg::IndexOp::create(nested, at, 0);
                   Value first = arith::ConstantIndexOp::create(nested, at, 0);
                   Value isFirst = arith::CmpIOp::create(
                       nested, at, arith::CmpIPredicate::eq, t, first);
                   NumBuilder num(nested, at, real);
                   return arith::SelectOp::create(nested, at, isFirst,
                                                  num.constant(1.0).re,
                                                  num.constant(0.0).re);
                 });
}

/// The kernel is the recurrence's answer to an impulse.
LogicalResult ssm::differentiate(OpBuilder &b, MaterializeKernelOp op,
                                 Cotangents &cotangents) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap a = maps[0], input = maps[1], output = maps[2],
            kernel = maps.back();
  unsigned time = op.getTime();
  SmallVector<OpFoldResult> sizes = getLoopSizes(b, op);
  sizes[time] = tensor::getMixedSize(b, op.getLoc(), op.getResult(),
                                     *positionOf(kernel, time));
  SmallVector<int64_t> staticSizes = getStaticLoopSizes(op), shape;
  SmallVector<AffineExpr> exprs;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    bool sumsInput = uses(input, dim) && !uses(a, dim) && !uses(output, dim) &&
                     !uses(kernel, dim);
    bool addsOutput = uses(output, dim) && uses(kernel, dim) && !uses(a, dim) &&
                      !uses(input, dim);
    bool isRank = llvm::none_of(ArrayRef{a, input, output, kernel},
                                [&](AffineMap map) { return uses(map, dim); });
    if (dim == time || sumsInput || addsOutput || isRank ||
        (op.getColumn() && *op.getColumn() == dim))
      continue;
    exprs.push_back(b.getAffineDimExpr(dim));
    shape.push_back(staticSizes[dim]);
  }
  MLIRContext *context = b.getContext();
  AffineMap final = AffineMap::get(op.getNumLoops(), 0, exprs, context);
  AffineMap signal =
      AffineMap::get(op.getNumLoops(), 0, b.getAffineDimExpr(time), context);
  Type real = getRealType(op.getResult().getType().getElementType());
  bool isComplex = llvm::any_of(op.getIndexedOperands(), [](Value operand) {
    return isa<ComplexType>(getElementTypeOrSelf(operand));
  });
  Type wide = getWorkingType(
      llvm::map_to_vector(op.getIndexedOperands(), [](Value operand) {
        return getElementTypeOrSelf(operand);
      }));
  auto finalType = RankedTensorType::get(
      shape, isComplex ? Type(ComplexType::get(wide)) : wide);
  auto attr = [&](std::optional<uint64_t> dim) {
    return dim ? b.getI64IntegerAttr(*dim) : IntegerAttr();
  };
  maps.insert(maps.begin() + 1, signal);
  maps.push_back(final);
  auto recurrence = LinearRecurrenceOp::create(
      b, op.getLoc(), TypeRange{op.getResult().getType(), finalType},
      op.getTransition(), makeImpulse(b, op.getLoc(), sizes[time], real),
      op.getInput(), op.getOutput(), Value(), op.getLeft(), op.getRight(),
      b.getAffineMapArrayAttr(maps), time, attr(op.getRow()),
      attr(op.getColumn()), Direction::Forward, op.getProjection(),
      ReadPoint::After, Numerics::Norm, StrategyAttr());
  cotangents.set(recurrence.getResult(), cotangents.get(op.getResult()));
  return differentiate(b, recurrence, cotangents);
}
