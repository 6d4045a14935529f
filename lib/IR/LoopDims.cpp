//===- LoopDims.cpp - Loop dimensions of an indexed op --------------------===//
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

std::optional<unsigned> ssm::positionOf(AffineMap map, uint64_t dim) {
  if (dim >= map.getNumDims())
    return std::nullopt;
  return map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
}

SmallVector<unsigned> ssm::dimsOf(AffineMap map) {
  SmallVector<unsigned> dims;
  for (AffineExpr expr : map.getResults())
    dims.push_back(cast<AffineDimExpr>(expr).getPosition());
  return dims;
}

/// Calls `fn(loop dimension, value, dimension of the value)` for every
/// dimension that says something about a loop dimension's size: the lag of a
/// convolution's kernel does not.
static void forEachDim(ssm::IndexedOpInterface op, ValueRange values,
                       unsigned firstMap,
                       function_ref<void(unsigned, Value, unsigned)> fn) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto conv = dyn_cast<ssm::LongConvOp>(op.getOperation());
  for (auto [i, value] : llvm::enumerate(values)) {
    bool isKernel =
        conv && firstMap == 0 && value == conv.getKernel() && i == 1;
    for (auto [pos, dim] : llvm::enumerate(ssm::dimsOf(maps[firstMap + i])))
      if (!(isKernel && dim == op.getTimeDim()))
        fn(dim, value, pos);
  }
}

SmallVector<int64_t> ssm::getStaticLoopSizes(IndexedOpInterface op) {
  SmallVector<int64_t> sizes(op.getNumLoops(), ShapedType::kDynamic);
  auto note = [&](unsigned dim, Value value, unsigned pos) {
    int64_t size = cast<ShapedType>(value.getType()).getDimSize(pos);
    if (!ShapedType::isDynamic(size))
      sizes[dim] = size;
  };
  SmallVector<Value> operands = op.getIndexedOperands();
  forEachDim(op, operands, 0, note);
  // Scalar results, which come last, have no maps.
  unsigned numResults = op.getIndexingMapsArray().size() - operands.size();
  forEachDim(op, op->getResults().take_front(numResults), operands.size(),
             note);
  return sizes;
}

SmallVector<OpFoldResult> ssm::getLoopSizes(OpBuilder &builder,
                                            IndexedOpInterface op) {
  SmallVector<OpFoldResult> sizes(op.getNumLoops());
  for (auto [dim, size] : llvm::enumerate(getStaticLoopSizes(op)))
    if (!ShapedType::isDynamic(size))
      sizes[dim] = builder.getIndexAttr(size);
  forEachDim(op, op.getIndexedOperands(), 0,
             [&](unsigned dim, Value value, unsigned pos) {
               if (!sizes[dim])
                 sizes[dim] =
                     tensor::getMixedSize(builder, op->getLoc(), value, pos);
             });
  return sizes;
}

SmallVector<OpFoldResult> ssm::applyMap(AffineMap map,
                                        ArrayRef<OpFoldResult> loopSizes) {
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(map))
    sizes.push_back(loopSizes[dim]);
  return sizes;
}

Type ssm::getRealType(Type element) {
  if (auto complexType = dyn_cast<ComplexType>(element))
    return complexType.getElementType();
  return element;
}

Type ssm::getWorkingType(TypeRange elements) {
  Type widest = Float32Type::get(elements.front().getContext());
  for (Type element : elements)
    if (getElementWidth(element) > getElementWidth(widest))
      widest = getRealType(element);
  return widest;
}

unsigned ssm::getElementWidth(Type element) {
  return getRealType(element).getIntOrFloatBitWidth();
}
