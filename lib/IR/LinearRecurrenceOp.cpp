//===- LinearRecurrenceOp.cpp - ssm.linear_recurrence ---------------------===//
#include "Indexing.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Sorts the loop dimensions by where they occur.
static LinearRecurrenceOp::Dims classify(unsigned time, AffineMap transition,
                                         AffineMap result, AffineMap final,
                                         bool hasOutput) {
  LinearRecurrenceOp::Dims dims;
  dims.time = time;
  // Parallel dimensions keep the result's order: the last one is contiguous.
  for (unsigned dim : dimsOf(result))
    if (dim != time)
      (uses(final, dim) ? dims.parallel : dims.output).push_back(dim);
  for (unsigned dim : dimsOf(final))
    if (!uses(result, dim))
      dims.state.push_back(dim);
  for (unsigned dim = 0; dim < transition.getNumDims(); ++dim)
    if (dim != time && !uses(result, dim) && !uses(final, dim))
      dims.input.push_back(dim);
  return dims;
}

LinearRecurrenceOp::Dims LinearRecurrenceOp::getDims() {
  return classify(getTime(), getTransitionMap(), getResultIndexingMap(),
                  getFinalIndexingMap(), bool(getOutput()));
}

SmallVector<Value> LinearRecurrenceOp::getIndexedOperands() {
  return SmallVector<Value>(getOperands());
}

AffineMap LinearRecurrenceOp::getInputIndexingMap() {
  return getInput() ? getIndexingMapsArray()[2] : AffineMap();
}

AffineMap LinearRecurrenceOp::getOutputIndexingMap() {
  return getOutput() ? getIndexingMapsArray()[2 + bool(getInput())]
                     : AffineMap();
}

AffineMap LinearRecurrenceOp::getInitIndexingMap() {
  return getInit() ? getIndexingMapsArray()[getNumOperands() - 1] : AffineMap();
}

namespace {
/// The op's operands with their names and maps, before it exists.
struct Operands {
  SmallVector<IndexedValue, 5> values;
  AffineMap result, final;
  bool hasInput, hasOutput, hasInit;
};
} // namespace

static Operands collect(LinearRecurrenceOp::Adaptor op) {
  Operands out;
  auto maps =
      llvm::to_vector(op.getIndexingMaps().getAsValueRange<AffineMapAttr>());
  auto add = [&](StringRef name, Value value) {
    if (value)
      out.values.push_back({name, cast<RankedTensorType>(value.getType()),
                            maps[out.values.size()]});
    return bool(value);
  };
  add("transition", op.getTransition());
  add("signal", op.getSignal());
  out.hasInput = add("input", op.getInput());
  out.hasOutput = add("output", op.getOutput());
  out.hasInit = add("init", op.getInit());
  out.result = maps[maps.size() - 2];
  out.final = maps.back();
  return out;
}

/// c7: input dimensions belong to signal and input, output dimensions to
/// output.
static LogicalResult checkSummedDims(const ConstraintChecker &check,
                                     const Operands &ops,
                                     const LinearRecurrenceOp::Dims &dims) {
  if (!ops.hasInput && !dims.input.empty())
    return check.fail(7) << "dimensions " << printDims(dims.input)
                         << " are in neither state nor result, so an input map "
                            "must sum them; none is given";
  for (const IndexedValue &value : ops.values) {
    bool isOutput = value.name == "output";
    for (unsigned dim : dims.output)
      if (uses(value.map, dim) != isOutput)
        return check.fail(7) << "dimension d" << dim
                             << " is in the result and not in the state, so "
                                "the output map has it and no other operand "
                                "does; the map of the "
                             << value.name << " is " << printMap(value.map);
    for (unsigned dim : dims.input)
      if (isOutput && uses(value.map, dim))
        return check.fail(7)
               << "dimension d" << dim
               << " is in neither state nor result, so the input map sums it "
                  "and the output map cannot have it, found "
               << printMap(value.map);
  }
  return success();
}

