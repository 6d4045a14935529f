//===- LoopOverTime.cpp - Slices that move with a loop --------------------===//
#include "LoopOverTime.h"

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

AffineMap TimeSlice::insertTime(AffineMap map, unsigned dim) const {
  unsigned before = time;
  for (unsigned d = 0; d < time; ++d)
    before -= dropped.test(d);
  AffineExpr expr = getAffineDimExpr(dim, map.getContext());
  if (!dropped.test(time))
    map = map.dropResult(before);
  return map.insertResult(expr, before);
}

/// An index as an expression of the induction variable d0 and of symbols, what
/// the loop does not change; null if it is not affine in them.
static AffineExpr indexOf(scf::ForOp loop, Value value,
                          SmallVector<Value> &symbols) {
  MLIRContext *context = loop.getContext();
  if (value == loop.getInductionVar())
    return getAffineDimExpr(0, context);
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, context);
  if (loop.isDefinedOutsideOfLoop(value)) {
    symbols.push_back(value);
    return getAffineSymbolExpr(symbols.size() - 1, context);
  }
  Operation *op = value.getDefiningOp();
  if (!isa_and_present<arith::AddIOp, arith::SubIOp, arith::MulIOp,
                       affine::AffineApplyOp>(op))
    return {};
  SmallVector<AffineExpr> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(indexOf(loop, operand, symbols));
    if (!operands.back())
      return {};
  }
  if (isa<arith::AddIOp>(op))
    return operands[0] + operands[1];
  if (isa<arith::SubIOp>(op))
    return operands[0] - operands[1];
  if (isa<arith::MulIOp>(op))
    return llvm::any_of(operands, llvm::IsaPred<AffineConstantExpr>)
               ? operands[0] * operands[1]
               : AffineExpr();
  AffineMap map = cast<affine::AffineApplyOp>(op).getAffineMap();
  ArrayRef<AffineExpr> all(operands);
  return map.getResult(0).replaceDimsAndSymbols(
      all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
}

/// Offsets, sizes and strides of the op, as if it took a slice.
static TimeSlice sliceOf(Operation *op) {
  TimeSlice slice;
  auto copy = [&](auto sliceOp, Value tensor) {
    slice.tensor = tensor;
    slice.offsets = sliceOp.getMixedOffsets();
    slice.sizes = sliceOp.getMixedSizes();
    slice.strides = sliceOp.getMixedStrides();
    slice.dropped = sliceOp.getDroppedDims();
  };
  auto copyElement = [&](ValueRange indices, Value tensor) {
    slice.tensor = tensor;
    slice.offsets = getAsOpFoldResult(indices);
    Attribute one = IntegerAttr::get(IndexType::get(op->getContext()), 1);
    slice.sizes.assign(indices.size(), one);
    slice.strides = slice.sizes;
    slice.dropped.resize(indices.size(), true);
  };
  if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op))
    copy(extract, extract.getSource());
  else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    copy(insert, insert.getDest());
  else if (auto element = dyn_cast<tensor::ExtractOp>(op))
    copyElement(element.getIndices(), element.getTensor());
  else if (auto element = dyn_cast<tensor::InsertOp>(op))
    copyElement(element.getIndices(), element.getDest());
  return slice;
}

/// Finds the dimension that moves; false if none does or it does not move by
/// one with the loop, in which case the reason is set.
static std::string findTime(scf::ForOp loop, TimeSlice &slice) {
  auto isFixed = [&](OpFoldResult value) {
    auto dynamic = dyn_cast<Value>(value);
    return !dynamic || loop.isDefinedOutsideOfLoop(dynamic);
  };
  if (!llvm::all_of(slice.sizes, isFixed) ||
      !llvm::all_of(slice.strides, isFixed))
    return "takes slices of changing size";
  bool found = false;
  for (auto [dim, offset] : llvm::enumerate(slice.offsets)) {
    if (isFixed(offset))
      continue;
    if (found)
      return "moves along two dimensions";
    found = true;
    slice.time = dim;
    slice.index = indexOf(loop, cast<Value>(offset), slice.symbols);
    if (!slice.index || !isConstantIntValue(slice.sizes[dim], 1))
      return "does not move by one index with the loop";
  }
  if (!found)
    return "is at the same place in every iteration";
  MLIRContext *context = loop.getContext();
  AffineExpr d0 = getAffineDimExpr(0, context);
  auto moved = simplifyAffineExpr(slice.index.replace(d0, d0 + 1) - slice.index,
                                  1, slice.symbols.size());
  auto by = dyn_cast<AffineConstantExpr>(moved);
  if (!by || std::abs(by.getValue()) != 1)
    return "does not move by one index with the loop";
  slice.backward = by.getValue() < 0;
  return "";
}

