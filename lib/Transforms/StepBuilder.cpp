//===- StepBuilder.cpp - A function's body on one chunk of time -----------===//
//
// Values are rebuilt on demand, operands first. Precondition: Causality has
// accepted the function.
//
//===----------------------------------------------------------------------===//
#include "StepBuilder.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

RankedTensorType StepBuilder::typeWith(Value value, int64_t slots) const {
  auto type = cast<RankedTensorType>(value.getType());
  std::optional<unsigned> time = dims.of(value);
  if (!time)
    return type;
  SmallVector<int64_t> shape(type.getShape());
  shape[*time] = slots;
  return type.clone(shape);
}

void StepBuilder::begin(func::FuncOp newTarget, bool start) {
  target = newTarget;
  isStart = start;
  map.clear();
  extended.clear();
  b = OpBuilder::atBlockEnd(&target.front());
  for (auto [from, to] : llvm::zip(func.getArguments(), target.getArguments()))
    map.map(from, to);
}

void StepBuilder::emitChunk(func::FuncOp step) {
  begin(step, /*start=*/false);
  for (Operation &op : func.front().without_terminator())
    if (op.getNumResults() == 0)
      rebuild(&op);
  for (Value result : func.front().getTerminator()->getOperands())
    get(result);
}

std::optional<unsigned> StepBuilder::findState(Value result) {
  unsigned window = 0;
  if (auto slice = result.getDefiningOp<tensor::ExtractSliceOp>();
      slice && causality.of(result).kind == TimeUse::Final)
    if (std::optional<unsigned> time = dims.of(slice.getSource())) {
      window = *getConstantIntValue(slice.getMixedSizes()[*time]);
      int64_t from = *causality.beyondSteps(slice.getMixedOffsets()[*time]);
      if (from + window != causality.before(slice.getSource()))
        return std::nullopt;
      result = slice.getSource();
    }
  for (auto [i, state] : llvm::enumerate(states))
    if (state.source == result && state.window == window)
      return i;
  return std::nullopt;
}

SmallVector<Value> StepBuilder::emitNextStates() {
  SmallVector<Value> next;
  for (const CarriedState &state : states) {
    if (!state.window) {
      next.push_back(get(state.source));
      continue;
    }
    Value all = getAfter(state.source, state.window);
    next.push_back(slice(all, *dims.of(state.source), stepsAnd(0),
                         b->getIndexAttr(state.window)));
  }
  return next;
}

SmallVector<Value> StepBuilder::emitStart(func::FuncOp start) {
  begin(start, /*start=*/true);
  for (BlockArgument arg : func.getArguments())
    if (std::optional<unsigned> time = dims.of(arg))
      map.map(arg, slice(map.lookup(arg), *time, b->getIndexAttr(0),
                         b->getIndexAttr(0)));
  return llvm::map_to_vector(
      states, [&](const CarriedState &state) { return startOf(state); });
}

Value StepBuilder::get(Value value) {
  if (!map.contains(value))
    emit(value.getDefiningOp());
  return map.lookup(value);
}

void StepBuilder::emit(Operation *op) {
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    if (index && type && *index >= 0 && *index < type.getRank()) {
      map.map(dim, asValue(*b, dim.getLoc(), sizeOf(dim.getSource(), *index)));
      return;
    }
  }
  bool timed = llvm::any_of(
      llvm::concat<const Value>(op->getOperands(), op->getResults()),
      [&](Value v) { return dims.of(v).has_value(); });
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](LinearRecurrenceOp op) { emitLinear(op); })
      .Case([&](NonlinearRecurrenceOp op) { emitNonlinear(op); })
      .Case([&](LongConvOp op) { emitConv(op); })
      .Case([&](AssociativeScanOp op) {
        if (timed && !isStart)
          emitScan(op);
        else
          rebuild(op);
      })
      .Case<linalg::LinalgOp>([&](auto op) {
        if (timed)
          emitLinalg(op);
        else
          rebuild(op);
      })
      .Case([&](tensor::PadOp op) {
        if (timed)
          emitPad(op);
        else
          rebuild(op);
      })
      .Case([&](tensor::ExtractSliceOp op) {
        if (dims.of(op.getSource()))
          emitSlice(op);
        else
          rebuild(op);
      })
      .Default([&](Operation *op) { rebuild(op); });
}

void StepBuilder::getReads(Operation *op) {
  for (Value operand : op->getOperands())
    get(operand);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    get(value);
}

