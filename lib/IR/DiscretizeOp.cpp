//===- DiscretizeOp.cpp - ssm.discretize ----------------------------------===//
#include "Indexing.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The op's operands with their names and maps, and what each result is
/// computed from, before the op exists.
struct Operands {
  SmallVector<IndexedValue, 4> values;
  struct Result {
    StringRef name;
    AffineMap map;
    bool isComplex = false;
  };
  Discretization method;
  SmallVector<Result, 3> results;

  explicit Operands(DiscretizeOp::Adaptor op) {
    auto maps =
        llvm::to_vector(op.getIndexingMaps().getAsValueRange<AffineMapAttr>());
    auto add = [&](StringRef name, Value value) {
      if (value)
        values.push_back({name, cast<RankedTensorType>(value.getType()),
                          maps[values.size()]});
    };
    add("transition", op.getTransition());
    add("step", op.getStep());
    add("input", op.getInput());
    add("weight", op.getWeight());
    unsigned next = values.size();
    method = op.getMethod();
    results.push_back({"transition", maps[next]});
    results.push_back({"input", maps[next + 1]});
    if (method == Discretization::Trapezoid)
      results.push_back({"previous", maps[next + 2]});
    for (auto [i, result] : llvm::enumerate(results))
      for (const IndexedValue &value : values)
        result.isComplex |=
            DiscretizeOp::isComputedFrom(method, i, value.name) &&
            isa<ComplexType>(value.type.getElementType());
  }
};
} // namespace

bool DiscretizeOp::isComputedFrom(Discretization method, unsigned result,
                                  StringRef operand) {
  bool fromTransition = operand == "transition", fromStep = operand == "step",
       fromInput = operand == "input", fromWeight = operand == "weight";
  if (result == 0)
    return fromTransition || fromStep;
  if (result == 2)
    return fromTransition || fromStep || fromWeight;
  switch (method) {
  case Discretization::ZOH:
  case Discretization::Bilinear:
    return fromTransition || fromStep || fromInput;
  case Discretization::Euler:
    return fromStep || fromInput;
  case Discretization::Dirac:
    return fromInput;
  case Discretization::Trapezoid:
    return fromStep || fromInput || fromWeight;
  }
  llvm_unreachable("every method is listed");
}

/// c4, c6: what the operands are made of.
static LogicalResult checkOperands(const ConstraintChecker &check,
                                   const Operands &ops, Discretization method) {
  for (StringRef name : {"step", "weight"})
    if (const IndexedValue *value = findValue(ops.values, name);
        value && isa<ComplexType>(value->type.getElementType()))
      return check.fail(4) << "the " << name << " is real, found "
                           << value->type;
  if (findValue(ops.values, "weight") && method != Discretization::Trapezoid)
    return check.fail(6) << "weight is lambda of trapezoid, found it with "
                         << stringifyDiscretization(method) << "; drop it";
  return check.checkPrecision(ops.values);
}

/// c7: what a dense A needs.
static LogicalResult checkDense(const ConstraintChecker &check,
                                const Operands &ops, DiscretizeOp::Adaptor op) {
  if (!op.getRow() && !op.getColumn())
    return success();
  if (!op.getRow() || !op.getColumn())
    return check.fail(7) << "a dense transition has both row and column, found "
                         << (op.getRow() ? "row" : "column") << " only";
  if (op.getMethod() != Discretization::Bilinear)
    return check.fail(7)
           << "of a dense transition only bilinear is computed, found "
           << stringifyDiscretization(op.getMethod())
           << "; take bilinear, or diagonalise the transition first";
  const Operands::Result &transition = ops.results[0];
  SmallVector<AffineMap> results = {ops.results[1].map};
  Mixing mixing{op.getRow(), op.getColumn(), /*dense=*/7, /*lowRank=*/7};
  if (!uses(transition.map, *op.getColumn()))
    return check.fail(7) << "the map of the resulting transition must use row d"
                         << *op.getRow() << " and column d" << *op.getColumn()
                         << ", found " << printMap(transition.map);
  // No loop dimension is time: pass one that does not exist.
  return check.checkMixing(mixing, ops.values, ops.results[1].map, results,
                           transition.map.getNumDims());
}

