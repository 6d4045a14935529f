//===- Causality.cpp - Whether a function may be run step by step ---------===//
//
// One walk in the order of the ops. Every sequence ends at the last step; slots
// that it has before the first one come from tensor.pad, and a slice of it that
// ends earlier is the sequence delayed. An op is refused if it reads a step
// that comes later, the position of a step, or the number of steps.
//
//===----------------------------------------------------------------------===//
#include "Causality.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

static constexpr const char kHint[] =
    ", so the function cannot be run step by step";

LogicalResult Causality::run() {
  for (BlockArgument arg : func.getArguments()) {
    std::optional<unsigned> time = dims.of(arg);
    if (!time)
      continue;
    uses[arg] = {TimeUse::Sequence, 0};
    int64_t size = cast<RankedTensorType>(arg.getType()).getDimSize(*time);
    if (ShapedType::isDynamic(size))
      continue;
    if (steps && *steps != size)
      return func.emitOpError("signals differ in their number of steps: ")
             << *steps << " and " << size;
    steps = size;
  }
  if (llvm::none_of(func.getArguments(),
                    [&](Value arg) { return dims.of(arg).has_value(); }))
    return func.emitOpError("has no argument that varies in time: a step needs "
                            "an ssm op whose signal comes from an argument");
  for (Operation &op : func.front().without_terminator())
    if (failed(visit(&op)))
      return failure();
  for (Value result : func.front().getTerminator()->getOperands())
    if (TimeUse use = of(result); use.kind == TimeUse::Sequence && use.offset)
      return func.emitOpError("returns more than one element for each step")
             << kHint;
  return success();
}

std::optional<int64_t> Causality::beyondSteps(OpFoldResult size) const {
  if (auto value = dyn_cast<Value>(size))
    if (TimeUse use = of(value); use.kind == TimeUse::Length)
      return use.offset;
  std::optional<int64_t> known = getConstantIntValue(size);
  if (known && steps)
    return *known - *steps;
  return std::nullopt;
}

/// The operands, and what a region takes from around the op.
static SmallVector<Value> readsOf(Operation *op) {
  llvm::SetVector<Value> reads(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), reads);
  return reads.takeVector();
}

LogicalResult Causality::visit(Operation *op) {
  SmallVector<Value> reads = readsOf(op);
  auto readsKind = [&](TimeUse::Kind kind) {
    return llvm::any_of(reads, [&](Value v) { return of(v).kind == kind; });
  };
  bool timed = llvm::any_of(op->getResults(),
                            [&](Value v) { return dims.of(v).has_value(); });
  if (isa<tensor::DimOp>(op) || readsKind(TimeUse::Length))
    return visitLength(op);
  if (!timed && !readsKind(TimeUse::Sequence)) {
    if (!readsKind(TimeUse::Final))
      return success();
    return note(op);
  }
  if (readsKind(TimeUse::Final))
    return op->emitOpError("reads a final state, which is known after the last "
                           "step only")
           << kHint;
  for (Value value : llvm::concat<const Value>(reads, op->getResults()))
    if (dims.isAmbiguous(value))
      return op->emitOpError("has a value with two dimensions of time: it "
                             "relates every step to every other")
             << kHint;
  for (Region &region : op->getRegions()) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(region, captured);
    for (Value value : captured)
      if (of(value).kind != TimeUse::Invariant)
        return op->emitOpError("reads a sequence inside its region") << kHint;
  }
  return visitSequences(op);
}

LogicalResult Causality::visitSequences(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<linalg::LinalgOp>([&](auto op) { return visitLinalg(op); })
      .Case<LinearRecurrenceOp, NonlinearRecurrenceOp, DiscretizeOp>(
          [&](auto op) { return visitSSM(op); })
      .Case([&](AssociativeScanOp op) { return visitScan(op); })
      .Case([&](LongConvOp op) { return visitConv(op); })
      .Case([&](tensor::PadOp op) { return visitPad(op); })
      .Case([&](tensor::ExtractSliceOp op) { return visitSlice(op); })
      .Case<tensor::CastOp, tensor::EmptyOp>([&](auto op) { return note(op); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](auto op) -> LogicalResult {
            if (!dims.of(op.getSrc()) || !dims.of(op.getResult()))
              return op.emitOpError("merges or splits time") << kHint;
            return note(op);
          })
      .Default([&](Operation *op) -> LogicalResult {
        DenseElementsAttr constant;
        bool isSplat =
            matchPattern(op, m_Constant(&constant)) && constant.isSplat();
        if (isSplat || (OpTrait::hasElementwiseMappableTraits(op) &&
                        dims.of(op->getResult(0))))
          return note(op);
        return op->emitOpError("is not known to be causal in time") << kHint;
      });
}

