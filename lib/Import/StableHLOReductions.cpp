//===- StableHLOReductions.cpp - Reductions of StableHLO ------------------===//
#include "StableHLO.h"

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

/// Whether the op's only region combines two tuples of scalars, of the types of
/// `values`, to one.
static bool combinesTuples(Operation *op, ValueRange values) {
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

/// What the block makes of scalars; none if it has an op without an import.
static SmallVector<Value> emitBlock(OpBuilder &b, Location loc, Block &block,
                                    ValueRange scalars) {
  IRMapping map;
  map.map(block.getArguments(), scalars);
  for (Operation &op : llvm::drop_end(block)) {
    StringRef name = op.getName().getStringRef();
    if (!name.consume_front("stablehlo.") || op.getNumResults() != 1)
      return {};
    Value made;
    if (name == "constant") {
      auto value =
          dyn_cast_if_present<DenseElementsAttr>(getAttribute(&op, "value"));
      if (value && value.getNumElements() == 1 &&
          isa<TypedAttr>(value.getSplatValue<Attribute>()))
        made = arith::ConstantOp::create(
            b, loc, cast<TypedAttr>(value.getSplatValue<Attribute>()));
    } else if (llvm::all_of(op.getOperands(),
                            [&](Value x) { return map.contains(x); })) {
      auto args = llvm::map_to_vector(op.getOperands(),
                                      [&](Value x) { return map.lookup(x); });
      made = emitScalar(
          b, loc, name,
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

/// What JAX makes of cumsum, cummax and the like: a scan. The op promises that
/// its region is associative and that its initial values change nothing.
LogicalResult StableHLOImporter::importReduceWindow(Operation *op) {
  unsigned count = op->getNumResults();
  if (op->getNumOperands() != 2 * count)
    return refuse(op, "it lacks the operands or results of such an op");
  SmallVector<Value> sources = get(op->getOperands().take_front(count));
  std::optional<Growth> growth = findGrowth(op, typeOf(sources[0]).getShape());
  if (!growth)
    return refuse(op, "only a cumulative reduction along one dimension, as of "
                      "jnp.cumsum, has an import");
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