/// c2, c3: every result has the dimensions of what it is computed from, and no
/// other than its operands'.
static LogicalResult checkResults(const ConstraintChecker &check,
                                  const Operands &ops,
                                  std::optional<uint64_t> column) {
  for (auto [i, result] : llvm::enumerate(ops.results)) {
    for (const IndexedValue &value : ops.values)
      for (unsigned dim : dimsOf(value.map))
        if (DiscretizeOp::isComputedFrom(ops.method, i, value.name) &&
            !uses(result.map, dim) &&
            !(dim == column && result.name == "input"))
          return check.fail(2)
                 << "the map of the resulting " << result.name
                 << " must use every dimension of the " << value.name
                 << " that it is computed from: " << printMap(result.map)
                 << " lacks d" << dim << " of " << printMap(value.map);
    for (unsigned dim : dimsOf(result.map))
      if (llvm::none_of(ops.values, [&](const IndexedValue &value) {
            return uses(value.map, dim);
          }))
        return check.fail(3)
               << "every loop dimension of a result must be in "
                  "an operand's map, d"
               << dim << " of the resulting " << result.name << " is in none";
  }
  return success();
}

LogicalResult DiscretizeOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  ConstraintChecker check(loc, "discretize");
  bool hasPrevious = adaptor.getMethod() == Discretization::Trapezoid;
  if (failed(check.checkMaps(adaptor.getIndexingMaps(),
                             adaptor.getOperands().size() + 2 + hasPrevious)))
    return failure();
  Operands ops(adaptor);
  if (failed(check.checkRanks(ops.values)) ||
      failed(checkOperands(check, ops, adaptor.getMethod())) ||
      failed(checkDense(check, ops, adaptor)) ||
      failed(checkResults(check, ops, adaptor.getColumn())) ||
      failed(check.checkSizes(ops.values, /*time=*/0)))
    return failure();
  Type real = getRealType(ops.values[0].type.getElementType());
  SmallVector<int64_t> sizes =
      collectSizes(ops.values, ops.values[0].map.getNumDims());
  for (const Operands::Result &result : ops.results)
    types.push_back(makeType(result.map, sizes,
                             result.isComplex ? ComplexType::get(real) : real));
  return success();
}

/// c8: a result may be wider than what it is computed from.
static bool isSameOrWider(Type inferred, Type actual) {
  Type from = getElementTypeOrSelf(inferred), to = getElementTypeOrSelf(actual);
  Type narrow = getRealType(from), wide = getRealType(to);
  return isa<ComplexType>(from) == isa<ComplexType>(to) &&
         (narrow == wide ||
          (wide.getIntOrFloatBitWidth() >= 32 &&
           wide.getIntOrFloatBitWidth() > narrow.getIntOrFloatBitWidth()));
}

bool DiscretizeOp::isCompatibleReturnTypes(TypeRange inferred,
                                           TypeRange actual) {
  return llvm::all_of_zip(inferred, actual, [](Type from, Type to) {
    return isSameOrWider(from, to) &&
           succeeded(verifyCompatibleShape(from, to));
  });
}

/// Inference, which runs after this, would repeat what it reports.
LogicalResult DiscretizeOp::verify() {
  SmallVector<Type> inferred;
  if (failed(inferReturnTypes(getContext(), getLoc(), *this, inferred)))
    return failure();
  for (auto [i, from, to] : llvm::enumerate(inferred, getResultTypes()))
    if (!isSameOrWider(from, to))
      return ConstraintChecker(getLoc(), "discretize").fail(8)
             << "result #" << i << " is of " << getElementTypeOrSelf(from)
             << " or of a wider type, f32 or f64, found "
             << getElementTypeOrSelf(to);
  DenseFPElementsAttr step;
  if (!matchPattern(getStep(), m_Constant(&step)))
    return success();
  auto values = step.getValues<APFloat>();
  for (uint64_t i = 0, e = step.isSplat() ? 1 : step.getNumElements(); i < e;
       ++i) {
    APFloat value = values[i];
    if (value.isNaN() || value.isZero() || value.isNegative()) {
      SmallString<16> text;
      value.toString(text, /*FormatPrecision=*/6);
      return ConstraintChecker(getLoc(), "discretize").fail(5)
             << "the step dt must be positive, found " << text
             << "; a model that runs backwards is a direction of the "
                "recurrence";
    }
  }
  return success();
}

SmallVector<OpFoldResult> DiscretizeOp::getLoopSizes(OpBuilder &builder) {
  SmallVector<OpFoldResult> sizes(getTransitionMap().getNumDims());
  for (auto [i, operand] : llvm::enumerate(getOperands()))
    for (auto [pos, dim] : llvm::enumerate(dimsOf(getMap(i))))
      if (OpFoldResult size =
              tensor::getMixedSize(builder, getLoc(), operand, pos);
          !sizes[dim] || isa<Attribute>(size))
        sizes[dim] = size;
  return sizes;
}

LogicalResult
DiscretizeOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes = getLoopSizes(builder);
  for (unsigned i = 0; i < getNumResults(); ++i)
    shapes.push_back(applyMap(getResultMap(i), sizes));
  return success();
}
