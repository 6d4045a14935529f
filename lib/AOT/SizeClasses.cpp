//===- SizeClasses.cpp - Which tensor sizes must be equal -----------------===//
//
// One walk over the function; each operation contributes the equalities that
// its semantics demand. Operations are known by interface where one exists, so
// that any structured operation with `indexing_maps` takes part without being
// named here, but for what its maps do not say: a convolution's lag. Sizes
// computed by arithmetic are left in classes of their own.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/SizeClasses.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMOps.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ssm {

SizeClasses::SizeClasses(func::FuncOp func) {
  func->walk([&](Operation *op) { visit(op); });
}

unsigned SizeClasses::classOf(Value tensor, unsigned dim) {
  return find({tensor, dim});
}

std::optional<int64_t> SizeClasses::constantOf(unsigned classId) const {
  return constant[classId];
}

/// The root of the class of `key`, made on first use. Static sizes and index
/// constants give a new class its constant.
unsigned SizeClasses::find(Key key) {
  auto [it, isNew] = ids.try_emplace(key, parent.size());
  if (isNew) {
    parent.push_back(parent.size());
    std::optional<int64_t> size;
    if (key.second == indexValue)
      size = getConstantIntValue(key.first);
    else if (auto type = cast<RankedTensorType>(key.first.getType());
             !type.isDynamicDim(key.second))
      size = type.getDimSize(key.second);
    constant.push_back(size);
  }
  unsigned id = it->second;
  while (parent[id] != id)
    id = parent[id] = parent[parent[id]];
  return id;
}

void SizeClasses::unite(Key a, Key b, Operation *op) {
  unsigned ra = find(a), rb = find(b);
  if (ra == rb)
    return;
  if (constant[ra] && constant[rb] && *constant[ra] != *constant[rb]) {
    found.push_back({op, *constant[ra], *constant[rb]});
    return;
  }
  parent[rb] = ra;
  if (!constant[ra])
    constant[ra] = constant[rb];
}

void SizeClasses::uniteConstant(Key key, int64_t size, Operation *op) {
  unsigned root = find(key);
  if (constant[root] && *constant[root] != size)
    found.push_back({op, *constant[root], size});
  constant[root] = size;
}

/// Unites all dimensions of two values if both are tensors of one rank.
void SizeClasses::uniteShapes(Value a, Value b, Operation *op) {
  auto ta = dyn_cast<RankedTensorType>(a.getType());
  auto tb = dyn_cast<RankedTensorType>(b.getType());
  if (!ta || !tb || ta.getRank() != tb.getRank())
    return;
  for (unsigned dim = 0, rank = ta.getRank(); dim < rank; ++dim)
    unite({a, dim}, {b, dim}, op);
}

void SizeClasses::uniteSizes(Value tensor, ArrayRef<OpFoldResult> sizes,
                             Operation *op) {
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (auto value = dyn_cast<Value>(size))
      unite({tensor, dim}, {value, indexValue}, op);
    else
      uniteConstant({tensor, static_cast<unsigned>(dim)},
                    *getConstantIntValue(size), op);
  }
}

/// Whether all tensors among the operands and results have one shape.
static bool keepsShape(Operation *op) {
  return OpTrait::hasElementwiseMappableTraits(op) ||
         op->hasTrait<OpTrait::SameOperandsAndResultType>() ||
         isa<AssociativeScanOp>(op);
}

/// Whether the value is a kernel whose loop dimension counts lags: there may be
/// more or fewer than time steps.
static bool isLag(Operation *op, unsigned operand, unsigned loop) {
  auto conv = dyn_cast<LongConvOp>(op);
  return conv && operand == 1 && loop == conv.getTimeDim();
}

void SizeClasses::visit(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    visitIndexingMaps(op, linalgOp.getIndexingMaps());
  else if (auto maps = op->getAttrOfType<ArrayAttr>("indexing_maps"))
    visitIndexingMaps(op, maps);

  if (auto dps = dyn_cast<DestinationStyleOpInterface>(op))
    for (OpResult result : op->getResults())
      uniteShapes(result, dps.getTiedOpOperand(result)->get(), op);

  if (keepsShape(op)) {
    SmallVector<Value> values(op->getOperands());
    llvm::append_range(values, op->getResults());
    llvm::erase_if(values,
                   [](Value v) { return !isa<ShapedType>(v.getType()); });
    for (size_t i = 1; i < values.size(); ++i)
      uniteShapes(values[0], values[i], op);
  }
  visitTensorOp(op);
  visitRegions(op);
}

/// Two dimensions indexed by the same loop have the same size. Maps belong to
/// the ranked tensors among the operands, then (if there are enough maps)
/// among the results.
void SizeClasses::visitIndexingMaps(Operation *op, ArrayAttr maps) {
  SmallVector<Value> tensors(op->getOperands());
  llvm::append_range(tensors, op->getResults());
  llvm::erase_if(tensors,
                 [](Value v) { return !isa<RankedTensorType>(v.getType()); });
  if (isa<linalg::LinalgOp>(op))
    tensors.assign(op->operand_begin(), op->operand_end());
  if (maps.size() > tensors.size())
    return;
  DenseMap<unsigned, Key> loops;
  for (auto [i, value, attr] :
       llvm::zip(llvm::seq<unsigned>(0, maps.size()), tensors, maps)) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    if (!type || map.getNumResults() != type.getRank())
      continue;
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop || isLag(op, i, loop.getPosition()))
        continue;
      Key key{value, static_cast<unsigned>(dim)};
      auto [it, isNew] = loops.try_emplace(loop.getPosition(), key);
      if (!isNew)
        unite(it->second, key, op);
    }
  }
  // A transition that mixes is square.
  auto row = op->getAttrOfType<IntegerAttr>("row");
  auto column = op->getAttrOfType<IntegerAttr>("column");
  if (isa<LinearRecurrenceOp, MaterializeKernelOp>(op) && row && column)
    unite(loops[row.getInt()], loops[column.getInt()], op);
}

