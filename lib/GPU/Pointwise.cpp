//===- Pointwise.cpp - Elementwise ops at one point -----------------------===//
#include "Pointwise.h"
#include "StageCut.h"
#include "StepLoop.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kAccessBytes = 16;

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

SmallVector<AffineExpr> findLoops(AffineMap opMap, AffineMap map) {
  SmallVector<AffineExpr> loops(opMap.getNumDims());
  for (auto [loop, expr] : llvm::zip_equal(dimsOf(opMap), map.getResults()))
    loops[loop] = expr;
  return loops;
}

AffineMap applyLoops(AffineMap opMap, ArrayRef<AffineExpr> loops,
                     AffineMap like) {
  SmallVector<AffineExpr> exprs;
  for (unsigned loop : dimsOf(opMap))
    exprs.push_back(loops[loop]);
  return AffineMap::get(like.getNumDims(), 0, exprs, opMap.getContext());
}

static AffineMap mapOfResult(linalg::GenericOp op, Value result) {
  return op.getIndexingMapMatchingResult(cast<OpResult>(result));
}

SmallVector<Mapped> findOperands(linalg::GenericOp op, Mapped value) {
  SmallVector<AffineExpr> loops =
      findLoops(mapOfResult(op, value.tensor), value.map);
  SmallVector<Mapped> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    bool isRead = op.payloadUsesValueFromOperand(&operand) &&
                  isa<RankedTensorType>(operand.get().getType());
    operands.push_back(
        isRead ? Mapped{operand.get(),
                        applyLoops(op.getMatchingIndexingMap(&operand), loops,
                                   value.map)}
               : Mapped{operand.get(), AffineMap()});
  }
  return operands;
}

const char *refusesElementwise(linalg::GenericOp op) {
  if (op.getNumParallelLoops() != op.getNumLoops())
    return "an op that sums over a dimension";
  auto maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps,
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return "an op that reads elements other than its own";
  if (!llvm::all_of(llvm::drop_begin(maps, op.getNumDpsInputs()),
                    [](AffineMap map) { return map.isPermutation(); }))
    return "an op whose result lacks one of its dimensions";
  for (Operation &nested : *op.getBlock())
    if (const char *reason = refusesInlining(nested))
      return reason;
  for (OpOperand *input : op.getDpsInputOperands())
    if (!isa<RankedTensorType>(input->get().getType()) &&
        !matchPattern(input->get(), m_Constant()))
      return "an op with a scalar operand";
  return nullptr;
}

bool isComputedApart(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  return isAnchor(op) || isView(op) || isAssembly(op) || isStepSlice(op);
}

const char *walkProducers(Mapped value, function_ref<void(Mapped)> visit) {
  visit(value);
  if (isa<BlockArgument>(value.tensor) || isComputedApart(value.tensor))
    return nullptr;
  DenseElementsAttr constant;
  if (matchPattern(value.tensor, m_Constant(&constant)))
    return constant.isSplat() ? nullptr
                              : "a constant other than one number everywhere";
  if (auto fill = value.tensor.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.value(), m_Constant()) ? nullptr
                                                    : "a fill by a variable";
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  if (!op)
    return "an op that is not elementwise";
  if (const char *reason = refusesElementwise(op))
    return reason;
  for (const Mapped &operand : findOperands(op, value))
    if (operand.map)
      if (const char *reason = walkProducers(operand, visit))
        return reason;
  return nullptr;
}

std::optional<AffineMap> findResultMap(Value result, Mapped from) {
  if (result == from.tensor)
    return from.map;
  auto generic = result.getDefiningOp<linalg::GenericOp>();
  if (!generic || refusesElementwise(generic))
    return std::nullopt;
  for (OpOperand &operand : generic->getOpOperands()) {
    AffineMap opMap = generic.getMatchingIndexingMap(&operand);
    auto map = findResultMap(operand.get(), from);
    if (!map || !opMap.isPermutation())
      continue;
    return applyLoops(mapOfResult(generic, result), findLoops(opMap, *map),
                      *map);
  }
  return std::nullopt;
}

std::optional<AffineMap> findResultMap(Value result, LinearRecurrenceOp op) {
  return findResultMap(result, {op.getResult(), op.getResultIndexingMap()});
}