SmallVector<OpFoldResult> StepBuilder::mapSizes(ArrayRef<OpFoldResult> sizes) {
  return llvm::map_to_vector(sizes, [&](OpFoldResult size) -> OpFoldResult {
    auto value = dyn_cast<Value>(size);
    if (!value)
      return size;
    if (TimeUse use = causality.of(value); use.kind == TimeUse::Length)
      return stepsAnd(use.offset);
    return getAsOpFoldResult(get(value));
  });
}

Value StepBuilder::makeSplat(Location loc, Value like,
                             DenseElementsAttr splat) {
  auto type = RankedTensorType::get({}, splat.getElementType());
  Value scalar = arith::ConstantOp::create(*b, loc, splat.resizeSplat(type));
  scalar = tensor::ExtractOp::create(*b, loc, scalar, ValueRange());
  SmallVector<OpFoldResult> sizes;
  for (int64_t size : splat.getType().getShape())
    sizes.push_back(b->getIndexAttr(size));
  sizes[*dims.of(like)] = slotsOf(like);
  return tensor::SplatOp::create(*b, loc, scalar, sizes);
}

/// Clones an op, its sequences with the slots of this mode.
Operation *StepBuilder::rebuild(Operation *op) {
  Value first = op->getNumResults() ? op->getResult(0) : Value();
  std::optional<unsigned> time = first ? dims.of(first) : std::nullopt;
  // What does not read a sequence is told the size.
  DenseElementsAttr splat;
  if (time && matchPattern(op, m_Constant(&splat))) {
    map.map(first, makeSplat(op->getLoc(), first, splat));
    return nullptr;
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(op); empty && time) {
    SmallVector<OpFoldResult> sizes = mapSizes(empty.getMixedSizes());
    sizes[*time] = slotsOf(first);
    Value made = tensor::EmptyOp::create(*b, op->getLoc(), sizes,
                                         empty.getType().getElementType());
    map.map(first, made);
    return nullptr;
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op); expand && time) {
    SmallVector<OpFoldResult> sizes = mapSizes(expand.getMixedOutputShape());
    sizes[*time] = slotsOf(first);
    Value made = tensor::ExpandShapeOp::create(
        *b, op->getLoc(), typeOf(first), get(expand.getSrc()),
        expand.getReassociationIndices(), sizes);
    map.map(first, made);
    return nullptr;
  }
  getReads(op);
  Operation *made = b->clone(*op, map);
  for (auto [from, to] : llvm::zip(op->getResults(), made->getResults()))
    if (dims.of(from)) {
      to.setType(typeOf(from));
      // Another number of steps may want another strategy.
      made->removeAttr("strategy");
    }
  return made;
}

Value StepBuilder::getAfter(Value value, unsigned more) {
  if (isStart || more == 0)
    return get(value);
  if (Value known = extended.lookup({value, more}))
    return known;
  get(value);
  if (Value known = extended.lookup({value, more}))
    return known;
  Value all = concatenate(getState(value, more), get(value), *dims.of(value));
  extended[{value, more}] = all;
  return all;
}

Value StepBuilder::getState(Value source, unsigned window) {
  for (const CarriedState &state : states)
    if (state.source == source && state.window == window)
      return state.argument;
  Value argument =
      target.front().addArgument(typeWith(source, window), source.getLoc());
  states.push_back({source, window, argument});
  return argument;
}

/// The last `window` of the slots before the first step; zeros where there are
/// none.
Value StepBuilder::startOf(const CarriedState &state) {
  if (!state.window)
    return get(state.source);
  unsigned time = *dims.of(state.source);
  unsigned available = causality.before(state.source);
  auto scan = state.source.getDefiningOp<AssociativeScanOp>();
  if (scan && !available) {
    unsigned i = cast<OpResult>(state.source).getResultNumber();
    RankedTensorType type = typeWith(state.source, state.window);
    SmallVector<OpFoldResult> sizes;
    for (unsigned dim = 0; dim < type.getRank(); ++dim)
      sizes.push_back(dim == time ? OpFoldResult(b->getIndexAttr(state.window))
                                  : sizeOf(state.source, dim));
    return tensor::SplatOp::create(*b, scan.getLoc(),
                                   get(scan.getIdentity()[i]), sizes);
  }
  Value missing;
  if (available < state.window)
    missing =
        zeros(state.source, typeWith(state.source, state.window - available));
  if (!available)
    return missing;
  Value slots = get(state.source);
  if (missing)
    return concatenate(missing, slots, time);
  if (available == state.window)
    return slots;
  return slice(slots, time, b->getIndexAttr(available - state.window),
               b->getIndexAttr(state.window));
}

