//===- RecurrenceToConv.cpp - A recurrence as kernel and convolution ------===//
//
//   y_t = sum_{l <= t} K_l u_{t-l} + C A^{t+1} init,    K_l = C A^l B
//
// or, if the output reads the state before the update, K_{l-1} and C A^t init
// with K_{-1} = 0.
//
// Precondition: A, B and C are time-invariant, nothing is summed over input
// dimensions or added over output dimensions, and the signal does not vary over
// the states that the output sums. The final state, if used, is computed by a
// sequential recurrence of its own.
//
// Reference: Gu et al., arXiv 2111.00396, section 2.
//
//===----------------------------------------------------------------------===//

#include "RecurrenceToConv.h"
#include "Contraction.h"
#include "Lags.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Patterns.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

static bool isConvolution(StrategyKind kind) {
  return kind == StrategyKind::FFTConv || kind == StrategyKind::DirectConv;
}

namespace {
/// Builds the parts of the convolution form of one recurrence.
class ConvForm {
public:
  ConvForm(OpBuilder &b, LinearRecurrenceOp op)
      : b(b), op(op), loc(op.getLoc()), sizes(getLoopSizes(b, op)),
        lag(op.getTime()),
        storage(getRealType(op.getResult().getType().getElementType())) {}

  Value emit();

private:
  Value makeOnes();
  Value makeKernel(Indexed input, AffineMap map, Type element,
                   Projection projection);
  /// The kernel's length: `length`, or what the strategy cuts it to.
  OpFoldResult cutTaps(OpFoldResult length);
  Value makeResponse(AffineMap map, Type element);
  Value addInitResponse(Value y);
  Value delay(Value kernel, unsigned dim);
  bool readsBefore() { return op.getRead() == ReadPoint::Before; }
  Value finish(Value y);
  bool isComplex(Value value) {
    return value &&
           isa<ComplexType>(
               cast<RankedTensorType>(value.getType()).getElementType());
  }
  bool hasComplexTransition() {
    return isComplex(op.getTransition()) || isComplex(op.getLeft()) ||
           isComplex(op.getRight());
  }
  /// The maps of the operands of a kernel with the input's map `input`.
  SmallVector<AffineMap> kernelMaps(AffineMap input) {
    SmallVector<AffineMap> maps = {op.getTransitionMap(), input};
    for (AffineMap map : {op.getOutputIndexingMap(), op.getLeftIndexingMap(),
                          op.getRightIndexingMap()})
      if (map)
        maps.push_back(map);
    return maps;
  }
  Type elementOf(bool complexElements) {
    return complexElements ? Type(ComplexType::get(storage)) : storage;
  }
  AffineMap noDims() {
    return AffineMap::get(op.getNumLoops(), 0, {}, b.getContext());
  }
  /// The result's map restricted to the dimensions that one of `maps` has, with
  /// the lag.
  AffineMap resultOver(ArrayRef<AffineMap> maps);

  OpBuilder &b;
  LinearRecurrenceOp op;
  Location loc;
  SmallVector<OpFoldResult> sizes;
  unsigned lag;
  Type storage;
};
} // namespace

/// A scalar 1 for an input or output map that is absent.
Value ConvForm::makeOnes() {
  auto type = RankedTensorType::get({}, storage);
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, b.getFloatAttr(storage, 1.0)));
}

AffineMap ConvForm::resultOver(ArrayRef<AffineMap> maps) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(op.getResultIndexingMap()))
    if (dim == lag ||
        llvm::any_of(maps, [&](AffineMap map) { return uses(map, dim); }))
      exprs.push_back(b.getAffineDimExpr(dim));
  return AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext());
}

Value ConvForm::makeKernel(Indexed input, AffineMap map, Type element,
                           Projection projection) {
  Value output = op.getOutput() ? Value(op.getOutput()) : makeOnes();
  AffineMap outputMap = op.getOutput() ? op.getOutputIndexingMap() : noDims();
  SmallVector<int64_t> shape;
  for (unsigned dim : dimsOf(map))
    shape.push_back(
        getConstantIntValue(sizes[dim]).value_or(ShapedType::kDynamic));
  Value length;
  if (!getConstantIntValue(sizes[lag]))
    length = asValue(b, loc, sizes[lag]);
  LoopAttrs loops(op);
  SmallVector<AffineMap> maps = {op.getTransitionMap(), input.map, outputMap};
  if (op.isLowRank())
    maps.append({op.getLeftIndexingMap(), op.getRightIndexingMap()});
  maps.push_back(map);
  maps = dropUnusedLoops(maps, loops.list());
  return MaterializeKernelOp::create(
      b, loc, RankedTensorType::get(shape, element), op.getTransition(),
      input.value, output, length, op.getLeft(), op.getRight(),
      b.getAffineMapArrayAttr(maps), loops.time, loops.rowAttr(b),
      loops.columnAttr(b), projection);
}

