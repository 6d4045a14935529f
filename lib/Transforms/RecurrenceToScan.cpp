//===- RecurrenceToScan.cpp - A recurrence as an associative scan ---------===//
//
//   element t   (a_t, b_t u_t), the first one with a_0 init added to its second
//   combiner    i before j: (a_j a_i, a_j x_i + x_j)
//
// Every element is broadcast to the whole state, which this rewrite makes
// visible and the tree_scan lowering of the recurrence avoids.
//
// Reference: Martin and Cundy, "Parallelizing Linear Recurrent Neural Nets Over
// Sequence Length" (arXiv 1709.04057).
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Patterns.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
struct RecurrenceToScan : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override;
};

/// The pieces of the scan form, over all of time.
class ScanForm {
public:
  ScanForm(OpBuilder &b, LinearRecurrenceOp op);
  /// (a, b u) broadcast to the state and time.
  SmallVector<Value> makeElements();
  AssociativeScanOp makeScan(ValueRange elements);
  Value makeResult(Value states);
  Value makeFinal(Value states);

private:
  OpBuilder &b;
  LinearRecurrenceOp op;
  Location loc;
  SmallVector<OpFoldResult> sizes;
  Type real;
  /// Time first, then the final state's dimensions.
  AffineMap statesMap;
};
} // namespace

ScanForm::ScanForm(OpBuilder &b, LinearRecurrenceOp op)
    : b(b), op(op), loc(op.getLoc()), sizes(getLoopSizes(b, op)),
      real(getRealType(op.getStateElementType())) {
  SmallVector<AffineExpr> exprs = {b.getAffineDimExpr(op.getTime())};
  llvm::append_range(exprs, op.getFinalIndexingMap().getResults());
  statesMap = AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext());
}

SmallVector<Value> ScanForm::makeElements() {
  Type stateType = op.getStateElementType();
  Type transitionType =
      isa<ComplexType>(op.getTransition().getType().getElementType())
          ? stateType
          : real;
  SmallVector<OpFoldResult> stateSizes = applyMap(statesMap, sizes);
  SmallVector<AffineMap> maps = {op.getTransitionMap(), op.getSignalMap()};
  SmallVector<Value> values = {op.getTransition(), op.getSignal()};
  if (op.getInput()) {
    values.push_back(op.getInput());
    maps.push_back(op.getInputIndexingMap());
  }
  if (op.getInit()) {
    values.push_back(op.getInit());
    maps.push_back(op.getInitIndexingMap());
  }
  maps.push_back(statesMap);
  uint64_t time = op.getTime();
  maps = dropUnusedLoops(maps, &time);
  SmallVector<Indexed> ins, outs;
  for (auto [value, map] : llvm::zip(values, maps))
    ins.push_back({value, map});
  for (Type type : {transitionType, stateType})
    outs.push_back(
        {tensor::EmptyOp::create(b, loc, stateSizes, type), maps.back()});
  Value first = asValue(b, loc, b.getIndexAttr(0));
  if (op.isBackward())
    first = asValue(
        b, loc,
        affine(b, loc, b.getAffineSymbolExpr(0) - 1, sizes[op.getTime()]));
  return buildGeneric(
      b, loc, maps.back().getNumDims(), ins, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num a = num.load(args[0]), u = num.load(args[1]);
        unsigned next = 2;
        if (op.getInput())
          u = num.mul(num.load(args[next++]), u);
        Value element = num.store(u, stateType);
        if (op.getInit()) {
          Num x = num.mulAdd(a, num.load(args[next]), u);
          Value t = linalg::IndexOp::create(nested, bodyLoc, time);
          Value isFirst = arith::CmpIOp::create(
              nested, bodyLoc, arith::CmpIPredicate::eq, t, first);
          element = arith::SelectOp::create(nested, bodyLoc, isFirst,
                                            num.store(x, stateType), element);
        }
        return SmallVector<Value>{num.store(a, transitionType), element};
      });
}

AssociativeScanOp ScanForm::makeScan(ValueRange elements) {
  Type aType = getElementTypeOrSelf(elements[0]);
  Type xType = getElementTypeOrSelf(elements[1]);
  NumBuilder num(b, loc, real);
  SmallVector<Value> identity = {num.store(num.constant(1.0), aType),
                                 num.store(num.constant(0.0), xType)};
  auto scan = AssociativeScanOp::create(
      b, loc, elements.getTypes(), elements, identity, /*dimension=*/0,
      /*exclusive=*/false, op.getDirection(), op.getStrategyAttr());
  OpBuilder::InsertionGuard guard(b);
  Block *body =
      b.createBlock(&scan.getCombiner(), {}, {aType, xType, aType, xType},
                    {loc, loc, loc, loc});
  Num ai = num.load(body->getArgument(0)), xi = num.load(body->getArgument(1));
  Num aj = num.load(body->getArgument(2)), xj = num.load(body->getArgument(3));
  Value a = num.store(num.mul(aj, ai), aType);
  Value x = num.store(num.mulAdd(aj, xi, xj), xType);
  YieldOp::create(b, loc, ValueRange{a, x});
  return scan;
}

/// y = proj(C x) over all of time, or the states in the result's layout.
Value ScanForm::makeResult(Value states) {
  Type stored = getRealType(op.getResult().getType().getElementType());
  Value output = op.getOutput();
  AffineMap outputMap = op.getOutputIndexingMap();
  if (!output) {
    auto type = RankedTensorType::get({}, stored);
    output = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getFloatAttr(stored, 1.0)));
    outputMap = AffineMap::get(op.getNumLoops(), 0, {}, b.getContext());
  }
  return contract(b, loc, sizes, {output, outputMap}, {states, statesMap},
                  op.getResultIndexingMap(), stored, op.getProjection());
}

Value ScanForm::makeFinal(Value states) {
  SmallVector<OpFoldResult> shape = applyMap(statesMap, sizes);
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
  if (!op.isBackward())
    offsets[0] = affine(b, loc, b.getAffineSymbolExpr(0) - 1, shape[0]);
  shape[0] = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(b, loc, op.getFinal().getType(), states,
                                        offsets, shape, strides);
}

LogicalResult
RecurrenceToScan::matchAndRewrite(LinearRecurrenceOp op,
                                  PatternRewriter &rewriter) const {
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!dims.input.empty() || !dims.output.empty())
    return rewriter.notifyMatchFailure(op, "contractions are not hoisted");
  if (!op.isDiagonal())
    return rewriter.notifyMatchFailure(
        op, "elements would be matrices, which a combiner of scalars lacks");
  if (op.getRead() == ReadPoint::Before)
    return rewriter.notifyMatchFailure(op,
                                       "the output reads before the update");
  int64_t length = getStaticLoopSizes(op)[op.getTime()];
  if (!op.getFinal().use_empty() && length <= 0)
    return rewriter.notifyMatchFailure(
        op, "the final state is the last state only if there is one");
  ScanForm form(rewriter, op);
  AssociativeScanOp scan = form.makeScan(form.makeElements());
  Value states = scan.getResults()[1];
  if (!op.getResult().use_empty())
    rewriter.replaceAllUsesWith(op.getResult(), form.makeResult(states));
  if (!op.getFinal().use_empty())
    rewriter.replaceAllUsesWith(op.getFinal(), form.makeFinal(states));
  rewriter.eraseOp(op);
  return success();
}

void ssm::populateRecurrenceToScanPatterns(RewritePatternSet &patterns) {
  patterns.add<RecurrenceToScan>(patterns.getContext());
}
