//===- TimeDims.cpp - Which dimensions are time ---------------------------===//
//
// One walk unites the dimensions that an op's maps, or its shape, identify. A
// slice or a pad keeps its dimensions though their sizes change: time with some
// of the past before it is time. The lag of a kernel is not.
//
//===----------------------------------------------------------------------===//
#include "TimeDims.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

TimeDims::TimeDims(func::FuncOp func) {
  func.walk([&](Operation *op) { visit(op); });
  for (Key seed : seeds)
    leaders.insert(classes.getOrInsertLeaderValue(seed));
}

bool TimeDims::isTime(Key key) const {
  auto it = classes.findLeader(key);
  return it != classes.member_end() && leaders.contains(*it);
}

static unsigned rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : 0;
}

std::optional<unsigned> TimeDims::of(Value value) const {
  for (unsigned dim = 0, rank = rankOf(value); dim < rank; ++dim)
    if (isTime({value, dim}))
      return dim;
  return std::nullopt;
}

bool TimeDims::isAmbiguous(Value value) const {
  return llvm::count_if(llvm::seq(rankOf(value)),
                        [&](unsigned dim) { return isTime({value, dim}); }) > 1;
}

std::optional<std::pair<Value, unsigned>>
TimeDims::argumentOf(Value value, unsigned dim) const {
  auto it = classes.findLeader({value, dim});
  for (; it != classes.member_end(); ++it)
    if (auto arg = dyn_cast<BlockArgument>(it->first);
        arg && isa<func::FuncOp>(arg.getOwner()->getParentOp()))
      return *it;
  return std::nullopt;
}

void TimeDims::join(Value a, unsigned i, Value b, unsigned j) {
  classes.unionSets(Key{a, i}, Key{b, j});
}

void TimeDims::joinAll(Value a, Value b) {
  for (unsigned dim = 0, rank = std::min(rankOf(a), rankOf(b)); dim < rank;
       ++dim)
    join(a, dim, b, dim);
}

/// The loop that an index expression follows: d, or d + c * tap.
static std::optional<unsigned> followedLoop(AffineExpr expr,
                                            const llvm::SmallBitVector &outer) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition();
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return std::nullopt;
  for (AffineExpr part : {sum.getLHS(), sum.getRHS()})
    if (auto dim = dyn_cast<AffineDimExpr>(part);
        dim && outer[dim.getPosition()])
      return dim.getPosition();
  return std::nullopt;
}

void TimeDims::visitMaps(Operation *op,
                         ArrayRef<std::pair<Value, AffineMap>> maps) {
  llvm::SmallBitVector outer(maps[0].second.getNumDims());
  for (AffineExpr expr : maps.back().second.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      outer.set(dim.getPosition());
  auto conv = dyn_cast<LongConvOp>(op);
  llvm::SmallDenseMap<unsigned, Key> loops;
  for (auto [i, entry] : llvm::enumerate(maps))
    for (auto [pos, expr] : llvm::enumerate(entry.second.getResults())) {
      std::optional<unsigned> loop = followedLoop(expr, outer);
      if (!loop || (conv && i == 1 && *loop == conv.getTime()))
        continue;
      Key key{entry.first, static_cast<unsigned>(pos)};
      auto [it, isNew] = loops.try_emplace(*loop, key);
      join(it->second.first, it->second.second, key.first, key.second);
    }
}

void TimeDims::visit(Operation *op) {
  SmallVector<std::pair<Value, AffineMap>> maps;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    for (OpOperand &operand : op->getOpOperands())
      maps.push_back(
          {operand.get(), linalgOp.getMatchingIndexingMap(&operand)});
    visitMaps(op, maps);
    for (auto [init, result] :
         llvm::zip(linalgOp.getDpsInits(), op->getResults()))
      joinAll(init, result);
  } else if (isa<IndexedOpInterface, DiscretizeOp>(op)) {
    SmallVector<Value> values;
    if (auto indexed = dyn_cast<IndexedOpInterface>(op))
      values = indexed.getIndexedOperands();
    else
      llvm::append_range(values, op->getOperands());
    llvm::append_range(values, op->getResults());
    auto attrs = op->getAttrOfType<ArrayAttr>("indexing_maps");
    for (auto [value, attr] : llvm::zip(values, attrs))
      maps.push_back({value, cast<AffineMapAttr>(attr).getValue()});
    visitMaps(op, maps);
    auto indexed = dyn_cast<IndexedOpInterface>(op);
    if (indexed && !isa<MaterializeKernelOp>(op))
      for (auto [i, entry] : llvm::enumerate(maps))
        if (auto pos = positionOf(entry.second, indexed.getTimeDim());
            pos && !(isa<LongConvOp>(op) && i == 1))
          seeds.push_back({entry.first, *pos});
  } else if (auto scan = dyn_cast<AssociativeScanOp>(op)) {
    for (Value value : scan->getOperands().take_front(scan.getNumResults()))
      joinAll(value, scan.getResult(0));
    for (Value result : scan.getResults()) {
      joinAll(result, scan.getResult(0));
      seeds.push_back({result, static_cast<unsigned>(scan.getDimension())});
    }
  } else {
    visitTensorOp(op);
  }
}

/// Whether a slice of `size` still runs over all of a dimension, but for a
/// little of the past: rather more than half.
static bool keepsDim(int64_t source, int64_t size) {
  return ShapedType::isDynamic(size) ||
         (!ShapedType::isDynamic(source) && size > source / 2);
}

void TimeDims::visitTensorOp(Operation *op) {
  if (OpTrait::hasElementwiseMappableTraits(op)) {
    for (Value operand : op->getOperands())
      joinAll(operand, op->getResult(0));
    return;
  }
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tensor::CastOp cast) {
        joinAll(cast.getSource(), cast.getDest());
      })
      .Case(
          [&](tensor::PadOp pad) { joinAll(pad.getSource(), pad.getResult()); })
      .Case([&](tensor::ExtractSliceOp slice) {
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        unsigned to = 0;
        for (unsigned dim = 0; dim < dropped.size(); ++dim) {
          if (dropped[dim])
            continue;
          if (keepsDim(slice.getSourceType().getDimSize(dim),
                       slice.getType().getDimSize(to)))
            join(slice.getSource(), dim, slice.getResult(), to);
          ++to;
        }
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>([&](auto reshape) {
        bool expands = isa<tensor::ExpandShapeOp>(op);
        for (auto [dim, group] :
             llvm::enumerate(reshape.getReassociationIndices())) {
          unsigned one = dim, other = group[0];
          if (group.size() == 1)
            join(reshape.getSrc(), expands ? one : other, reshape.getResult(),
                 expands ? other : one);
        }
      });
}