/// Operations that measure, create or reinterpret tensors.
void SizeClasses::visitTensorOp(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tensor::DimOp dim) {
        if (auto index = dim.getConstantIndex())
          if (isa<RankedTensorType>(dim.getSource().getType()))
            unite({dim.getSource(), static_cast<unsigned>(*index)},
                  {dim.getResult(), indexValue}, op);
      })
      .Case<tensor::EmptyOp, tensor::SplatOp, bufferization::AllocTensorOp>(
          [&](auto create) {
            auto sizes = create.getType().getShape();
            auto dynamic = create->getOperands().take_back(
                create.getType().getNumDynamicDims());
            for (unsigned dim = 0, next = 0; dim < sizes.size(); ++dim)
              if (ShapedType::isDynamic(sizes[dim]) && next < dynamic.size())
                unite({create->getResult(0), dim},
                      {dynamic[next++], indexValue}, op);
          })
      .Case([&](MaterializeKernelOp kernel) {
        auto lag = positionOf(kernel.getResultMap(0), kernel.getTimeDim());
        if (kernel.getLength())
          unite({kernel.getResult(), *lag}, {kernel.getLength(), indexValue},
                op);
      })
      .Case([&](FFTOp fft) {
        auto type = cast<RankedTensorType>(fft.getType());
        for (unsigned dim = 0, rank = type.getRank(); dim < rank; ++dim)
          if (dim != fft.getDimension())
            unite({fft.getOperand(), dim}, {fft.getResult(), dim}, op);
      })
      .Case([&](tensor::GenerateOp generate) {
        unsigned next = 0;
        auto type = cast<RankedTensorType>(generate.getType());
        for (unsigned dim = 0, rank = type.getRank(); dim < rank; ++dim)
          if (type.isDynamicDim(dim))
            unite({generate.getResult(), dim},
                  {generate.getDynamicExtents()[next++], indexValue}, op);
      })
      .Case([&](tensor::CastOp cast) {
        uniteShapes(cast.getSource(), cast.getDest(), op);
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        SmallVector<OpFoldResult> kept;
        for (auto [dim, size] : llvm::enumerate(slice.getMixedSizes()))
          if (!dropped[dim])
            kept.push_back(size);
        uniteSizes(slice.getResult(), kept, op);
      })
      .Case<tensor::InsertSliceOp>([&](tensor::InsertSliceOp slice) {
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        SmallVector<OpFoldResult> kept;
        for (auto [dim, size] : llvm::enumerate(slice.getMixedSizes()))
          if (!dropped[dim])
            kept.push_back(size);
        uniteSizes(slice.getSource(), kept, op);
        uniteShapes(slice.getResult(), slice.getDest(), op);
      })
      .Case([&](tensor::InsertOp insert) {
        uniteShapes(insert.getResult(), insert.getDest(), op);
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        uniteSizes(expand.getResult(), expand.getMixedOutputShape(), op);
      })
      .Case([&](tensor::CollapseShapeOp collapse) {
        for (auto [dim, group] :
             llvm::enumerate(collapse.getReassociationIndices()))
          if (group.size() == 1)
            unite({collapse.getResult(), dim},
                  {collapse.getSrc(), static_cast<unsigned>(group[0])}, op);
      })
      .Case([&](tensor::ConcatOp concat) {
        unsigned along = concat.getDim();
        for (Value input : concat.getInputs())
          for (unsigned dim = 0, rank = concat.getType().getRank(); dim < rank;
               ++dim)
            if (dim != along)
              unite({concat.getResult(), dim}, {input, dim}, op);
      });
}

/// Values that a loop or a branch hands on keep their sizes.
void SizeClasses::visitRegions(Operation *op) {
  if (auto ifOp = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : {&ifOp.getThenRegion(), &ifOp.getElseRegion()})
      if (!region->empty() && ifOp.getNumResults())
        for (auto [result, value] :
             llvm::zip(ifOp.getResults(),
                       region->front().getTerminator()->getOperands()))
          uniteShapes(result, value, op);
  } else if (auto whileOp = dyn_cast<scf::WhileOp>(op)) {
    for (auto [init, arg, yielded] :
         llvm::zip(whileOp.getInits(), whileOp.getBeforeArguments(),
                   whileOp.getYieldOp().getOperands())) {
      uniteShapes(init, arg, op);
      uniteShapes(arg, yielded, op);
    }
    for (auto [passed, arg, result] :
         llvm::zip(whileOp.getConditionOp().getArgs(),
                   whileOp.getAfterArguments(), whileOp.getResults())) {
      uniteShapes(passed, arg, op);
      uniteShapes(passed, result, op);
    }
  } else if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
    for (auto [init, arg] :
         llvm::zip(loop.getInits(), loop.getRegionIterArgs()))
      uniteShapes(init, arg, op);
    for (auto [arg, yielded] :
         llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues()))
      uniteShapes(arg, yielded, op);
    if (auto results = loop.getLoopResults())
      for (auto [init, result] : llvm::zip(loop.getInits(), *results))
        uniteShapes(init, result, op);
  }
}

} // namespace ssm
