//===- FoldAffineRecurrence.cpp - Affine steps become linear recurrences --===//
//
// x_t = f(x_{t-1}, u_t) with one state and f made of additions and products,
// element by element, in which no two factors hold x, is x_t = a x_{t-1} + b.
// The factors a and b are free of x, so they can be computed for all of time
// at once, before a linear recurrence:
//
//   %x, ... = ssm.nonlinear_recurrence signals(%g, %u) init(%x0) step {
//   ^bb0(%x, %gt, %ut):
//     %m = arith.mulf %gt, %x                  // x_t = g_t x_{t-1} + u_t
//     %s = arith.addf %m, %ut
//     ssm.yield %s
//   }
//   ->  ssm.linear_recurrence transition(%g) signal(%u) init(%x0)
//
// The sum of products is reordered, which changes rounding and nothing else.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/StepExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace ssm;

/// Longer bodies are not looked at: a x + b takes two ops.
static constexpr size_t kMaxOps = 64;

/// What arguments of the region and values from around the op are over all of
/// time.
static FailureOr<const Expr *> readEdge(NonlinearRecurrenceOp op,
                                        StepReader &reader, Value value,
                                        AffineMap map) {
  Block &body = op.getBody().front();
  if (!op.getBody().isAncestor(value.getParentRegion())) {
    // A constant is read as one.
    if (Operation *def = value.getDefiningOp();
        def && def->hasTrait<OpTrait::ConstantLike>())
      return nullptr;
    return reader.makeInput(value, map);
  }
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &body)
    return nullptr;
  if (argument.getArgNumber() == 0) {
    if (map != op.getInitMap(0))
      return failure();
    return reader.makeState(value, 0, map);
  }
  unsigned signal = argument.getArgNumber() - 1;
  if (auto time = positionOf(op.getSignalMap(signal), op.getTime()))
    map = map.insertResult(getAffineDimExpr(op.getTime(), op.getContext()),
                           *time);
  return reader.makeInput(op.getSignals()[signal], map);
}

namespace {
struct FoldAffineRecurrence : OpRewritePattern<NonlinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NonlinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override;
};
} // namespace

LogicalResult
FoldAffineRecurrence::matchAndRewrite(NonlinearRecurrenceOp op,
                                      PatternRewriter &rewriter) const {
  Type element = getElementTypeOrSelf(op.getInit()[0].getType());
  if (op.getInit().size() != 1 || getElementWidth(element) < 32)
    return rewriter.notifyMatchFailure(op, "not one state of 32 or 64 bits");
  Block &body = op.getBody().front();
  if (body.getOperations().size() > kMaxOps)
    return rewriter.notifyMatchFailure(op, "the step is long");
  if (!llvm::all_of(body.without_terminator(),
                    [](Operation &def) { return isPure(&def); }))
    return rewriter.notifyMatchFailure(op, "the step has effects");
  StepReader reader(op.getNumLoops(), [&](StepReader &r, Value v, AffineMap m) {
    return readEdge(op, r, v, m);
  });
  const Expr *next =
      reader.read(body.getTerminator()->getOperand(0), op.getInitMap(0));
  std::optional<AffineExprs> affine;
  if (!next || !(affine = reader.decompose(next, 0)))
    return rewriter.notifyMatchFailure(op, "the step is not a x + b");
  if (!affine->a || !affine->b)
    return rewriter.notifyMatchFailure(op, "a or b is zero");
  if (!usesDim(*affine->a, op.getTime()) && !usesDim(*affine->b, op.getTime()))
    return rewriter.notifyMatchFailure(op, "neither a nor b knows the length");

  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes = getLoopSizes(rewriter, op);
  AffineMap layout = op.getStatesMap(0);
  Indexed a = buildSequence(rewriter, loc, *affine->a, layout, sizes),
          b = buildSequence(rewriter, loc, *affine->b, layout, sizes);
  SmallVector<AffineMap> maps = {a.map, b.map, op.getInitMap(0), layout,
                                 op.getInitMap(0)};
  auto linear = LinearRecurrenceOp::create(
      rewriter, loc, op.getStates()[0].getType(), op.getFinals()[0].getType(),
      a.value, b.value, /*input=*/Value(), /*output=*/Value(), op.getInit()[0],
      /*left=*/Value(), /*right=*/Value(), rewriter.getAffineMapArrayAttr(maps),
      op.getTime(), /*row=*/IntegerAttr(), /*column=*/IntegerAttr(),
      op.getDirection(), Projection::None, ReadPoint::After, Numerics::Norm,
      StrategyAttr());
  Value none =
      arith::ConstantOp::create(rewriter, loc, rewriter.getI64IntegerAttr(0));
  Value exact =
      arith::ConstantOp::create(rewriter, loc, rewriter.getF64FloatAttr(0.0));
  rewriter.replaceOp(op, {linear.getResult(), linear.getFinal(), none, exact});
  return success();
}

void NonlinearRecurrenceOp::getCanonicalizationPatterns(
    RewritePatternSet &results, MLIRContext *context) {
  results.add<FoldAffineRecurrence>(context);
}
