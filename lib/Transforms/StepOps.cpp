//===- StepOps.cpp - Ops on one chunk of time -----------------------------===//
#include "StepBuilder.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Generic.h"

using namespace mlir;
using namespace ssm;

void StepBuilder::emitLinalg(linalg::LinalgOp op) {
  Operation *made = rebuild(op);
  unsigned time = getTimeLoop(op, dims);
  for (OpOperand &operand : op->getOpOperands()) {
    std::optional<unsigned> dim = dims.of(operand.get());
    if (!dim)
      continue;
    std::optional<Window> window =
        getWindow(op.getMatchingIndexingMap(&operand).getResult(*dim), time);
    OpBuilder::InsertionGuard guard(*b);
    b->setInsertionPoint(made);
    unsigned more =
        window ? (op.getStaticLoopRanges()[window->tap] - 1) * window->spacing
               : 0;
    made->setOperand(operand.getOperandNumber(), getAfter(operand.get(), more));
  }
}

void StepBuilder::emitLinear(LinearRecurrenceOp op) {
  if (isStart) {
    map.map(op.getFinal(), startOfLinear(op));
    return;
  }
  Value state = getState(op.getFinal(), 0);
  auto made = cast<LinearRecurrenceOp>(rebuild(op));
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  unsigned at = 2 + bool(op.getInput()) + bool(op.getOutput());
  if (op.getInit())
    maps.erase(maps.begin() + at);
  maps.insert(maps.begin() + at, AffineMapAttr::get(op.getFinalIndexingMap()));
  made.getInitMutable().assign(state);
  made.setIndexingMapsAttr(b->getArrayAttr(maps));
}

void StepBuilder::emitNonlinear(NonlinearRecurrenceOp op) {
  if (isStart) {
    for (auto [final, init] : llvm::zip(op.getFinals(), op.getInit()))
      map.map(final, get(init));
    return;
  }
  auto made = cast<NonlinearRecurrenceOp>(rebuild(op));
  for (auto [i, final] : llvm::enumerate(op.getFinals()))
    made.getInitMutable()[i].set(getState(final, 0));
}

/// The scan of the last prefix and the chunk, without its first element.
void StepBuilder::emitScan(AssociativeScanOp op) {
  unsigned time = op.getDimension();
  SmallVector<Value> inputs;
  for (auto [input, result] : llvm::zip(op.getInputs(), op.getResults()))
    inputs.push_back(concatenate(getState(result, 1), get(input), time));
  getReads(op);
  IRMapping scanMap(map);
  for (auto [from, to] : llvm::zip(op.getInputs(), inputs))
    scanMap.map(from, to);
  auto made = cast<AssociativeScanOp>(b->clone(*op, scanMap));
  made.removeStrategyAttr();
  for (auto [from, to, input] :
       llvm::zip(op.getResults(), made.getResults(), inputs)) {
    to.setType(input.getType());
    map.map(from, slice(to, time, b->getIndexAttr(1), stepsAnd(0)));
    extended[{from, 1}] = to;
  }
}

void StepBuilder::emitConv(LongConvOp op) {
  unsigned lag = *positionOf(op.getIndexingMapsArray()[1], op.getTimeDim());
  unsigned taps =
      cast<RankedTensorType>(op.getKernel().getType()).getDimSize(lag);
  unsigned time = *dims.of(op.getResult());
  Value signal = getAfter(op.getSignal(), taps - 1);
  auto all = LongConvOp::create(
      *b, op.getLoc(),
      typeWith(op.getResult(), cast<RankedTensorType>(signal.getType())
                                   .getDimSize(*dims.of(op.getSignal()))),
      signal, get(op.getKernel()), op.getIndexingMaps(), op.getTime(),
      op.getDirection(), op.getNumerics(), StrategyAttr());
  map.map(op.getResult(),
          slice(all, time, b->getIndexAttr(taps - 1), stepsAnd(0)));
}

/// In a chunk, the slots of the source; before the first step, what is padded.
void StepBuilder::emitPad(tensor::PadOp op) {
  unsigned time = *dims.of(op.getSource());
  int64_t low = *getConstantIntValue(op.getMixedLowPad()[time]);
  SmallVector<OpFoldResult> lows = op.getMixedLowPad();
  lows[time] = b->getIndexAttr(0);
  bool padsTimeOnly = llvm::all_of(
      llvm::concat<const OpFoldResult>(lows, op.getMixedHighPad()),
      [](OpFoldResult pad) { return getConstantIntValue(pad) == 0; });
  if (padsTimeOnly && (!isStart || low == 0)) {
    map.map(op.getResult(), get(op.getSource()));
    return;
  }
  if (padsTimeOnly && causality.before(op.getSource()) == 0) {
    getReads(op);
    SmallVector<Value> sizes;
    RankedTensorType type = typeOf(op.getResult());
    for (unsigned dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(asValue(*b, op.getLoc(), sizeOf(op.getSource(), dim)));
    auto made = tensor::GenerateOp::create(*b, op.getLoc(), type, sizes);
    op.getRegion().cloneInto(&made.getBody(), map);
    map.map(op.getResult(), made.getResult());
    return;
  }
  auto made = cast<tensor::PadOp>(rebuild(op));
  if (isStart)
    return;
  SmallVector<int64_t> staticLows(made.getStaticLow());
  staticLows[time] = 0;
  made.setStaticLow(staticLows);
}

/// A sequence is delayed; of a final slice, the last slots are taken.
void StepBuilder::emitSlice(tensor::ExtractSliceOp op) {
  unsigned time = *dims.of(op.getSource());
  unsigned available = causality.before(op.getSource());
  bool isFinal = causality.of(op.getResult()).kind == TimeUse::Final;
  OpFoldResult size = op.getMixedSizes()[time];
  OpFoldResult offset = op.getMixedOffsets()[time];
  unsigned more = available;
  if (isFinal) {
    offset = stepsAnd(*causality.beyondSteps(offset));
  } else {
    more = available - causality.before(op.getResult()) -
           *getConstantIntValue(offset);
    size = slotsOf(op.getResult());
    if (!isStart)
      offset = b->getIndexAttr(0);
  }
  Value source = getAfter(op.getSource(), more);
  SmallVector<OpFoldResult> offsets = mapSizes(op.getMixedOffsets());
  SmallVector<OpFoldResult> sizes = mapSizes(op.getMixedSizes());
  offsets[time] = offset;
  sizes[time] = size;
  map.map(op.getResult(), tensor::ExtractSliceOp::create(
                              *b, op.getLoc(), typeOf(op.getResult()), source,
                              offsets, sizes, op.getMixedStrides())
                              .getResult());
}