SliceOrReason ssm::matchTimeSlice(scf::ForOp loop, Operation *op) {
  TimeSlice slice = sliceOf(op);
  std::string reason = findTime(loop, slice);
  if (!reason.empty())
    return {std::nullopt,
            "'" + op->getName().getStringRef().str() + "' " + reason};
  return {slice, ""};
}

std::optional<int64_t> ssm::findLag(scf::ForOp loop, ValueRange read,
                                    ValueRange written) {
  std::optional<Iterations> iterations = Iterations::of(loop);
  if (!iterations)
    return std::nullopt;
  SmallVector<Value> symbols;
  AffineExpr d0 = getAffineDimExpr(0, loop.getContext());
  AffineExpr before = d0 - *getConstantIntValue(iterations->step);
  bool now = true, previous = true, moves = false;
  for (auto [r, w] : llvm::zip_equal(read, written)) {
    if (r == w && loop.isDefinedOutsideOfLoop(r))
      continue;
    AffineExpr at = indexOf(loop, r, symbols);
    unsigned numSymbols = symbols.size();
    AffineExpr to = indexOf(loop, w, symbols);
    if (!at || !to || numSymbols || !symbols.empty())
      return std::nullopt;
    auto equal = [&](AffineExpr x, AffineExpr y) {
      return simplifyAffineExpr(x - y, 1, 0) ==
             getAffineConstantExpr(0, loop.getContext());
    };
    moves |= to.isFunctionOfDim(0);
    now &= equal(at, to);
    previous &= equal(at, to.replace(d0, before));
  }
  if (!moves)
    return std::nullopt;
  if (now)
    return 0;
  // The first iteration reads what was there before the loop.
  std::optional<int64_t> count =
      iterations->count ? getConstantIntValue(iterations->count) : std::nullopt;
  return previous && count && *count > 0 ? std::optional<int64_t>(1)
                                         : std::nullopt;
}

std::optional<Iterations> Iterations::of(scf::ForOp loop) {
  std::optional<int64_t> step = getConstantIntValue(loop.getStep());
  if (!loop.getInductionVar().getType().isIndex() || !step || *step <= 0)
    return std::nullopt;
  Iterations result{getAsOpFoldResult(loop.getLowerBound()),
                    getAsOpFoldResult(loop.getStep()), OpFoldResult()};
  std::optional<int64_t> low = getConstantIntValue(loop.getLowerBound()),
                         high = getConstantIntValue(loop.getUpperBound());
  int64_t span;
  if (!low || !high || llvm::SubOverflow(*high, *low, span))
    return result;
  result.count = IntegerAttr::get(
      loop.getInductionVar().getType(),
      span <= 0 ? 0 : static_cast<int64_t>(llvm::divideCeil(span, *step)));
  return result;
}

void Iterations::buildCount(OpBuilder &b, scf::ForOp loop) {
  OpFoldResult high = getAsOpFoldResult(loop.getUpperBound());
  if (count)
    return;
  // A size is not negative.
  if (isConstantIntValue(first, 0) && isConstantIntValue(step, 1) &&
      loop.getUpperBound().getDefiningOp<tensor::DimOp>()) {
    count = high;
    return;
  }
  MLIRContext *context = b.getContext();
  AffineExpr low = getAffineSymbolExpr(0, context),
             up = getAffineSymbolExpr(1, context),
             zero = getAffineConstantExpr(0, context);
  AffineMap map = AffineMap::get(
      0, 2, {zero, (up - low).ceilDiv(*getConstantIntValue(step))}, context);
  count =
      affine::makeComposedFoldedAffineMax(b, loop.getLoc(), map, {first, high});
}