SmallVector<Mapped> FusedRecurrence::operands() const {
  LinearRecurrenceOp recurrence = op;
  SmallVector<Mapped> all{
      {recurrence.getTransition(), recurrence.getTransitionMap()},
      {recurrence.getSignal(), recurrence.getSignalMap()}};
  if (Value input = recurrence.getInput())
    all.push_back({input, recurrence.getInputIndexingMap()});
  if (Value output = recurrence.getOutput())
    all.push_back({output, recurrence.getOutputIndexingMap()});
  return all;
}

SmallVector<Mapped> FusedRecurrence::sources() const {
  LinearRecurrenceOp recurrence = op;
  SmallVector<Mapped> all = operands();
  if (Value init = recurrence.getInit())
    all.push_back({init, recurrence.getInitIndexingMap()});
  all.append(results);
  return all;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// States that follow each other along the last of their dimensions.
static int64_t countRun(LinearRecurrenceOp op, int64_t states) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  bool divides = !dims.state.empty() &&
                 getStaticLoopSizes(op)[dims.state.back()] % states == 0;
  return divides ? states : 1;
}

Pointwise::Pointwise(OpBuilder &b, Kernel &kernel, LinearRecurrenceOp op,
                     int64_t states,
                     std::function<SmallVector<Value>(int64_t)> indexOf)
    : Pointwise(b, kernel, op.getDims().time,
                llvm::to_vector(op.getDims().state), states,
                countRun(op, states), std::move(indexOf)) {}

Pointwise::Pointwise(OpBuilder &b, Kernel &kernel, unsigned time,
                     ArrayRef<unsigned> stateDims, int64_t states,
                     int64_t neighbours,
                     std::function<SmallVector<Value>(int64_t)> indexOf)
    : b(b), k(kernel), time(time), stateDims(stateDims), states(states),
      neighbours(neighbours), indexOf(std::move(indexOf)),
      before(b.getInsertionBlock()) {}

bool Pointwise::usesAny(AffineMap map, ArrayRef<unsigned> dims) {
  return llvm::any_of(dims, [&](unsigned dim) { return uses(map, dim); });
}

Pointwise::Key Pointwise::keyOf(Mapped value, int64_t state) {
  return {value.tensor, value.map, hasState(value) ? state : 0,
          varies(value) ? now : Value()};
}

void Pointwise::define(Mapped value, Num x, int64_t state) {
  Type element =
      cast<RankedTensorType>(value.tensor.getType()).getElementType();
  Type real = getRealType(element);
  Scalars parts{k.num.store({x.re, Value()}, real)};
  if (isa<ComplexType>(element))
    parts.push_back(k.num.store(
        {x.isComplex() ? x.im : k.num.constant(0).re, Value()}, real));
  known[keyOf(value, state)] = parts;
}

void Pointwise::prefetch(Mapped value) {
  if (!varies(value) || shared.contains({value.tensor, value.map}))
    return;
  if (isa<BlockArgument>(value.tensor))
    for (int64_t i = 0; i < states; ++i)
      readScalars(value, i);
  if (auto op = value.tensor.getDefiningOp<linalg::GenericOp>())
    for (const Mapped &operand : findOperands(op, value))
      if (operand.map)
        prefetch(operand);
}

void Pointwise::share(Mapped value, bool arguments) {
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  bool isRead = arguments && isa<BlockArgument>(value.tensor);
  if ((!op && !isRead) || !varies(value))
    return;
  if (!hasState(value)) {
    shared.insert({value.tensor, value.map});
    return;
  }
  if (op)
    for (const Mapped &operand : findOperands(op, value))
      if (operand.map)
        share(operand, arguments);
}

SmallVector<Mapped> Pointwise::sharedValues() const {
  return llvm::map_to_vector(shared, [](const auto &value) {
    return Mapped{value.first, value.second};
  });
}

void Pointwise::computeShared() {
  for (auto [tensor, map] : shared)
    readScalars({tensor, map}, 0);
}

void Pointwise::receiveShared(Value then, Value lane) {
  for (auto [tensor, map] : shared) {
    Scalars theirs = known.at({tensor, map, 0, then});
    known[keyOf({tensor, map}, 0)] =
        k.shuffle(gpu::ShuffleMode::IDX, theirs, lane);
  }
}

Num Pointwise::read(Mapped value, int64_t state) {
  Scalars parts = readScalars(value, state);
  return {k.num.load(parts[0]).re,
          parts.size() > 1 ? k.num.load(parts[1]).re : Value()};
}