Value StepBuilder::startOfLinear(LinearRecurrenceOp op) {
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(op.getFinal().getType());
  Value start = zeros(op.getFinal(), type);
  if (!op.getInit())
    return start;
  Value init = get(op.getInit());
  if (op.getInitIndexingMap() == op.getFinalIndexingMap() &&
      init.getType() == type)
    return init;
  // Shared along dimensions that the initial state lacks.
  SmallVector<AffineMap> maps =
      compressUnusedDims({op.getInitIndexingMap(), op.getFinalIndexingMap()});
  return buildGeneric(
      *b, loc, type.getRank(), {{init, maps[0]}}, {{start, maps[1]}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, getRealType(type.getElementType()));
        return SmallVector<Value>{
            num.store(num.load(args[0]), type.getElementType())};
      })[0];
}

/// Zeros of the sizes of `like`, but of `type`'s where these are known.
Value StepBuilder::zeros(Value like, RankedTensorType type) {
  Location loc = like.getLoc();
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    sizes.push_back(ShapedType::isDynamic(size) ? sizeOf(like, dim)
                                                : b->getIndexAttr(size));
  Value zero = arith::ConstantOp::create(
      *b, loc, b->getFloatAttr(getRealType(type.getElementType()), 0.0));
  NumBuilder num(*b, loc, getRealType(type.getElementType()));
  if (isa<ComplexType>(type.getElementType()))
    zero = num.store(num.constant(0.0), type.getElementType());
  Value empty = tensor::EmptyOp::create(*b, loc, sizes, type.getElementType());
  return linalg::FillOp::create(*b, loc, zero, empty).getResult(0);
}

OpFoldResult StepBuilder::sizeOf(Value value, unsigned dim) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.isDynamicDim(dim))
    return b->getIndexAttr(type.getDimSize(dim));
  if (auto found = dims.argumentOf(value, dim))
    return tensor::getMixedSize(
        *b, value.getLoc(),
        target.getArgument(cast<BlockArgument>(found->first).getArgNumber()),
        found->second);
  return tensor::getMixedSize(*b, value.getLoc(), get(value), dim);
}

RankedTensorType StepBuilder::typeOf(Value value) {
  if (!dims.of(value))
    return cast<RankedTensorType>(value.getType());
  return typeWith(
      value,
      getConstantIntValue(slotsOf(value)).value_or(ShapedType::kDynamic));
}

OpFoldResult StepBuilder::slotsOf(Value sequence) {
  return isStart ? OpFoldResult(b->getIndexAttr(causality.before(sequence)))
                 : stepsAnd(0);
}

OpFoldResult StepBuilder::stepsAnd(int64_t more) {
  if (isStart)
    return b->getIndexAttr(more);
  if (!ShapedType::isDynamic(chunk))
    return b->getIndexAttr(chunk + more);
  const auto *arg = llvm::find_if(
      func.getArguments(), [&](Value v) { return dims.of(v).has_value(); });
  OpFoldResult steps =
      tensor::getMixedSize(*b, arg->getLoc(), map.lookup(*arg), *dims.of(*arg));
  return affine(*b, arg->getLoc(), b->getAffineSymbolExpr(0) + more, steps);
}

Value StepBuilder::slice(Value value, unsigned dim, OpFoldResult offset,
                         OpFoldResult size) {
  Location loc = value.getLoc();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(*b, loc, value);
  SmallVector<OpFoldResult> offsets(sizes.size(), b->getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), b->getIndexAttr(1));
  offsets[dim] = offset;
  sizes[dim] = size;
  return tensor::ExtractSliceOp::create(*b, loc, value, offsets, sizes,
                                        strides);
}

Value StepBuilder::concatenate(Value first, Value second, unsigned dim) {
  Location loc = second.getLoc();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(*b, loc, second);
  SmallVector<OpFoldResult> firstSizes(sizes),
      zeros(sizes.size(), b->getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), b->getIndexAttr(1));
  int64_t head = cast<RankedTensorType>(first.getType()).getDimSize(dim);
  firstSizes[dim] = b->getIndexAttr(head);
  SmallVector<OpFoldResult> all(sizes);
  all[dim] = affine(*b, loc, b->getAffineSymbolExpr(0) + head, sizes[dim]);
  Value out = tensor::EmptyOp::create(*b, loc, all,
                                      getElementTypeOrSelf(second.getType()));
  out = tensor::InsertSliceOp::create(*b, loc, first, out, zeros, firstSizes,
                                      strides);
  SmallVector<OpFoldResult> offsets(zeros);
  offsets[dim] = b->getIndexAttr(head);
  return tensor::InsertSliceOp::create(*b, loc, second, out, offsets, sizes,
                                       strides);
}
