//===- LinearRecurrenceOp.cpp - ssm.linear_recurrence ---------------------===//
#include "Indexing.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The maps that decide what a loop dimension is.
struct Roles {
  unsigned time;
  std::optional<uint64_t> row, column;
  AffineMap left, right, result, final;
};
} // namespace

/// Sorts the loop dimensions by where they occur.
static LinearRecurrenceOp::Dims classify(const Roles &roles) {
  LinearRecurrenceOp::Dims dims;
  dims.time = roles.time;
  dims.row = roles.row;
  dims.column = roles.column;
  // Parallel dimensions keep the result's order: the last one is contiguous.
  for (unsigned dim : dimsOf(roles.result))
    if (dim != roles.time && dim != roles.row)
      (uses(roles.final, dim) ? dims.parallel : dims.output).push_back(dim);
  for (unsigned dim : dimsOf(roles.final))
    if (!uses(roles.result, dim))
      dims.state.push_back(dim);
  for (unsigned dim = 0; dim < roles.result.getNumDims(); ++dim) {
    if (dim == roles.time || dim == roles.column || uses(roles.result, dim) ||
        uses(roles.final, dim))
      continue;
    bool isRank =
        roles.left && (uses(roles.left, dim) || uses(roles.right, dim));
    (isRank ? dims.rank : dims.input).push_back(dim);
  }
  return dims;
}

LinearRecurrenceOp::Dims LinearRecurrenceOp::getDims() {
  return classify({static_cast<unsigned>(getTime()), getRow(), getColumn(),
                   getLeftIndexingMap(), getRightIndexingMap(),
                   getResultIndexingMap(), getFinalIndexingMap()});
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
  return getInit()
             ? getIndexingMapsArray()[2 + bool(getInput()) + bool(getOutput())]
             : AffineMap();
}

AffineMap LinearRecurrenceOp::getLeftIndexingMap() {
  return getLeft() ? getIndexingMapsArray()[getNumOperands() - 2] : AffineMap();
}

AffineMap LinearRecurrenceOp::getRightIndexingMap() {
  return getLeft() ? getIndexingMapsArray()[getNumOperands() - 1] : AffineMap();
}

namespace {
/// The op's operands with their names and maps, before it exists.
struct Operands {
  SmallVector<IndexedValue, 7> values;
  AffineMap result, final;
  std::optional<uint64_t> row, column;
  bool hasInput, hasOutput;

  AffineMap mapOf(StringRef name) const {
    const IndexedValue *value = findValue(values, name);
    return value ? value->map : AffineMap();
  }
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
  add("init", op.getInit());
  add("p", op.getLeft());
  add("q", op.getRight());
  out.row = op.getRow();
  out.column = op.getColumn();
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
  Mixing mixing{ops.row, ops.column, /*dense=*/9, /*lowRank=*/10};
  if (failed(check.checkMixing(mixing, ops.values, ops.final,
                               {ops.result, ops.final}, time)))
    return failure();
  LinearRecurrenceOp::Dims dims =
      classify({time, ops.row, ops.column, ops.mapOf("p"), ops.mapOf("q"),
                ops.result, ops.final});
  for (const IndexedValue &value : ops.values) {
    bool isInit = value.name == "init";
    if (value.name != "transition" && !isInit)
      continue;
    for (unsigned dim : dimsOf(value.map))
      if (!uses(ops.final, dim) &&
          (isInit || (dim != time && dim != ops.column)))
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
      failed(check.checkSizes(values, time)))
    return failure();
  Type real = getRealType(findValue(values, "signal")->type.getElementType());
  if (failed(check.checkPrecision("signal", real, values)))
    return failure();
  SmallVector<Type> driving;
  for (const IndexedValue &value : values)
    if (value.name != "init")
      driving.push_back(value.type.getElementType());
  Type state = getWorkingType(driving);
  if (const IndexedValue *init = findValue(values, "init");
      init && getRealType(init->type.getElementType()) != state)
    return check.fail(4) << "init has the precision of the state, " << state
                         << ", found " << init->type;
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
  SmallVector<AffineMap> others;
  bool othersComplex = false;
  unsigned init = 2 + bool(op.getInput()) + bool(op.getOutput());
  for (auto [i, value] : llvm::enumerate(op.getIndexedOperands())) {
    if (i == init)
      continue;
    others.push_back(op.getIndexingMapsArray()[i]);
    othersComplex |= value != op.getOutput() &&
                     isa<ComplexType>(getElementTypeOrSelf(value));
  }
  if (isa<ComplexType>(op.getStateElementType()) && !othersComplex)
    return true;
  return llvm::any_of(dimsOf(op.getInitIndexingMap()), [&](unsigned dim) {
    return llvm::none_of(others, [&](AffineMap map) { return uses(map, dim); });
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
    maps.erase(maps.begin() + 2 + bool(op.getInput()) + bool(op.getOutput()));
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
  if (varies(getLeftIndexingMap()) || varies(getRightIndexingMap()))
    return "the transition's low-rank part varies in time";
  if (varies(getInputIndexingMap()))
    return "the input map varies in time";
  if (varies(getOutputIndexingMap()))
    return "the output map varies in time";
  Dims dims = getDims();
  if (!dims.input.empty() || !dims.output.empty())
    return "a kernel for every pair of input and output would be built; "
           "--ssm-hoist-contractions leaves a recurrence on the states";
  if (dims.rowComesOut())
    return "the transition mixes states that come out: a kernel for every pair "
           "of them would be built";
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