Pointwise::Scalars Pointwise::readScalars(Mapped value, int64_t state) {
  if (auto found = known.find(keyOf(value, state)); found != known.end())
    return found->second;
  OpBuilder::InsertionGuard guard(b);
  if (!varies(value))
    b.setInsertionPointToEnd(before);
  if (auto op = value.tensor.getDefiningOp<linalg::GenericOp>())
    compute(op, value, state);
  else
    load(value, state);
  return known.at(keyOf(value, state));
}

/// A constant of the function in the kernel.
Value Pointwise::import(Value constant) {
  return b.clone(*constant.getDefiningOp())->getResult(0);
}

int64_t Pointwise::countNeighbours(const KernelTensor &tensor) {
  int64_t bytes = getElementWidth(tensor.element) / 8 *
                  (isa<ComplexType>(tensor.element) ? 2 : 1);
  SmallVector<unsigned> dims = dimsOf(tensor.map);
  return !stateDims.empty() && !dims.empty() && dims.back() == stateDims.back()
             ? std::gcd(neighbours, kAccessBytes / bytes)
             : 1;
}

/// An argument's element, or several that follow each other; a constant.
void Pointwise::load(Mapped value, int64_t state) {
  if (auto fill = value.tensor.getDefiningOp<linalg::FillOp>()) {
    known[keyOf(value, state)] = {import(fill.value())};
    return;
  }
  DenseElementsAttr constant;
  if (matchPattern(value.tensor, m_Constant(&constant))) {
    auto splat = constant.getSplatValue<Attribute>();
    auto isComplex = dyn_cast<ArrayAttr>(splat);
    Scalars parts;
    for (Attribute part : isComplex ? isComplex.getValue() : ArrayRef(splat))
      parts.push_back(
          arith::ConstantOp::create(b, k.loc, cast<TypedAttr>(part)));
    known[keyOf(value, state)] = parts;
    return;
  }
  KernelTensor tensor = k.argument(value.tensor, value.map);
  int64_t parts = isa<ComplexType>(tensor.element) ? 2 : 1;
  int64_t group = countNeighbours(tensor);
  int64_t first = state / group * group;
  SmallVector<Value> indices = indexOf(first);
  indices[time] = now;
  Scalars all = k.loadScalars(tensor, k.offset(tensor, indices), group);
  for (int64_t i = 0; i < group; ++i)
    known[keyOf(value, first + i)] =
        Scalars(ArrayRef(all).slice(i * parts, parts));
}

/// Of an op's loops.
SmallVector<Value> Pointwise::indicesOf(ArrayRef<AffineExpr> loops,
                                        int64_t state) {
  SmallVector<Value> indices = indexOf(state);
  indices[time] = now;
  return llvm::map_to_vector(loops, [&](AffineExpr loop) {
    return indices[cast<AffineDimExpr>(loop).getPosition()];
  });
}

/// All results of the op from the scalars of its operands.
void Pointwise::compute(linalg::GenericOp op, Mapped value, int64_t state) {
  SmallVector<Value> args;
  for (auto [operand, arg] : llvm::zip_equal(findOperands(op, value),
                                             op.getBlock()->getArguments())) {
    bool isTensor = isa<RankedTensorType>(operand.tensor.getType());
    if (!operand.map) {
      args.push_back(isTensor ? Value() : import(operand.tensor));
      continue;
    }
    Scalars parts = readScalars(operand, state);
    if (parts.size() == 2)
      parts = {complex::CreateOp::create(b, k.loc, arg.getType(), parts[0],
                                         parts[1])};
    args.push_back(parts[0]);
  }
  SmallVector<AffineExpr> loops =
      findLoops(mapOfResult(op, value.tensor), value.map);
  SmallVector<Value> at, values;
  if (op.hasIndexSemantics())
    at = indicesOf(loops, state);
  values = inlineBlock(b, *op.getBlock(), args, at);
  for (auto [result, x] : llvm::zip_equal(op.getResults(), values)) {
    bool isComplex = isa<ComplexType>(x.getType());
    Scalars parts{x};
    if (isComplex)
      parts = {complex::ReOp::create(b, k.loc, x),
               complex::ImOp::create(b, k.loc, x)};
    known[keyOf({result, applyLoops(mapOfResult(op, result), loops, value.map)},
                state)] = parts;
  }
}

} // namespace ssm
