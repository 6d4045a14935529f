//===- StableHLOReductions.cpp - Reductions of StableHLO ------------------===//
#include "StableHLO.h"

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

bool ssm::combinesTuples(Operation *op, ValueRange values) {
  if (op->getNumRegions() != 1 || !llvm::hasSingleElement(op->getRegion(0)))
    return false;
  Block &block = op->getRegion(0).front();
  SmallVector<Type> tuple = llvm::map_to_vector(values, [](Value value) {
    return Type(RankedTensorType::get({}, getElementTypeOrSelf(value)));
  });
  SmallVector<Type> both(tuple);
  llvm::append_range(both, tuple);
  return block.getArgumentTypes() == both && !block.empty() &&
         block.back().getName().getStringRef() == "stablehlo.return" &&
         block.back().getOperandTypes() == tuple;
}

SmallVector<Value> ssm::emitBlock(OpBuilder &b, Location loc, Block &block,
                                  ValueRange scalars) {
  IRMapping map;
  map.map(block.getArguments(), scalars);
  for (Operation &op : llvm::drop_end(block)) {
    StringRef name = op.getName().getStringRef();
    if ((!name.consume_front("stablehlo.") && !name.consume_front("chlo.")) ||
        op.getNumResults() != 1)
      return {};
    Value made;
    if (name == "constant") {
      auto value = dyn_cast_if_present<DenseElementsAttr>(getConstant(&op));
      if (value && value.getNumElements() == 1 &&
          isa<TypedAttr>(value.getSplatValue<Attribute>()))
        made = arith::ConstantOp::create(
            b, loc, cast<TypedAttr>(value.getSplatValue<Attribute>()));
    } else if (llvm::all_of(op.getOperands(),
                            [&](Value x) { return map.contains(x); })) {
      auto args = llvm::map_to_vector(op.getOperands(),
                                      [&](Value x) { return map.lookup(x); });
      made = emitScalar(
          b, loc, getScalarName(&op),
          getKeyword(&op, "comparison_direction", "comparison_direction"), args,
          getElementTypeOrSelf(op.getResult(0)));
    }
    if (!made)
      return {};
    map.map(op.getResult(0), made);
  }
  SmallVector<Value> made;
  for (Value x : block.back().getOperands()) {
    if (!map.contains(x))
      return {};
    made.push_back(map.lookup(x));
  }
  return made;
}

/// The order of a reduction is its implementation's to choose.
static void allowAnyOrder(ValueRange results) {
  for (Operation &op : results[0].getDefiningOp()->getRegion(0).front())
    llvm::TypeSwitch<Operation *>(&op).Case<arith::AddFOp, arith::MulFOp>(
        [](auto sum) { sum.setFastmath(arith::FastMathFlags::reassoc); });
}

/// Over some dimensions, of one tensor or of several at once.
LogicalResult StableHLOImporter::importReduce(Operation *op) {
  unsigned count = op->getNumResults();
  if (op->getNumOperands() != 2 * count)
    return refuse(op, "it lacks the operands or results of such an op");
  SmallVector<Value> sources = get(op->getOperands().take_front(count));
  if (!combinesTuples(op, sources))
    return refuse(op, "its types do not fit its region");
  ArrayRef<int64_t> dims = getNumbers(op, "dimensions");
  RankedTensorType whole = typeOf(sources[0]);
  unsigned numDims = whole.getRank();
  SmallVector<AffineExpr> kept;
  SmallVector<int64_t> shape;
  for (unsigned i = 0; i < numDims; ++i)
    if (!llvm::is_contained(dims, i)) {
      kept.push_back(b.getAffineDimExpr(i));
      shape.push_back(whole.getDimSize(i));
    }
  AffineMap keptMap = AffineMap::get(numDims, 0, kept, b.getContext());
  Location loc = op->getLoc();
  SmallVector<Indexed> ins, outs;
  for (unsigned i = 0; i < count; ++i) {
    auto type = cast<RankedTensorType>(op->getResult(i).getType());
    auto initType = cast<RankedTensorType>(op->getOperand(count + i).getType());
    if (type.getShape() != ArrayRef(shape) || initType.getRank() != 0 ||
        typeOf(sources[i]).getShape() != whole.getShape() ||
        type.getElementType() != typeOf(sources[i]).getElementType() ||
        type.getElementType() != initType.getElementType())
      return refuse(op, "its dimensions do not fit its types");
    ins.push_back({sources[i], identity(numDims)});
    outs.push_back(
        {fillTensor(b, loc, get(op->getOperand(count + i)), type), keptMap});
  }
  bool isKnown = true;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    SmallVector<Value> tuples(scalars.drop_front(count));
    llvm::append_range(tuples, scalars.take_front(count));
    SmallVector<Value> made =
        emitBlock(inner, loc, op->getRegion(0).front(), tuples);
    isKnown = !made.empty();
    return isKnown ? made : SmallVector<Value>(scalars.drop_front(count));
  };
  SmallVector<Value> results = buildGeneric(b, loc, numDims, ins, outs, body);
  allowAnyOrder(results);
  map.map(op->getResults(), results);
  return isKnown ? success()
                 : refuse(op, "no import is known of an op of its region");
}

