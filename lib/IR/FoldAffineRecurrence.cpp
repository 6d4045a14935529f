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
/// The step of an op as a x + b, or why it is none.
struct AffineStep {
  std::unique_ptr<StepReader> reader;
  AffineExprs form;
  std::string reason;

  explicit AffineStep(NonlinearRecurrenceOp op) : reason(refuses(op)) {}

private:
  std::string refuses(NonlinearRecurrenceOp op);
};

struct FoldAffineRecurrence : OpRewritePattern<NonlinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NonlinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override;
};
} // namespace

std::string AffineStep::refuses(NonlinearRecurrenceOp op) {
  Type element = getElementTypeOrSelf(op.getInit()[0].getType());
  Block &body = op.getBody().front();
  if (op.getInit().size() != 1)
    return "it has several states";
  if (getElementWidth(element) < 32)
    return "its state has less than 32 bits";
  if (body.getOperations().size() > kMaxOps)
    return "its step has more than " + std::to_string(kMaxOps) + " ops";
  if (!llvm::all_of(body.without_terminator(),
                    [](Operation &def) { return isPure(&def); }))
    return "its step has effects";
  reader = std::make_unique<StepReader>(
      op.getNumLoops(), [op](StepReader &r, Value v, AffineMap m) {
        return readEdge(op, r, v, m);
      });
  const Expr *next =
      reader->read(body.getTerminator()->getOperand(0), op.getInitMap(0));
  std::optional<AffineExprs> affine;
  if (next)
    affine = reader->decompose(next, 0);
  if (!affine) {
    Operation *blocker = reader->getBlocker().getDefiningOp();
    return "its step is not affine in the state" +
           (blocker ? ": '" + blocker->getName().getStringRef().str() + "'"
                    : "");
  }
  form = *affine;
  if (!form.a || !form.b)
    return "its step is a x or b alone";
  if (!usesDim(*form.a, op.getTime()) && !usesDim(*form.b, op.getTime()))
    return "its step uses no signal that has the length";
  return "";
}

std::string NonlinearRecurrenceOp::refusesLinear() {
  return AffineStep(*this).reason;
}

LogicalResult
FoldAffineRecurrence::matchAndRewrite(NonlinearRecurrenceOp op,
                                      PatternRewriter &rewriter) const {
  AffineStep step(op);
  if (!step.reason.empty())
    return rewriter.notifyMatchFailure(op, step.reason);

  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes = getLoopSizes(rewriter, op);
  AffineMap layout = op.getStatesMap(0);
  Indexed a = buildSequence(rewriter, loc, *step.form.a, layout, sizes),
          b = buildSequence(rewriter, loc, *step.form.b, layout, sizes);
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
