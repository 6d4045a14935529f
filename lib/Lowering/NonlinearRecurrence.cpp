//===- NonlinearRecurrence.cpp - Lowers ssm.nonlinear_recurrence ----------===//
//
//   for t in 0 .. L:  x = f(x, u[t]);  states[t] = x
//
// with f inlined. The states are carried whole, in the layout that the region
// has them in: what f does to them, a matrix product above all, is as large as
// it can be.
//
//===----------------------------------------------------------------------===//

#include "Nonlinear.h"
#include "TileLoop.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// A tensor over time, seen at one time.
struct TimeSlice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
};
} // namespace

static TimeSlice sliceAt(OpBuilder &b, Location loc, Value value,
                         unsigned position, Value t) {
  TimeSlice slice;
  slice.sizes = tensor::getMixedSizes(b, loc, value);
  slice.offsets.assign(slice.sizes.size(), b.getIndexAttr(0));
  slice.strides.assign(slice.sizes.size(), b.getIndexAttr(1));
  slice.offsets[position] = t;
  slice.sizes[position] = b.getIndexAttr(1);
  return slice;
}

/// The signal at time t, of the type that the region takes.
static Value readSignal(OpBuilder &b, NonlinearRecurrenceOp op, unsigned i,
                        Value t) {
  Value signal = op.getSignals()[i];
  auto position = positionOf(op.getSignalMap(i), op.getTime());
  if (!position)
    return signal;
  Location loc = op.getLoc();
  TimeSlice slice = sliceAt(b, loc, signal, *position, t);
  Value argument = op.getBody().getArgument(op.getInit().size() + i);
  return tensor::ExtractSliceOp::create(
      b, loc, cast<RankedTensorType>(argument.getType()), signal, slice.offsets,
      slice.sizes, slice.strides);
}

/// Writes state i at time t into `out`, in the layout of the result.
static Value writeState(OpBuilder &b, NonlinearRecurrenceOp op, unsigned i,
                        Value state, Value out, Value t) {
  Location loc = op.getLoc();
  AffineMap whole = op.getStatesMap(i), atOneTime = op.getInitMap(i);
  unsigned position = *positionOf(whole, op.getTime());
  AffineMap slot = whole.dropResult(position);
  if (slot != atOneTime) {
    SmallVector<AffineMap> maps = compressUnusedDims({atOneTime, slot});
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, out);
    sizes.erase(sizes.begin() + position);
    Value empty = tensor::EmptyOp::create(
        b, loc, sizes, cast<RankedTensorType>(out.getType()).getElementType());
    state = buildGeneric(b, loc, maps[0].getNumDims(), {{state, maps[0]}},
                         {{empty, maps[1]}},
                         [](OpBuilder &, Location, ValueRange args) {
                           return SmallVector<Value>{args[0]};
                         })[0];
  }
  TimeSlice slice = sliceAt(b, loc, out, position, t);
  // A size that only the result knows is dynamic in the state.
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, state);
  sizes.insert(sizes.begin() + position, b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(b, loc, state, out, slice.offsets, sizes,
                                       slice.strides);
}

SmallVector<Value> ssm::readSignals(OpBuilder &b, NonlinearRecurrenceOp op,
                                    Value t) {
  SmallVector<Value> signals;
  for (unsigned i = 0; i < op.getSignals().size(); ++i)
    signals.push_back(readSignal(b, op, i, t));
  return signals;
}

/// x_t from x_{t-1}: the region inlined.
static SmallVector<Value> emitStep(OpBuilder &b, NonlinearRecurrenceOp op,
                                   ValueRange states, Value t) {
  SmallVector<Value> arguments(states);
  llvm::append_range(arguments, readSignals(b, op, t));
  Block &body = op.getBody().front();
  IRMapping mapping;
  mapping.map(body.getArguments(), arguments);
  for (Operation &nested : body.without_terminator())
    b.clone(nested, mapping);
  return llvm::map_to_vector(
      body.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

SmallVector<Value> ssm::emitTimeLoop(OpBuilder &b, NonlinearRecurrenceOp op) {
  Location loc = op.getLoc();
  unsigned numStates = op.getInit().size();
  SmallVector<OpFoldResult> loopSizes = getLoopSizes(b, op);
  SmallVector<Value> results, carried(op.getInit());
  SmallVector<unsigned> used;
  for (auto [i, states] : llvm::enumerate(op.getStates())) {
    results.push_back(
        tensor::EmptyOp::create(b, loc, applyMap(op.getStatesMap(i), loopSizes),
                                getElementTypeOrSelf(states.getType())));
    if (!states.use_empty()) {
      used.push_back(i);
      carried.push_back(results.back());
    }
  }
  OpFoldResult length = loopSizes[op.getTime()];
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  SmallVector<Value> done =
      buildFor(b, loc, zero, asValue(b, loc, length), carried,
               [&](Value step, ValueRange values) {
                 Value t = step;
                 if (op.isBackward())
                   t = asValue(b, loc,
                               affine(b, loc,
                                      b.getAffineSymbolExpr(0) - 1 -
                                          b.getAffineSymbolExpr(1),
                                      {length, step}));
                 SmallVector<Value> next =
                     emitStep(b, op, values.take_front(numStates), t);
                 for (auto [i, out] :
                      llvm::zip_equal(used, values.drop_front(numStates)))
                   next.push_back(writeState(b, op, i, next[i], out, t));
                 return next;
               });
  for (auto [i, out] :
       llvm::zip_equal(used, ArrayRef(done).drop_front(numStates)))
    results[i] = out;
  results.append(done.begin(), done.begin() + numStates);
  return results;
}

namespace {
struct LowerNonlinearRecurrence : OpRewritePattern<NonlinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NonlinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override;
};
} // namespace

LogicalResult
LowerNonlinearRecurrence::matchAndRewrite(NonlinearRecurrenceOp op,
                                          PatternRewriter &rewriter) const {
  if (op.getTolerance()) {
    FailureOr<SmallVector<Value>> results = emitNewton(rewriter, op);
    if (succeeded(results)) {
      rewriter.replaceOp(op, *results);
      return success();
    }
  }
  SmallVector<Value> results = emitTimeLoop(rewriter, op);
  results.push_back(arith::ConstantOp::create(rewriter, op.getLoc(),
                                              rewriter.getI64IntegerAttr(0)));
  results.push_back(arith::ConstantOp::create(rewriter, op.getLoc(),
                                              rewriter.getF64FloatAttr(0.0)));
  rewriter.replaceOp(op, results);
  return success();
}

void ssm::populateNonlinearRecurrenceLowering(RewritePatternSet &patterns) {
  patterns.add<LowerNonlinearRecurrence>(patterns.getContext());
}