LogicalResult Causality::note(Operation *op) {
  // How many slots are before the first step: what the operands say, or the
  // size of what is made here.
  std::optional<int64_t> before;
  for (Value operand : op->getOperands())
    if (of(operand).kind == TimeUse::Sequence && !before)
      before = of(operand).offset;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    before = beyondSteps(slice.getMixedSizes()[*dims.of(slice.getSource())]);
  for (Value result : op->getResults()) {
    std::optional<unsigned> time = dims.of(result);
    if (!time) {
      uses[result] = {TimeUse::Final, 0};
      continue;
    }
    auto type = cast<RankedTensorType>(result.getType());
    if (auto empty = dyn_cast<tensor::EmptyOp>(op))
      before = beyondSteps(empty.getMixedSizes()[*time]);
    else if (!before && !type.isDynamicDim(*time) && steps)
      before = type.getDimSize(*time) - *steps;
    if (!before || *before < 0)
      return op->emitOpError("has a size along time that is not the number of "
                             "steps, or that and a constant")
             << kHint;
    uses[result] = {TimeUse::Sequence, *before};
  }
  return success();
}

LogicalResult Causality::visitLength(Operation *op) {
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    std::optional<unsigned> time = dims.of(dim.getSource());
    if (time && index && *time == *index)
      uses[dim] = {TimeUse::Length, of(dim.getSource()).offset};
    return success();
  }
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    std::optional<int64_t> step = getConstantIntValue(op->getOperand(1));
    if (step && of(op->getOperand(0)).kind == TimeUse::Length) {
      int64_t more = isa<arith::AddIOp>(op) ? *step : -*step;
      uses[op->getResult(0)] = {TimeUse::Length,
                                of(op->getOperand(0)).offset + more};
      return success();
    }
  }
  bool timed = llvm::all_of(op->getResults(),
                            [&](Value v) { return dims.of(v).has_value(); });
  if (timed && isa<tensor::EmptyOp>(op))
    return note(op);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
      slice && dims.of(slice.getSource()))
    return visitSequences(op);
  return op->emitOpError("depends on the number of steps") << kHint;
}

std::optional<Window> ssm::getWindow(AffineExpr expr, unsigned time) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return std::nullopt;
  for (auto [at, tap] : {std::pair{sum.getLHS(), sum.getRHS()},
                         std::pair{sum.getRHS(), sum.getLHS()}}) {
    auto atDim = dyn_cast<AffineDimExpr>(at);
    if (!atDim || atDim.getPosition() != time)
      continue;
    int64_t spacing = 1;
    if (auto product = dyn_cast<AffineBinaryOpExpr>(tap);
        product && product.getKind() == AffineExprKind::Mul)
      if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS())) {
        spacing = factor.getValue();
        tap = product.getLHS();
      }
    if (auto dim = dyn_cast<AffineDimExpr>(tap); dim && spacing > 0)
      return Window{dim.getPosition(), spacing};
  }
  return std::nullopt;
}

unsigned ssm::getTimeLoop(linalg::LinalgOp op, const TimeDims &dims) {
  OpOperand *init = op.getDpsInitOperand(0);
  AffineExpr expr =
      op.getMatchingIndexingMap(init).getResult(*dims.of(init->get()));
  return cast<AffineDimExpr>(expr).getPosition();
}

/// A sequence is read at the step that is computed, or at a window of taps that
/// ends there.
LogicalResult Causality::checkWindow(linalg::LinalgOp op, unsigned time,
                                     OpOperand &operand) {
  AffineExpr at =
      op.getMatchingIndexingMap(&operand).getResult(*dims.of(operand.get()));
  if (at == getAffineDimExpr(time, op.getContext()))
    return success();
  std::optional<Window> window = getWindow(at, time);
  int64_t taps = window ? op.getStaticLoopRanges()[window->tap] : 0;
  if (taps <= 0)
    return op.emitOpError("reads operand ")
           << operand.getOperandNumber() << " at other steps than the one that "
           << "it computes, and not in a window of static size" << kHint;
  int64_t more = (taps - 1) * window->spacing;
  if (of(operand.get()).offset != more + of(op.getDpsInits()[0]).offset)
    return op.emitOpError("reads operand ")
           << operand.getOperandNumber() << " at later steps: its window has "
           << taps << " taps, so the signal must be padded with " << more
           << " elements before its first step";
  return success();
}