Value ConvForm::emit() {
  // 1. The kernel; its real part is enough if the signal is real.
  bool complexSignal = isComplex(op.getSignal());
  bool complexKernel = hasComplexTransition() || isComplex(op.getInput()) ||
                       isComplex(op.getOutput());
  Projection early =
      complexSignal || !complexKernel ? Projection::None : op.getProjection();
  Indexed input = {op.getInput() ? Value(op.getInput()) : makeOnes(),
                   op.getInput() ? op.getInputIndexingMap() : noDims()};
  SmallVector<AffineMap> operandMaps = kernelMaps(input.map);
  AffineMap kernelMap = resultOver(operandMaps);
  bool complexTaps = complexKernel && early == Projection::None;
  OpFoldResult length = sizes[lag];
  sizes[lag] = cutTaps(length);
  Value kernel = makeKernel(input, kernelMap, elementOf(complexTaps), early);
  sizes[lag] = length;
  if (readsBefore())
    kernel = delay(kernel, *positionOf(kernelMap, lag));

  // 2. The convolution, over the loop dimensions that are left.
  uint64_t time = lag;
  SmallVector<AffineMap> maps = dropUnusedLoops(
      {op.getSignalMap(), kernelMap, op.getResultIndexingMap()}, &time);
  auto resultType =
      RankedTensorType::get(op.getResult().getType().getShape(),
                            elementOf(complexSignal || complexTaps));
  StrategyAttr strategy = op.getStrategyAttr();
  if (strategy && !isConvolution(strategy.getKind()))
    strategy = StrategyAttr();
  Value y = LongConvOp::create(b, loc, resultType, op.getSignal(), kernel,
                               b.getAffineMapArrayAttr(maps), time,
                               op.getDirection(), op.getNumerics(), strategy);

  // 3. What the initial state adds, and the projection if it is still due.
  if (op.getInit())
    return addInitResponse(y);
  return complexSignal && op.getProjection() != Projection::None ? finish(y)
                                                                 : y;
}

/// The kernel with a tap 0 in front.
Value ConvForm::delay(Value kernel, unsigned dim) {
  SmallVector<OpFoldResult> first = tensor::getMixedSizes(b, loc, kernel);
  first[dim] = b.getIndexAttr(1);
  Value zeros = buildFilled(
      b, loc, first, cast<RankedTensorType>(kernel.getType()).getElementType(),
      0.0);
  return joinSides(b, loc, zeros, kernel, dim);
}

OpFoldResult ConvForm::cutTaps(OpFoldResult length) {
  StrategyAttr strategy = op.getStrategyAttr();
  int64_t taps = strategy ? strategy.getTaps() : 0;
  if (taps == 0)
    return length;
  if (std::optional<int64_t> known = getConstantIntValue(length))
    return b.getIndexAttr(std::min(*known, taps));
  return arith::MinSIOp::create(b, loc, asValue(b, loc, length),
                                asValue(b, loc, b.getIndexAttr(taps)))
      .getResult();
}

/// C A^{t+1} init: a kernel whose input is init, without its first tap.
Value ConvForm::makeResponse(AffineMap map, Type element) {
  if (readsBefore())
    return makeKernel({op.getInit(), op.getInitIndexingMap()}, map, element,
                      Projection::None);
  OpFoldResult length = sizes[lag];
  sizes[lag] = affine(b, loc, b.getAffineSymbolExpr(0) + 1, length);
  Value taps = makeKernel({op.getInit(), op.getInitIndexingMap()}, map, element,
                          Projection::None);
  sizes[lag] = length;
  SmallVector<OpFoldResult> shape = applyMap(map, sizes);
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
  offsets[*positionOf(map, lag)] = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(b, loc, taps, offsets, shape, strides);
}

