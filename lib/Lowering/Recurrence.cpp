//===- Recurrence.cpp - Lowers ssm.linear_recurrence by a scan ------------===//
#include "Recurrence.h"

#include "ssm/Analysis/TimeChunks.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace ssm;

RecurrenceScan::RecurrenceScan(OpBuilder &b, LinearRecurrenceOp op,
                               Elementwise consumer)
    : ScanProblem(op.getLoc()), op(op), consumer(consumer) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  time = dims.time;
  parallel = dims.parallel;
  state = dims.state;
  if (dims.rowComesOut())
    state.push_back(*dims.row);
  backward = op.isBackward();
  readsBefore = op.getRead() == ReadPoint::Before;
  loopSizes = getLoopSizes(b, op);
  if (consumer)
    results.push_back(
        {cast<RankedTensorType>(consumer.op.getResult(0).getType()),
         consumer.result, /*hasTime=*/true});
  else if (!op.getResult().use_empty())
    results.push_back({op.getResult().getType(), op.getResultIndexingMap(),
                       /*hasTime=*/true});
  if (!op.getFinal().use_empty())
    results.push_back({op.getFinal().getType(), op.getFinalIndexingMap(),
                       /*hasTime=*/false});
}

Num ssm::multiplyDrive(NumBuilder &num, Location loc, Num input, Num signal) {
  if (input.isComplex() || signal.isComplex())
    return num.mul(input, signal);
  // Rounded: of the two products that are added, the one with the state is
  // contracted, in every loop alike.
  return {arith::MulFOp::create(num.getBuilder(), loc, input.re, signal.re),
          Value()};
}

void ssm::replaceByScan(RewriterBase &rewriter, Operation *op,
                        ScanProblem &problem, StrategyAttr strategy,
                        int64_t cores, Operation *consumer) {
  if (!strategy)
    strategy =
        StrategyAttr::get(op->getContext(), StrategyKind::Sequential, 128, 16);
  auto scanned =
      strategy.getKind() == StrategyKind::TreeScan
          ? emitTreeScan(rewriter, problem, strategy.getLeaf(),
                         strategy.getLanes())
          : emitSequentialScan(rewriter, problem, strategy.getLanes(), cores);
  const Value *next = scanned.begin();
  if (consumer)
    rewriter.replaceOp(consumer, *next++);
  for (Value result : op->getResults())
    if (!result.use_empty())
      rewriter.replaceAllUsesWith(result, *next++);
  rewriter.eraseOp(op);
}

namespace {
struct LowerRecurrence : OpRewritePattern<LinearRecurrenceOp> {
  LowerRecurrence(MLIRContext *context, const RecurrenceOptions &options)
      : OpRewritePattern(context), options(options) {}
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    LinearRecurrenceOp::Dims dims = op.getDims();
    if (!dims.input.empty() || !dims.output.empty())
      return rewriter.notifyMatchFailure(op, "contractions are not hoisted");
    StrategyAttr strategy = op.getStrategyAttr();
    if (strategy && strategy.getKind() != StrategyKind::Sequential &&
        strategy.getKind() != StrategyKind::TreeScan)
      return rewriter.notifyMatchFailure(op, "strategy is not a scan");
    Elementwise consumer =
        findConsumer(op.getResult(), op.getResultIndexingMap());
    if (consumer)
      rewriter.setInsertionPoint(consumer.op);
    auto scan = op.isDiagonal() ? makeDiagonalScan(rewriter, op, consumer)
                                : makeMixingScan(rewriter, op, consumer);
    scan->asksForNormalPowers = options.normalPowers;
    if (options.buffers) {
      scan->liesApart = scan->asksAhead = true;
      scan->timeChunks = countTimeChunks(op);
      if (op.isDiagonal())
        scan->sharedRowsAhead = options.sharedRowsAhead;
      scan->cachedBytes = options.cached;
    }
    replaceByScan(rewriter, op, *scan, strategy, options.cores, consumer.op);
    return success();
  }

  RecurrenceOptions options;
};
} // namespace

void ssm::populateRecurrenceLowering(RewritePatternSet &patterns,
                                     const RecurrenceOptions &options) {
  patterns.add<LowerRecurrence>(patterns.getContext(), options);
}