LogicalResult Causality::visitLinalg(linalg::LinalgOp op) {
  if (llvm::any_of(op.getDpsInits(),
                   [&](Value init) { return !dims.of(init); }))
    return op.emitOpError("reduces over time") << kHint;
  unsigned time = getTimeLoop(op, dims);
  for (OpOperand &operand : op->getOpOperands())
    if (dims.of(operand.get()) && failed(checkWindow(op, time, operand)))
      return failure();
  bool readsPosition = false;
  op->walk(
      [&](linalg::IndexOp index) { readsPosition |= index.getDim() == time; });
  if (readsPosition)
    return op.emitOpError("depends on the position of the step") << kHint;
  // A result has what the inits have; an operand with a window has more.
  for (auto [init, result] : llvm::zip(op.getDpsInits(), op->getResults()))
    uses[result] = of(init);
  return success();
}

LogicalResult Causality::visitSSM(Operation *op) {
  auto direction = op->getAttrOfType<DirectionAttr>("direction");
  if (direction && direction.getValue() == Direction::Backward)
    return op->emitOpError("runs backward in time") << kHint;
  for (Value operand : op->getOperands())
    if (!isa<DiscretizeOp>(op) && of(operand).kind == TimeUse::Sequence &&
        of(operand).offset)
      return op->emitOpError("starts before the first step; start it there "
                             "from an initial state")
             << kHint;
  return note(op);
}

LogicalResult Causality::visitScan(AssociativeScanOp op) {
  if (op.getDirection() == Direction::Backward)
    return op.emitOpError("runs backward in time") << kHint;
  if (dims.of(op.getResult(0)) != op.getDimension())
    return note(op);
  if (op.getExclusive())
    return op.emitOpError("is exclusive, and its last element would be lost; "
                          "delay an inclusive scan");
  if (failed(note(op)))
    return failure();
  if (op.getIdentity().empty() && before(op.getResult(0)) == 0)
    return op.emitOpError("has no identity to start from; give one, or put the "
                          "state to start from before the first step");
  return success();
}

LogicalResult Causality::visitConv(LongConvOp op) {
  if (op.getDirection() == Direction::TwoSided)
    return op.emitOpError("is two-sided: it reads later steps than the one "
                          "that it computes")
           << kHint;
  if (failed(visitSSM(op)))
    return failure();
  unsigned lag = *positionOf(op.getIndexingMapsArray()[1], op.getTimeDim());
  auto taps = cast<RankedTensorType>(op.getKernel().getType()).getDimSize(lag);
  bool isWindow = of(op.getKernel()).kind == TimeUse::Invariant &&
                  !ShapedType::isDynamic(taps) && taps > 0;
  if (!isWindow)
    return op.emitOpError(
        "has a kernel of unknown length that is not that of "
        "a recurrence: no state of fixed size holds the past");
  return success();
}

LogicalResult Causality::visitPad(tensor::PadOp op) {
  std::optional<unsigned> time = dims.of(op.getSource());
  if (!time)
    return op.emitOpError("makes a sequence of a constant size") << kHint;
  std::optional<int64_t> low = getConstantIntValue(op.getMixedLowPad()[*time]);
  std::optional<int64_t> high =
      getConstantIntValue(op.getMixedHighPad()[*time]);
  if (!low || *low < 0)
    return op.emitOpError("pads time by a number that is not constant")
           << kHint;
  if (high != 0)
    return op.emitOpError("pads time after the last step, as if later steps "
                          "were known");
  if (*low && of(op.getSource()).offset)
    return op.emitOpError("pads time twice; pad once");
  uses[op.getResult()] = {TimeUse::Sequence, of(op.getSource()).offset + *low};
  return success();
}

LogicalResult Causality::visitSlice(tensor::ExtractSliceOp op) {
  unsigned time = *dims.of(op.getSource());
  if (getConstantIntValue(op.getMixedStrides()[time]) != 1)
    return op.emitOpError("skips steps") << kHint;
  int64_t available = before(op.getSource());
  OpFoldResult offset = op.getMixedOffsets()[time];
  if (dims.of(op.getResult())) {
    std::optional<int64_t> first = getConstantIntValue(offset);
    if (!first || failed(note(op)))
      return op.emitOpError("takes a part of time that is not at a constant "
                            "distance")
             << kHint;
    if (*first + before(op.getResult()) > available)
      return op.emitOpError("reads later steps than the one that it computes")
             << kHint;
    return success();
  }
  // The last slots, as they are now.
  std::optional<int64_t> from = beyondSteps(offset);
  std::optional<int64_t> size = getConstantIntValue(op.getMixedSizes()[time]);
  if (!from || *from < -1 || !size || *from + *size > available)
    return op.emitOpError("takes a part of time that is not at its end")
           << kHint;
  return note(op);
}