/// y_t + C A^{t+1} init.
Value ConvForm::addInitResponse(Value y) {
  AffineMap map = resultOver(kernelMaps(op.getInitIndexingMap()));
  bool complexResponse = hasComplexTransition() || isComplex(op.getInit()) ||
                         isComplex(op.getOutput());
  Value response = makeResponse(map, elementOf(complexResponse));
  Type real = getRealType(op.getStateElementType());
  auto yType = cast<RankedTensorType>(y.getType());
  bool projected = op.getProjection() != Projection::None;
  Type element = elementOf(!projected && (complexResponse || isComplex(y)));
  // Has the kernel been projected before the convolution?
  bool yIsDone = projected && !isComplex(y);
  Value out = tensor::EmptyOp::create(
      b, loc, applyMap(op.getResultIndexingMap(), sizes), element);
  SmallVector<AffineMap> maps =
      compressUnusedDims({map, op.getResultIndexingMap()});
  SmallVector<Indexed> ins = {{y, maps[1]}};
  // Backward, the response is counted from the other end: read by index.
  if (!op.isBackward())
    ins.push_back({response, maps[0]});
  Value last;
  if (op.isBackward())
    last = asValue(b, loc,
                   affine(b, loc, b.getAffineSymbolExpr(0) - 1, sizes[lag]));
  unsigned timeDim =
      dimsOf(maps[1])[*positionOf(op.getResultIndexingMap(), lag)];
  return buildGeneric(
      b, loc, yType.getRank(), ins, {{out, maps[1]}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num z = num.load(args[0]);
        Value tap = args[1];
        if (op.isBackward()) {
          SmallVector<Value> indices;
          for (unsigned dim : dimsOf(maps[0])) {
            Value i = linalg::IndexOp::create(nested, bodyLoc, dim);
            if (dim == timeDim)
              i = arith::SubIOp::create(nested, bodyLoc, last, i);
            indices.push_back(i);
          }
          tap = tensor::ExtractOp::create(nested, bodyLoc, response, indices);
        }
        Num r = num.load(tap);
        if (projected && yIsDone) {
          r.im = Value();
          if (op.getProjection() == Projection::TwiceReal)
            r = num.add(r, r);
          return SmallVector<Value>{num.store(num.add(z, r), element)};
        }
        z = num.add(z, r);
        if (op.getProjection() == Projection::TwiceReal)
          z = num.add(z, z);
        return SmallVector<Value>{num.store(z, element)};
      })[0];
}

/// The real part, or twice it, of a complex result.
Value ConvForm::finish(Value y) {
  Type real = getRealType(op.getStateElementType());
  auto type = cast<RankedTensorType>(y.getType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = tensor::EmptyOp::create(
      b, loc, applyMap(op.getResultIndexingMap(), sizes), storage);
  return buildGeneric(
      b, loc, type.getRank(), {{y, identity}}, {{out, identity}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num z = num.load(args[0]);
        if (op.getProjection() == Projection::TwiceReal)
          z = num.add(z, z);
        return SmallVector<Value>{num.store(z, storage)};
      })[0];
}

Value ssm::recurrenceToConv(OpBuilder &b, LinearRecurrenceOp op) {
  return ConvForm(b, op).emit();
}

namespace {
struct RecurrenceToConv : OpRewritePattern<LinearRecurrenceOp> {
  RecurrenceToConv(MLIRContext *context, bool onlyChosen)
      : OpRewritePattern(context), onlyChosen(onlyChosen) {}

  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (onlyChosen && (!strategy || !isConvolution(strategy.getKind())))
      return rewriter.notifyMatchFailure(op, "strategy is not a convolution");
    if (std::string reason = op.refusesConvolution(); !reason.empty())
      return rewriter.notifyMatchFailure(op, reason);
    if (!onlyChosen && op.getResult().use_empty())
      return rewriter.notifyMatchFailure(op, "only the final state is used");
    Value y;
    if (!op.getResult().use_empty())
      y = recurrenceToConv(rewriter, op);
    if (!op.getFinal().use_empty()) {
      auto sequential = cast<LinearRecurrenceOp>(rewriter.clone(*op));
      sequential.setStrategyAttr(
          StrategyAttr::get(op.getContext(), StrategyKind::Sequential,
                            strategy ? strategy.getLeaf() : 128,
                            strategy ? strategy.getLanes() : 16));
      rewriter.replaceAllUsesWith(op.getFinal(), sequential.getFinal());
    }
    if (y)
      rewriter.replaceAllUsesWith(op.getResult(), y);
    rewriter.eraseOp(op);
    return success();
  }

  bool onlyChosen;
};
} // namespace

void ssm::populateRecurrenceToConvPatterns(RewritePatternSet &patterns,
                                           bool onlyChosen) {
  patterns.add<RecurrenceToConv>(patterns.getContext(), onlyChosen);
}
