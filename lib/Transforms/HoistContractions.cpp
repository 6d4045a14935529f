//===- HoistContractions.cpp - Contractions around the recurrence ---------===//
//
//   x_t = a x_{t-1} + B u_t,  y_t = C x_t      B: state x input, C: output x
//   state
//
// becomes v = B u over all of time, x_t = a x_{t-1} + v_t, y = C x.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Patterns.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// A map of the dimensions of values that run through time.
static AffineMap orderDims(LinearRecurrenceOp op, SmallVector<AffineExpr> exprs,
                           bool timeLast) {
  if (timeLast) {
    AffineExpr time = getAffineDimExpr(op.getTime(), op.getContext());
    llvm::erase(exprs, time);
    exprs.push_back(time);
  }
  return AffineMap::get(op.getNumLoops(), 0, exprs, op.getContext());
}

static bool isTimeLast(LinearRecurrenceOp op, AffineMap map) {
  return dimsOf(map).back() == op.getTime();
}

namespace {
struct HoistPattern : OpRewritePattern<LinearRecurrenceOp> {
  HoistPattern(MLIRContext *context, bool timeLast)
      : OpRewritePattern(context), timeLast(timeLast) {}

  bool timeLast;
};

struct HoistInput : HoistPattern {
  using HoistPattern::HoistPattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    LinearRecurrenceOp::Dims dims = op.getDims();
    if (dims.input.empty())
      return rewriter.notifyMatchFailure(op, "nothing is summed by the input");
    AffineMap input = op.getInputIndexingMap(), signal = op.getSignalMap();
    // The driven signal keeps the signal's order; B's own dimensions follow.
    SmallVector<AffineExpr> driven;
    for (AffineMap map : {signal, input})
      for (unsigned dim : dimsOf(map)) {
        AffineExpr expr = rewriter.getAffineDimExpr(dim);
        if (!llvm::is_contained(dims.input, dim) &&
            !llvm::is_contained(driven, expr))
          driven.push_back(expr);
      }
    bool isBetween = !dims.output.empty() || isTimeLast(op, op.getResultMap(0));
    AffineMap drivenMap = orderDims(op, driven, timeLast && isBetween);
    Value v = contract(
        rewriter, op.getLoc(), getLoopSizes(rewriter, op),
        {op.getInput(), input}, {op.getSignal(), signal}, drivenMap,
        getRealType(getElementTypeOrSelf(op.getSignal())), Projection::None);
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[1] = drivenMap;
    maps.erase(maps.begin() + 2);
    auto rebuilt = rebuild(rewriter, op, op.getResultTypes(), v, Value(),
                           op.getOutput(), maps, op.getProjection());
    rewriter.replaceOp(op, rebuilt);
    return success();
  }
};

struct HoistOutput : HoistPattern {
  using HoistPattern::HoistPattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    LinearRecurrenceOp::Dims dims = op.getDims();
    if (dims.output.empty())
      return rewriter.notifyMatchFailure(op, "nothing is added by the output");
    // States come out in the result's order, the summed dimensions last.
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dimsOf(op.getResultIndexingMap()))
      if (!llvm::is_contained(dims.output, dim))
        exprs.push_back(rewriter.getAffineDimExpr(dim));
    for (unsigned dim : dims.state)
      exprs.push_back(rewriter.getAffineDimExpr(dim));
    bool isBetween = !dims.input.empty() || isTimeLast(op, op.getSignalMap());
    AffineMap states = orderDims(op, exprs, timeLast && isBetween);
    SmallVector<int64_t> sizes = getStaticLoopSizes(op), shape;
    for (unsigned dim : dimsOf(states))
      shape.push_back(sizes[dim]);
    Type real = getRealType(op.getResult().getType().getElementType());
    Type element = isa<ComplexType>(op.getStateElementType())
                       ? Type(ComplexType::get(real))
                       : real;
    AffineMap output = op.getOutputIndexingMap();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps.erase(maps.begin() + 2 + bool(op.getInput()));
    maps[maps.size() - 2] = states;
    auto rebuilt = rebuild(
        rewriter, op,
        {RankedTensorType::get(shape, element), op.getFinal().getType()},
        op.getSignal(), op.getInput(), Value(), maps, Projection::None);
    Value y = contract(rewriter, op.getLoc(), getLoopSizes(rewriter, op),
                       {op.getOutput(), output}, {rebuilt.getResult(), states},
                       op.getResultIndexingMap(), real, op.getProjection());
    rewriter.replaceOp(op, {y, rebuilt.getFinal()});
    return success();
  }
};
} // namespace

void ssm::populateHoistContractionsPatterns(RewritePatternSet &patterns,
                                            bool timeLast) {
  patterns.add<HoistInput, HoistOutput>(patterns.getContext(), timeLast);
}