namespace {
/// The dimension along which windows grow from one end.
struct Growth {
  unsigned dimension;
  Direction direction;
};
} // namespace

/// Whether the numbers of an attribute, which may be left out, are all one.
static bool areOnes(Operation *op, StringRef name) {
  return llvm::all_of(getNumbers(op, name), [](int64_t x) { return x == 1; });
}

/// The windows of a cumulative reduction end at an element and begin before
/// the first one, or the other way round.
static std::optional<Growth> findGrowth(Operation *op,
                                        ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> windows = getNumbers(op, "window_dimensions");
  auto padding =
      dyn_cast_if_present<DenseIntElementsAttr>(getAttribute(op, "padding"));
  if (windows.size() != shape.size() || !areOnes(op, "window_strides") ||
      !areOnes(op, "base_dilations") || !areOnes(op, "window_dilations") ||
      (padding && padding.getNumElements() != int64_t(2 * shape.size())))
    return std::nullopt;
  std::optional<Growth> growth;
  for (unsigned i = 0; i < shape.size(); ++i) {
    auto pad = [&](unsigned side) {
      return padding ? padding.getValues<APInt>()[2 * i + side].getSExtValue()
                     : 0;
    };
    // A window of one element is its own; of a single one it is a scan, too.
    bool isAlone = windows[i] == 1 && pad(0) == 0 && pad(1) == 0;
    if (isAlone && (shape[i] != 1 || growth))
      continue;
    bool isWhole = windows[i] == shape[i] && pad(0) + pad(1) == shape[i] - 1 &&
                   (pad(0) == 0 || pad(1) == 0);
    if (!isWhole || (growth && shape[growth->dimension] != 1))
      return std::nullopt;
    growth = {i, pad(1) ? Direction::Backward : Direction::Forward};
  }
  return growth;
}

/// Elements of a window that are combined one after another.
static constexpr int64_t kMaxWindow = 64;

static bool isPooling(Operation *op, RankedTensorType type) {
  ArrayRef<int64_t> windows = getNumbers(op, "window_dimensions");
  auto padding =
      dyn_cast_if_present<DenseIntElementsAttr>(getAttribute(op, "padding"));
  int64_t count = 1;
  for (int64_t size : windows)
    count = size < 1 || size > kMaxWindow
                ? kMaxWindow + 1
                : std::min(count * size, kMaxWindow + 1);
  return int64_t(windows.size()) == type.getRank() && count <= kMaxWindow &&
         areOnes(op, "base_dilations") && areOnes(op, "window_dilations") &&
         (!padding || padding.getNumElements() == 2 * type.getRank());
}