/// c2, c5, c6, c7: which value may use which loop dimension.
static LogicalResult checkDims(const ConstraintChecker &check,
                               const Operands &ops, unsigned time) {
  if (!uses(ops.result, time))
    return check.fail(2) << "the result's map must use the time dimension d"
                         << time << ", found " << printMap(ops.result);
  if (uses(ops.final, time))
    return check.fail(2) << "the final state has no time dimension: its map "
                            "must not use d"
                         << time << ", found " << printMap(ops.final);
  LinearRecurrenceOp::Dims dims =
      classify(time, ops.values[0].map, ops.result, ops.final, ops.hasOutput);
  for (const IndexedValue &value : ops.values) {
    bool isInit = value.name == "init";
    if (value.name != "transition" && !isInit)
      continue;
    for (unsigned dim : dimsOf(value.map))
      if (!uses(ops.final, dim) && (isInit || dim != time))
        return check.fail(isInit && dim == time ? 2 : 5)
               << "the " << value.name
               << " may use dimensions of the state only"
               << (isInit ? "" : " and time") << ": " << printMap(value.map)
               << " uses d" << dim << ", which the final state's map "
               << printMap(ops.final) << " lacks";
  }
  if (!ops.hasOutput && !(dims.state.empty() && dims.output.empty()))
    return check.fail(6) << "without an output map the states come out: the "
                            "result's map must cover the state and time, found "
                         << printMap(ops.result) << " for the state "
                         << printMap(ops.final);
  return checkSummedDims(check, ops, dims);
}

LogicalResult LinearRecurrenceOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  ConstraintChecker check(loc, "linear_recurrence");
  uint64_t time = adaptor.getTime();
  if (failed(check.checkMaps(adaptor.getIndexingMaps(),
                             adaptor.getOperands().size() + 2, time)))
    return failure();
  Operands ops = collect(adaptor);
  ArrayRef<IndexedValue> values(ops.values);
  if (failed(check.checkRanks(values)) || failed(checkDims(check, ops, time)) ||
      failed(check.checkCovered(3, values)) ||
      failed(check.checkSizes(values, time)) ||
      failed(check.checkPrecision(values.drop_back(ops.hasInit))))
    return failure();

  Type real = getRealType(values[0].type.getElementType());
  Type state =
      real.getIntOrFloatBitWidth() < 32 ? Float32Type::get(context) : real;
  if (ops.hasInit && getRealType(values.back().type.getElementType()) != state)
    return check.fail(4) << "init has the precision of the state, " << state
                         << ", found " << values.back().type;
  auto isComplex = [](const IndexedValue &value) {
    return isa<ComplexType>(value.type.getElementType());
  };
  bool complexOutput = llvm::any_of(values, isComplex);
  bool complexState = llvm::any_of(values, [&](const IndexedValue &value) {
    return value.name != "output" && isComplex(value);
  });
  if (adaptor.getProjection() != Projection::None && !complexOutput)
    return check.fail(8) << "projection "
                         << stringifyProjection(adaptor.getProjection())
                         << " takes the real part of a complex output, but all "
                            "operands are real; use projection<none>";

  SmallVector<int64_t> sizes = collectSizes(values, values[0].map.getNumDims());
  bool complexResult =
      complexOutput && adaptor.getProjection() == Projection::None;
  types.push_back(makeType(ops.result, sizes,
                           complexResult ? ComplexType::get(real) : real));
  types.push_back(makeType(ops.final, sizes,
                           complexState ? ComplexType::get(state) : state));
  return success();
}

/// Inference checks the operands; what is left are the ranks and sizes of the
/// results, which may know a size that no operand knows.
LogicalResult LinearRecurrenceOp::verify() {
  SmallVector<Type> inferred;
  if (failed(inferReturnTypes(getContext(), getLoc(), *this, inferred)))
    return failure();
  Operands ops = collect(*this);
  ops.values.push_back({"result", getResult().getType(), ops.result});
  ops.values.push_back({"final", getFinal().getType(), ops.final});
  ConstraintChecker check(getLoc(), "linear_recurrence");
  return success(succeeded(check.checkRanks(ops.values)) &&
                 succeeded(check.checkSizes(ops.values, getTimeDim())));
}

