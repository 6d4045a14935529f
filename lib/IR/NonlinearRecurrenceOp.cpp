//===- NonlinearRecurrenceOp.cpp - ssm.nonlinear_recurrence ---------------===//
#include "Indexing.h"

#include "llvm/ADT/SmallString.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> NonlinearRecurrenceOp::getIndexedOperands() {
  return SmallVector<Value>(getOperands());
}

namespace {
/// The op's operands and the maps of its results, before it exists.
struct Operands {
  SmallVector<std::string> names;
  SmallVector<IndexedValue> signals, inits;
  ArrayRef<AffineMap> states, finals;

  explicit Operands(NonlinearRecurrenceOp::Adaptor op)
      : maps(llvm::to_vector(
            op.getIndexingMaps().getAsValueRange<AffineMapAttr>())) {
    unsigned numSignals = op.getSignals().size(),
             numInits = op.getInit().size();
    for (unsigned i = 0; i < numSignals; ++i)
      names.push_back("signal " + std::to_string(i));
    for (unsigned i = 0; i < numInits; ++i)
      names.push_back("init " + std::to_string(i));
    unsigned next = 0;
    auto describe = [&](Value value) {
      auto type = cast<RankedTensorType>(value.getType());
      IndexedValue described{names[next], type, maps[next]};
      ++next;
      return described;
    };
    signals = llvm::map_to_vector(op.getSignals(), describe);
    inits = llvm::map_to_vector(op.getInit(), describe);
    states = ArrayRef(maps).slice(next, numInits);
    finals = ArrayRef(maps).take_back(numInits);
  }

  SmallVector<IndexedValue> all() const {
    SmallVector<IndexedValue> values(signals);
    llvm::append_range(values, inits);
    return values;
  }

private:
  SmallVector<AffineMap> maps;
};
} // namespace

/// In any order.
static bool haveSameDims(ArrayRef<unsigned> dims, AffineMap map) {
  return dims.size() == map.getNumResults() &&
         llvm::all_of(dims, [&](unsigned dim) { return uses(map, dim); });
}

/// c2, c4: what the maps of the states have in common.
static LogicalResult checkStates(const ConstraintChecker &check,
                                 const Operands &ops, unsigned time) {
  for (auto [i, init] : llvm::enumerate(ops.inits)) {
    if (uses(init.map, time))
      return check.fail(2) << "an initial state has no time dimension: the map "
                              "of "
                           << init.name << " must not use d" << time
                           << ", found " << printMap(init.map);
    if (!uses(ops.states[i], time))
      return check.fail(2) << "the map of state " << i
                           << " must use the time dimension d" << time
                           << ", found " << printMap(ops.states[i]);
    if (ops.finals[i] != init.map)
      return check.fail(4) << "the map of final " << i << " must be that of "
                           << init.name << ", " << printMap(init.map)
                           << ", found " << printMap(ops.finals[i]);
    SmallVector<unsigned> dims = dimsOf(ops.states[i]);
    llvm::erase(dims, time);
    if (!haveSameDims(dims, init.map))
      return check.fail(4) << "the map of state " << i
                           << " must have the dimensions of " << init.name
                           << ", " << printMap(init.map) << ", and time, found "
                           << printMap(ops.states[i]);
  }
  return success();
}