/// The index of the slice that is first in the tensor.
OpFoldResult Iterations::start(OpBuilder &b, const TimeSlice &slice) const {
  Location loc = slice.tensor.getLoc();
  MLIRContext *context = b.getContext();
  SmallVector<OpFoldResult> operands = {first, count, step};
  llvm::append_range(operands, getAsOpFoldResult(slice.symbols));
  AffineExpr at = getAffineSymbolExpr(0, context);
  if (slice.backward)
    at =
        at + (getAffineSymbolExpr(1, context) - 1) * *getConstantIntValue(step);
  SmallVector<AffineExpr> symbols;
  for (unsigned i = 0; i < slice.symbols.size(); ++i)
    symbols.push_back(getAffineSymbolExpr(3 + i, context));
  return affine(b, loc, slice.index.replaceDimsAndSymbols({at}, symbols),
                operands);
}

bool Iterations::leaves(const TimeSlice &slice) const {
  int64_t size =
      cast<RankedTensorType>(slice.tensor.getType()).getDimSize(slice.time);
  std::optional<int64_t> low = getConstantIntValue(first),
                         number = getConstantIntValue(count);
  if (ShapedType::isDynamic(size) || !low || !number || *number == 0 ||
      !slice.symbols.empty())
    return false;
  int64_t high = *low + (*number - 1) * *getConstantIntValue(step);
  AffineMap map = AffineMap::get(1, 0, slice.index);
  for (int64_t iteration : {*low, high}) {
    int64_t at = map.compose(ArrayRef<int64_t>{iteration})[0];
    if (at < 0 || at >= size)
      return true;
  }
  return false;
}

TimeSlice Iterations::widen(OpBuilder &b, const TimeSlice &slice) const {
  TimeSlice whole = slice;
  whole.offsets[slice.time] = start(b, slice);
  whole.sizes[slice.time] = count;
  whole.strides[slice.time] = step;
  whole.dropped.reset(slice.time);
  return whole;
}

/// Whether it is the whole tensor.
bool Iterations::coversAll(const TimeSlice &whole) const {
  if (whole.dropped.any())
    return false;
  using Bounds = ValueBoundsConstraintSet;
  for (auto [dim, size] : llvm::enumerate(whole.sizes)) {
    FailureOr<bool> equal = Bounds::areEqual(
        size, Bounds::Variable(whole.tensor, static_cast<int64_t>(dim)));
    if (!isConstantIntValue(whole.offsets[dim], 0) ||
        !isConstantIntValue(whole.strides[dim], 1) || failed(equal) || !*equal)
      return false;
  }
  return true;
}

Value Iterations::buildExtract(OpBuilder &b, const TimeSlice &slice) const {
  TimeSlice whole = widen(b, slice);
  if (coversAll(whole))
    return slice.tensor;
  auto source = cast<RankedTensorType>(slice.tensor.getType());
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(whole.sizes))
    if (!whole.dropped.test(dim))
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  return tensor::ExtractSliceOp::create(
      b, slice.tensor.getLoc(), source.clone(shape), slice.tensor,
      whole.offsets, whole.sizes, whole.strides);
}

Value Iterations::buildInsert(OpBuilder &b, const TimeSlice &slice,
                              Value sequence, Value into) const {
  TimeSlice whole = widen(b, slice);
  whole.tensor = into;
  if (coversAll(whole))
    return sequence.getType() == into.getType()
               ? sequence
               : tensor::CastOp::create(b, into.getLoc(), into.getType(),
                                        sequence);
  return tensor::InsertSliceOp::create(b, into.getLoc(), sequence, into,
                                       whole.offsets, whole.sizes,
                                       whole.strides);
}

void Iterations::buildStore(OpBuilder &b, const TimeSlice &slice,
                            Value sequence, Value memory) const {
  // Nothing else is written: others may write beside it at the same time.
  TimeSlice whole = widen(b, slice);
  Location loc = sequence.getLoc();
  whole.tensor = memory;
  if (!coversAll(whole)) {
    auto type = memref::SubViewOp::inferRankReducedResultType(
        cast<RankedTensorType>(sequence.getType()).getShape(),
        cast<MemRefType>(memory.getType()), whole.offsets, whole.sizes,
        whole.strides);
    memory =
        memref::SubViewOp::create(b, loc, cast<MemRefType>(type), memory,
                                  whole.offsets, whole.sizes, whole.strides);
  }
  bufferization::MaterializeInDestinationOp::create(
      b, loc, /*result=*/TypeRange(), sequence, memory, /*restrict=*/true,
      /*writable=*/true);
}
