//===- StableHLOLoops.cpp - Loops, branches and indices of StableHLO ------===//
#include "StableHLO.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace ssm;

/// Where a number that counts beside a loop's counter may begin.
static constexpr int64_t kMaxFirst = int64_t(1) << 30;

/// The one element of a tensor of rank 0.
static Value extract(OpBuilder &b, Location loc, Value tensor) {
  return tensor::ExtractOp::create(b, loc, tensor, ValueRange());
}

static Value index(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

std::optional<int64_t> StableHLOImporter::constantOf(Value old) {
  Operation *op = old.getDefiningOp();
  if (!op || op->getName().getStringRef() != "stablehlo.constant") {
    // Of an outer block, which has been imported.
    APInt number;
    Value known = map.lookupOrNull(old);
    return known && matchPattern(known, m_ConstantInt(&number))
               ? std::optional(number.getSExtValue())
               : std::nullopt;
  }
  auto value =
      dyn_cast_if_present<DenseIntElementsAttr>(getAttribute(op, "value"));
  if (!value || !value.isSplat() || value.getNumElements() != 1)
    return std::nullopt;
  return value.getSplatValue<APInt>().getSExtValue();
}

/// Integers of rank 0 are followed as indices, for the places of slices. Bounds
/// are kept, since an index is wider and does not wrap around where they do.
/// The bool of a comparison that the bounds decide has these bounds, too.
void StableHLOImporter::noteIndex(Operation *op, StringRef name) {
  Value result = get(op->getResult(0));
  auto type = typeOf(result);
  if (type.getRank() != 0 || !type.getElementType().isSignlessInteger() ||
      (type.getElementType().isInteger(1) && name != "compare"))
    return;
  Location loc = op->getLoc();
  if (name == "constant") {
    if (std::optional<int64_t> value = constantOf(op->getResult(0)))
      indices[result] = {index(b, loc, *value), *value, *value};
    return;
  }
  SmallVector<Index> args;
  for (Value operand : get(op->getOperands())) {
    auto found = indices.find(operand);
    if (found == indices.end())
      return;
    args.push_back(found->second);
  }
  Index made;
  if (name == "compare") {
    // As of an index that may count from the end.
    if (getKeyword(op, "comparison_direction", "comparison_direction") ==
            "LT" &&
        args[0].low >= args[1].high)
      indices[result] = {index(b, loc, 0), 0, 0};
    return;
  }
  if (name == "select") {
    if (args[0].low == 0 && args[0].high == 0)
      indices[result] = args[2];
    return;
  }
  if (name == "convert" && args.size() == 1)
    made = args[0];
  else if (name == "add")
    made = {arith::AddIOp::create(b, loc, args[0].value, args[1].value),
            args[0].low + args[1].low, args[0].high + args[1].high};
  else if (name == "subtract")
    made = {arith::SubIOp::create(b, loc, args[0].value, args[1].value),
            args[0].low - args[1].high, args[0].high - args[1].low};
  else
    return;
  // Also keeps sums of bounds from wrapping around themselves.
  unsigned bits = std::min(type.getElementTypeBitWidth(), 62u);
  int64_t most = (int64_t(1) << (bits - 1)) - 1;
  if (made.low >= -most - 1 && made.high <= most)
    indices[result] = made;
}

OpFoldResult StableHLOImporter::placeOf(Value start, int64_t max) {
  Location loc = start.getLoc();
  auto found = indices.find(start);
  Index place;
  if (found != indices.end()) {
    place = found->second;
  } else {
    Value number = extract(b, loc, start);
    place = {arith::IndexCastOp::create(b, loc, b.getIndexType(), number),
             std::numeric_limits<int64_t>::min(),
             std::numeric_limits<int64_t>::max()};
  }
  if (place.low == place.high)
    return b.getIndexAttr(std::clamp<int64_t>(place.low, 0, max));
  if (place.low < 0)
    place.value = arith::MaxSIOp::create(b, loc, place.value, index(b, loc, 0));
  if (place.high > max)
    place.value =
        arith::MinSIOp::create(b, loc, place.value, index(b, loc, max));
  return place.value;
}

/// Whether `op` is `name` of two operands.
static bool isBinary(Operation *op, StringRef name) {
  return op && op->getName().getStringRef() == name &&
         op->getNumOperands() == 2;
}

/// A loop while a carried integer is below a constant, which adds 1 to it.
std::optional<StableHLOImporter::Count>
StableHLOImporter::findCount(Operation *op) {
  Block &cond = op->getRegion(0).front(), &body = op->getRegion(1).front();
  Operation *compare = cond.back().getOperand(0).getDefiningOp();
  if (!isBinary(compare, "stablehlo.compare") ||
      getKeyword(compare, "comparison_direction", "comparison_direction") !=
          "LT")
    return std::nullopt;
  auto counter = dyn_cast<BlockArgument>(compare->getOperand(0));
  if (!counter || counter.getOwner() != &cond)
    return std::nullopt;
  unsigned number = counter.getArgNumber();
  // The end may be carried too, as it is.
  Value limit = compare->getOperand(1);
  if (auto carried = dyn_cast<BlockArgument>(limit);
      carried && carried.getOwner() == &cond) {
    unsigned i = carried.getArgNumber();
    if (body.back().getOperand(i) != body.getArgument(i))
      return std::nullopt;
    limit = op->getOperand(i);
  }
  Operation *add = body.back().getOperand(number).getDefiningOp();
  if (!isBinary(add, "stablehlo.add"))
    return std::nullopt;
  unsigned side = add->getOperand(0) == body.getArgument(number) ? 0 : 1;
  std::optional<int64_t> step = constantOf(add->getOperand(1 - side)),
                         first = constantOf(op->getOperand(number)),
                         end = constantOf(limit);
  if (add->getOperand(side) != body.getArgument(number) || step != 1 ||
      !first || !end || *first > *end)
    return std::nullopt;
  return Count{number, *first, *end};
}

/// What an iteration adds to a carried integer, if that is a constant; it may
/// do so in a function that it calls.
std::optional<int64_t> StableHLOImporter::stepOf(Operation *loop,
                                                 unsigned number) {
  Block &body = loop->getRegion(1).front();
  Value before = body.getArgument(number),
        after = body.back().getOperand(number);
  if (auto call = after.getDefiningOp<func::CallOp>()) {
    auto func = symbols.lookup<func::FuncOp>(call.getCallee());
    auto argument = llvm::find(call.getOperands(), before);
    if (!func || !llvm::hasSingleElement(func.getBody()) ||
        argument == call.getOperands().end() ||
        func.front().getNumArguments() != call.getNumOperands() ||
        func.front().back().getNumOperands() != call.getNumResults())
      return std::nullopt;
    before = func.front().getArgument(argument - call.getOperands().begin());
    after =
        func.front().back().getOperand(cast<OpResult>(after).getResultNumber());
  }
  Operation *add = after.getDefiningOp();
  if (!isBinary(add, "stablehlo.add") || typeOf(before).getRank() != 0)
    return std::nullopt;
  unsigned side = add->getOperand(0) == before ? 0 : 1;
  return add->getOperand(side) == before ? constantOf(add->getOperand(1 - side))
                                         : std::nullopt;
}

/// The tensor of an index, with its bounds.
Value StableHLOImporter::tensorOf(Location loc, RankedTensorType type,
                                  Index index) {
  Value number =
      arith::IndexCastOp::create(b, loc, type.getElementType(), index.value);
  Value tensor = tensor::FromElementsOp::create(b, loc, type, number);
  indices[tensor] = index;
  return tensor;
}

LogicalResult StableHLOImporter::importCountedLoop(Operation *op, Count count) {
  Location loc = op->getLoc();
  Block &body = op->getRegion(1).front();
  // What an iteration hands on as it is, is the same in all of them.
  SmallVector<unsigned> carried;
  SmallVector<Value> inits;
  // Of integers beside the counter that count with it: the first.
  SmallVector<std::pair<unsigned, int64_t>> beside;
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    bool isSame = body.back().getOperand(i) == body.getArgument(i);
    std::optional<int64_t> first = constantOf(op->getOperand(i));
    if (isSame) {
      map.map(body.getArgument(i), get(op->getOperand(i)));
      map.map(op->getResult(i), get(op->getOperand(i)));
    } else if (i != count.number && first && std::abs(*first) < kMaxFirst &&
               stepOf(op, i) == 1) {
      beside.push_back({i, *first});
    } else if (i != count.number) {
      carried.push_back(i);
      inits.push_back(get(op->getOperand(i)));
    }
  }
  auto loop =
      scf::ForOp::create(b, loc, index(b, loc, count.first),
                         index(b, loc, count.end), index(b, loc, 1), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto type = cast<RankedTensorType>(op->getOperand(count.number).getType());
  map.map(body.getArgument(count.number),
          tensorOf(loc, type,
                   {loop.getInductionVar(), count.first, count.end - 1}));
  for (auto [i, first] : beside) {
    int64_t ahead = first - count.first;
    Value here = loop.getInductionVar();
    if (ahead != 0)
      here = arith::AddIOp::create(b, loc, here, index(b, loc, ahead));
    map.map(body.getArgument(i),
            tensorOf(loc, typeOf(body.getArgument(i)),
                     {here, first, count.end - 1 + ahead}));
  }
  for (auto [i, arg] : llvm::zip_equal(carried, loop.getRegionIterArgs()))
    map.map(body.getArgument(i), arg);
  SmallVector<Value> results;
  if (failed(importBlock(body, results)))
    return failure();
  SmallVector<Value> next =
      llvm::map_to_vector(carried, [&](unsigned i) { return results[i]; });
  if (!next.empty())
    scf::YieldOp::create(b, loc, next);
  b.setInsertionPointAfter(loop);
  for (auto [i, result] : llvm::zip_equal(carried, loop.getResults()))
    map.map(op->getResult(i), result);
  auto mapEnd = [&](unsigned i, int64_t value) {
    RankedTensorType type = typeOf(op->getResult(i));
    Attribute end = b.getIntegerAttr(type.getElementType(), value);
    map.map(op->getResult(i), arith::ConstantOp::create(
                                  b, loc, DenseElementsAttr::get(type, end)));
  };
  mapEnd(count.number, count.end);
  for (auto [i, first] : beside)
    mapEnd(i, first + count.end - count.first);
  return success();
}

/// Blocks of a region that the dialect requires, with these arguments.
static bool hasBlocks(Operation *op, unsigned regions, TypeRange arguments) {
  return op->getNumRegions() == regions &&
         llvm::all_of(op->getRegions(), [&](Region &region) {
           return llvm::hasSingleElement(region) && !region.front().empty() &&
                  region.front().getArgumentTypes() == arguments;
         });
}

static bool returns(Block &block, TypeRange types) {
  return block.back().getName().getStringRef() == "stablehlo.return" &&
         block.back().getOperandTypes() == types;
}

LogicalResult StableHLOImporter::importWhile(Operation *op) {
  TypeRange types(op->getOperands());
  auto flag = RankedTensorType::get({}, b.getI1Type());
  if (!hasBlocks(op, 2, types) || TypeRange(op->getResults()) != types ||
      !returns(op->getRegion(0).front(), Type(flag)) ||
      !returns(op->getRegion(1).front(), types))
    return refuse(op, "its types do not fit its regions");
  if (std::optional<Count> count = findCount(op))
    return importCountedLoop(op, *count);
  Location loc = op->getLoc();
  auto loop = scf::WhileOp::create(b, loc, types, get(op->getOperands()));
  for (unsigned i = 0; i < 2; ++i) {
    OpBuilder::InsertionGuard guard(b);
    Block &block = op->getRegion(i).front();
    SmallVector<Location> locs(types.size(), loc);
    Region &region = loop->getRegion(i);
    map.map(block.getArguments(),
            b.createBlock(&region, region.end(), types, locs)->getArguments());
    SmallVector<Value> results;
    if (failed(importBlock(block, results)))
      return failure();
    if (i == 0)
      scf::ConditionOp::create(b, loc, extract(b, loc, results[0]),
                               loop.getBeforeArguments());
    else
      scf::YieldOp::create(b, loc, results);
  }
  map.map(op->getResults(), loop.getResults());
  return success();
}

LogicalResult StableHLOImporter::importBranch(Operation *op, Block &block,
                                              Region &region) {
  OpBuilder::InsertionGuard guard(b);
  if (region.empty())
    region.emplaceBlock();
  b.setInsertionPointToStart(&region.front());
  SmallVector<Value> results;
  if (failed(importBlock(block, results)))
    return failure();
  scf::YieldOp::create(b, op->getLoc(), results);
  return success();
}

static bool hasBranches(Operation *op, unsigned regions) {
  return op->getNumOperands() == 1 && hasBlocks(op, regions, {}) &&
         llvm::all_of(op->getRegions(), [&](Region &region) {
           return returns(region.front(), op->getResultTypes());
         });
}

LogicalResult StableHLOImporter::importIf(Operation *op) {
  auto flag = RankedTensorType::get({}, b.getI1Type());
  if (!hasBranches(op, 2) || op->getOperand(0).getType() != flag)
    return refuse(op, "its types do not fit its regions");
  Location loc = op->getLoc();
  auto branch = scf::IfOp::create(b, loc, op->getResultTypes(),
                                  extract(b, loc, get(op->getOperand(0))),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (unsigned i = 0; i < 2; ++i)
    if (failed(
            importBranch(op, op->getRegion(i).front(), branch->getRegion(i))))
      return failure();
  map.map(op->getResults(), branch.getResults());
  return success();
}

/// The branch of that number; of another, the last.
LogicalResult StableHLOImporter::importCase(Operation *op) {
  auto number = RankedTensorType::get({}, b.getI32Type());
  unsigned count = op->getNumRegions();
  if (count == 0 || !hasBranches(op, count) ||
      op->getOperand(0).getType() != number)
    return refuse(op, "its types do not fit its regions");
  Location loc = op->getLoc();
  Value which = arith::IndexCastOp::create(
      b, loc, b.getIndexType(), extract(b, loc, get(op->getOperand(0))));
  SmallVector<int64_t> cases =
      llvm::to_vector(llvm::seq<int64_t>(0, count - 1));
  auto branch = scf::IndexSwitchOp::create(b, loc, op->getResultTypes(), which,
                                           cases, count - 1);
  for (unsigned i = 0; i < count; ++i) {
    Region &region =
        i + 1 < count ? branch.getCaseRegions()[i] : branch.getDefaultRegion();
    if (failed(importBranch(op, op->getRegion(i).front(), region)))
      return failure();
  }
  map.map(op->getResults(), branch.getResults());
  return success();
}

LogicalResult StableHLOImporter::importComposite(Operation *op) {
  return importCall(op, dyn_cast_if_present<FlatSymbolRefAttr>(
                            getAttribute(op, "decomposition")));
}

LogicalResult StableHLOImporter::importBarrier(Operation *op) {
  map.map(op->getResults(), get(op->getOperands()));
  return success();
}