/// c6: what Newton's method needs.
static LogicalResult checkNewton(const ConstraintChecker &check,
                                 const Operands &ops,
                                 NonlinearRecurrenceOp::Adaptor op) {
  if (std::optional<APFloat> tolerance = op.getTolerance();
      tolerance && (tolerance->isNaN() || tolerance->isNegative())) {
    SmallString<16> text;
    tolerance->toString(text, /*FormatPrecision=*/6);
    return check.fail(6) << "tolerance must be a number that is not negative, "
                            "found "
                         << text;
  }
  if (static_cast<int64_t>(op.getMaxIterations()) < 1)
    return check.fail(6) << "max_iterations must be at least 1, found "
                         << static_cast<int64_t>(op.getMaxIterations());
  AffineMap first = ops.inits[0].map;
  if (std::optional<uint64_t> row = op.getRow(); row && !uses(first, *row))
    return check.fail(6) << "row must be a dimension of the states, one of "
                         << printDims(dimsOf(first)) << ", found d" << *row;
  if (!op.getTolerance())
    return success();
  for (const IndexedValue &init : ops.inits) {
    SmallVector<unsigned> dims = dimsOf(init.map);
    if (!haveSameDims(dims, first))
      return check.fail(6)
             << "for Newton's method all states have the same dimensions: "
             << init.name << " has " << printDims(dims) << ", init 0 "
             << printDims(dimsOf(first)) << "; drop the tolerance";
    if (init.type.getElementType() != ops.inits[0].type.getElementType())
      return check.fail(6)
             << "for Newton's method all states have one element type: "
             << init.name << " is of " << init.type.getElementType()
             << ", init 0 of " << ops.inits[0].type.getElementType()
             << "; drop the tolerance";
  }
  return success();
}

LogicalResult NonlinearRecurrenceOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  ConstraintChecker check(loc, "nonlinear_recurrence");
  uint64_t time = adaptor.getTime();
  if (adaptor.getInit().empty())
    return check.fail(1) << "carries a tuple of at least one state, found none";
  unsigned numMaps = adaptor.getSignals().size() + 3 * adaptor.getInit().size();
  if (failed(check.checkMaps(adaptor.getIndexingMaps(), numMaps, time)))
    return failure();
  Operands ops(adaptor);
  SmallVector<IndexedValue> values = ops.all();
  if (failed(check.checkRanks(values)) ||
      failed(checkStates(check, ops, time)) ||
      failed(check.checkCovered(3, values)) ||
      failed(check.checkSizes(values, time)) ||
      failed(checkNewton(check, ops, adaptor)))
    return failure();
  SmallVector<int64_t> sizes = collectSizes(values, values[0].map.getNumDims());
  for (auto [map, init] : llvm::zip_equal(ops.states, ops.inits))
    types.push_back(makeType(map, sizes, init.type.getElementType()));
  llvm::append_range(types, adaptor.getInit().getTypes());
  types.push_back(IntegerType::get(context, 64));
  types.push_back(Float64Type::get(context));
  return success();
}

/// Inference, which runs after this, would repeat what it reports.
LogicalResult NonlinearRecurrenceOp::verify() {
  SmallVector<Type> inferred;
  return inferReturnTypes(getContext(), getLoc(), *this, inferred);
}

/// The type of a signal at one time.
static Type dropTime(RankedTensorType type, AffineMap map, unsigned time) {
  SmallVector<int64_t> shape(type.getShape());
  if (std::optional<unsigned> pos = positionOf(map, time))
    shape.erase(shape.begin() + *pos);
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult NonlinearRecurrenceOp::verifyRegions() {
  ConstraintChecker check(getLoc(), "nonlinear_recurrence");
  SmallVector<Type> expected(getInit().getTypes());
  for (auto [i, signal] : llvm::enumerate(getSignals()))
    expected.push_back(dropTime(cast<RankedTensorType>(signal.getType()),
                                getSignalMap(i), getTimeDim()));
  Block &body = getBody().front();
  if (TypeRange(body.getArgumentTypes()) != TypeRange(expected))
    return check.fail(5)
           << "the region takes the states and the signals at one "
              "time: expected arguments of types ("
           << expected << "), found (" << body.getArgumentTypes() << ')';
  Operation &last = body.back();
  if (!isa<YieldOp>(last) || last.getOperandTypes() != getInit().getTypes())
    return check.fail(5) << "the region must end with ssm.yield of the states ("
                         << getInit().getTypes() << "), found "
                         << last.getName() << " of (" << last.getOperandTypes()
                         << ')';
  return success();
}

LogicalResult
NonlinearRecurrenceOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes = getLoopSizes(builder, *this);
  for (unsigned i = 0, e = 2 * getInit().size(); i < e; ++i)
    shapes.push_back(applyMap(getResultMap(i), sizes));
  // Scalars have no sizes.
  shapes.resize(getNumResults());
  return success();
}