bool LinearRecurrenceOp::isCompatibleReturnTypes(TypeRange lhs, TypeRange rhs) {
  return llvm::all_of_zip(lhs, rhs, [](Type a, Type b) {
    return getElementTypeOrSelf(a) == getElementTypeOrSelf(b) &&
           succeeded(verifyCompatibleShape(a, b));
  });
}

LogicalResult
LinearRecurrenceOp::reifyResultShapes(OpBuilder &builder,
                                      ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes = getLoopSizes(builder, *this);
  shapes.push_back(applyMap(getResultIndexingMap(), sizes));
  shapes.push_back(applyMap(getFinalIndexingMap(), sizes));
  return success();
}

/// Whether every element is +0: -0 is another number.
static bool isZeroSplat(DenseElementsAttr value) {
  if (!value.isSplat())
    return false;
  if (isa<FloatType>(value.getElementType()))
    return value.getSplatValue<APFloat>().isPosZero();
  auto zero = value.getSplatValue<std::complex<APFloat>>();
  return zero.real().isPosZero() && zero.imag().isPosZero();
}

/// Whether only init makes the state complex or has one of its dimensions.
static bool decidesType(LinearRecurrenceOp op) {
  SmallVector<Value> values = op.getIndexedOperands();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned others = values.size() - 1;
  bool othersComplex = false;
  for (unsigned i = 0; i < others; ++i)
    othersComplex |= values[i] != op.getOutput() &&
                     isa<ComplexType>(getElementTypeOrSelf(values[i]));
  if (isa<ComplexType>(op.getStateElementType()) && !othersComplex)
    return true;
  return llvm::any_of(dimsOf(op.getInitIndexingMap()), [&](unsigned dim) {
    return llvm::none_of(ArrayRef(maps).take_front(others),
                         [&](AffineMap map) { return uses(map, dim); });
  });
}

namespace {
/// init = 0 is the same as no init.
struct DropZeroInit : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    DenseElementsAttr init;
    if (!op.getInit() || !matchPattern(op.getInit(), m_Constant(&init)))
      return rewriter.notifyMatchFailure(op, "no constant init");
    if (!isZeroSplat(init))
      return rewriter.notifyMatchFailure(op, "init is not a splat of zero");
    if (decidesType(op))
      return rewriter.notifyMatchFailure(op, "no other operand has init's "
                                             "dimensions or complex elements");
    SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
    maps.erase(maps.begin() + op.getNumOperands() - 1);
    rewriter.modifyOpInPlace(op, [&] {
      op.getInitMutable().clear();
      op.setIndexingMapsAttr(rewriter.getArrayAttr(maps));
    });
    return success();
  }
};
} // namespace

void LinearRecurrenceOp::getCanonicalizationPatterns(RewritePatternSet &results,
                                                     MLIRContext *context) {
  results.add<DropZeroInit>(context);
}

std::string LinearRecurrenceOp::refusesConvolution() {
  auto varies = [&](AffineMap map) { return map && uses(map, getTime()); };
  if (varies(getTransitionMap()))
    return "the transition varies in time";
  if (varies(getInputIndexingMap()))
    return "the input map varies in time";
  if (varies(getOutputIndexingMap()))
    return "the output map varies in time";
  if (!uses(getSignalMap(), getTime()))
    return "the signal has no time dimension";
  if (getRead() == ReadPoint::Before)
    return "the output reads the state before the update";
  Dims dims = getDims();
  if (!dims.input.empty() || !dims.output.empty())
    return "a kernel for every pair of input and output would be built; "
           "--ssm-hoist-contractions leaves a recurrence on the states";
  for (unsigned dim : dims.state) {
    if (uses(getSignalMap(), dim))
      return "the signal differs between the states that are summed";
    if (!uses(getTransitionMap(), dim) &&
        !(getInput() && uses(getInputIndexingMap(), dim)) &&
        !uses(getOutputIndexingMap(), dim))
      return "no operand of the kernel has a dimension that is summed";
  }
  return "";
}