/// Small windows, as of pooling: slices of the padded tensor, one for each
/// place in a window, that are combined.
LogicalResult StableHLOImporter::importPooling(Operation *op) {
  Value source = get(op->getOperand(0)), init = get(op->getOperand(1));
  RankedTensorType from = typeOf(source), type = typeOf(op->getResult(0));
  unsigned rank = from.getRank();
  ArrayRef<int64_t> windows = getNumbers(op, "window_dimensions");
  SmallVector<int64_t> strides(rank, 1);
  if (ArrayRef<int64_t> given = getNumbers(op, "window_strides");
      given.size() == rank)
    strides.assign(given.begin(), given.end());
  auto edges =
      dyn_cast_if_present<DenseIntElementsAttr>(getAttribute(op, "padding"));
  Padding padding(rank);
  for (unsigned i = 0; edges && i < rank; ++i) {
    padding.low[i] = edges.getValues<APInt>()[2 * i].getSExtValue();
    padding.high[i] = edges.getValues<APInt>()[2 * i + 1].getSExtValue();
  }
  for (unsigned i = 0; i < rank; ++i) {
    int64_t room = padding.sizeOf(i, from.getDimSize(i)) - windows[i];
    if (windows[i] < 1 || strides[i] < 1 || room < 0 ||
        type.getDimSize(i) != room / strides[i] + 1)
      return refuse(op, "its windows do not fit its types");
  }
  Location loc = op->getLoc();
  Value padded = padTensor(b, loc, source, init, padding);
  Value sum = fillTensor(b, loc, init, type);
  SmallVector<int64_t> at(rank, 0);
  AffineMap all = identity(rank);
  bool isKnown = true;
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    SmallVector<Value> made = emitBlock(inner, loc, op->getRegion(0).front(),
                                        {scalars[1], scalars[0]});
    isKnown &= !made.empty();
    return made.empty() ? SmallVector<Value>{scalars[1]} : made;
  };
  auto next = [&] { // Counts through the places of a window.
    unsigned i = rank;
    while (i > 0 && ++at[i - 1] == windows[i - 1])
      at[--i] = 0;
    return i > 0;
  };
  do {
    Value slice = tensor::ExtractSliceOp::create(
        b, loc, type, padded, getAsIndexOpFoldResult(b.getContext(), at),
        getAsIndexOpFoldResult(b.getContext(), type.getShape()),
        getAsIndexOpFoldResult(b.getContext(), strides));
    sum = buildGeneric(b, loc, rank, {{slice, all}}, {{sum, all}}, body)[0];
  } while (next());
  set(op, sum);
  return isKnown ? success()
                 : refuse(op, "no import is known of an op of its region");
}

/// What JAX makes of cumsum, cummax and the like: a scan. The op promises that
/// its region is associative and that its initial values change nothing.
LogicalResult StableHLOImporter::importReduceWindow(Operation *op) {
  unsigned count = op->getNumResults();
  if (op->getNumOperands() != 2 * count)
    return refuse(op, "it lacks the operands or results of such an op");
  SmallVector<Value> sources = get(op->getOperands().take_front(count));
  std::optional<Growth> growth = findGrowth(op, typeOf(sources[0]).getShape());
  if (!growth && count == 1 && isPooling(op, typeOf(sources[0])) &&
      combinesTuples(op, sources))
    return importPooling(op);
  if (!growth)
    return refuse(op, "only a cumulative reduction along one dimension, as of "
                      "jnp.cumsum, and windows of up to " +
                          Twine(kMaxWindow) +
                          " elements without dilations have an import");
  if (!combinesTuples(op, sources) ||
      TypeRange(op->getResults()) != TypeRange(ValueRange(sources)))
    return refuse(op, "its types do not fit its region");
  Location loc = op->getLoc();
  auto scan = AssociativeScanOp::create(b, loc, op->getResultTypes(), sources,
                                        /*identity=*/ValueRange(),
                                        growth->dimension, /*exclusive=*/false,
                                        growth->direction, StrategyAttr());
  SmallVector<Type> types;
  for (unsigned i = 0; i < 2 * count; ++i)
    types.push_back(typeOf(sources[i % count]).getElementType());
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&scan.getCombiner(), {}, types,
                              SmallVector<Location>(types.size(), loc));
  SmallVector<Value> made =
      emitBlock(b, loc, op->getRegion(0).front(), body->getArguments());
  if (made.empty())
    return refuse(op, "no import is known of an op of its region");
  YieldOp::create(b, loc, made);
  map.map(op->getResults(), scan.getResults());
  return success();
}
