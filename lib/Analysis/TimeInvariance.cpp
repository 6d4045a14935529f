//===- TimeInvariance.cpp - Values that are constant along a dim ----------===//

#include "ssm/Analysis/TimeInvariance.h"

#include "DimDropper.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

Value DimDropper::drop(Value value, unsigned dim) {
  // What a callee's value is depends on the call.
  bool cached = calls.empty();
  if (cached) {
    // While its own value is sought, an argument of a recursive function counts
    // as unknown.
    auto [found, isNew] = done.try_emplace({value, dim}, Value());
    if (!isNew)
      return found->second ? found->second : blocked(value);
  }
  if (depth == kMaxDepth)
    return blocked(value);
  ++depth;
  Value result = dropUncached(value, dim);
  --depth;
  if (cached)
    done[{value, dim}] = result;
  return result;
}

Value DimDropper::dropUncached(Value value, unsigned dim) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return ofArgument(argument, dim);
  DenseElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)))
    return ofConstant(value, elements, dim);
  return TypeSwitch<Operation *, Value>(value.getDefiningOp())
      .Case<func::CallOp>(
          [&](func::CallOp op) { return ofCall(op, value, dim); })
      .Case<scf::ForOp>([&](scf::ForOp op) { return ofLoop(op, value, dim); })
      .Case<linalg::FillOp>(
          [&](linalg::FillOp op) { return ofFill(op, value, dim); })
      .Case<linalg::LinalgOp>(
          [&](linalg::LinalgOp op) { return ofLinalg(op, value, dim); })
      .Case<DiscretizeOp>(
          [&](DiscretizeOp op) { return ofDiscretize(op, value, dim); })
      .Case<tensor::SplatOp>([&](tensor::SplatOp op) -> Value {
        if (!builds(value))
          return value;
        return tensor::SplatOp::create(*b, op.getLoc(), op.getInput(),
                                       otherSizes(value, dim));
      })
      .Case<tensor::CastOp>([&](tensor::CastOp op) -> Value {
        Value source = drop(op.getSource(), dim);
        if (!source || !builds(value))
          return source;
        return tensor::CastOp::create(*b, op.getLoc(), typeWithout(value, dim),
                                      source);
      })
      .Case<tensor::ExtractSliceOp>(
          [&](tensor::ExtractSliceOp op) { return ofSlice(op, dim); })
      .Case<tensor::ExpandShapeOp>([&](tensor::ExpandShapeOp op) {
        return ofReshape(op, op.getReassociationIndices(), true, value, dim);
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp op) {
        return ofReshape(op, op.getReassociationIndices(), false, value, dim);
      })
      .Default([&](Operation *op) -> Value {
        if (OpTrait::hasElementwiseMappableTraits(op))
          return ofElementwise(op, value, dim);
        return blocked(value);
      });
}

SmallVector<OpFoldResult> DimDropper::otherSizes(Value value, unsigned dim) {
  ReifiedRankedShapedTypeDims shapes;
  SmallVector<OpFoldResult> sizes;
  Operation *op = value.getDefiningOp();
  if (op && succeeded(reifyResultShapes(*b, op, shapes)))
    sizes = shapes[cast<OpResult>(value).getResultNumber()];
  else
    sizes = tensor::getMixedSizes(*b, value.getLoc(), value);
  sizes.erase(sizes.begin() + dim);
  return sizes;
}

/// Splats, and other constants slice by slice.
Value DimDropper::ofConstant(Value value, DenseElementsAttr elements,
                             unsigned dim) {
  auto type = cast<RankedTensorType>(elements.getType());
  RankedTensorType narrow = typeWithout(value, dim);
  ArrayRef<char> data = elements.getRawData();
  if (elements.isSplat()) {
    if (!builds(value))
      return value;
    return arith::ConstantOp::create(
        *b, value.getLoc(), DenseElementsAttr::getFromRawBuffer(narrow, data));
  }
  if (elements.getElementType().isInteger(1) || type.getNumElements() == 0)
    return blocked(value);
  // Rows of `row` bytes, repeated `count` times in each outer slice.
  int64_t count = type.getDimSize(dim),
          row = data.size() / type.getNumElements();
  for (int64_t size : type.getShape().drop_front(dim + 1))
    row *= size;
  SmallVector<char> kept;
  for (size_t outer = 0; outer < data.size(); outer += count * row) {
    ArrayRef<char> first = data.slice(outer, row);
    for (int64_t i = 1; i < count; ++i)
      if (data.slice(outer + i * row, row) != first)
        return blocked(value);
    llvm::append_range(kept, first);
  }
  if (!builds(value))
    return value;
  return arith::ConstantOp::create(
      *b, value.getLoc(), DenseElementsAttr::getFromRawBuffer(narrow, kept));
}

/// Whether the value does not depend on what the loop changes.
static bool isInvariant(scf::ForOp loop, Value value) {
  if (loop.isDefinedOutsideOfLoop(value))
    return true;
  Operation *op = value.getDefiningOp();
  return op && op->getNumRegions() == 0 && isPure(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isInvariant(loop, operand);
         });
}

/// Whether `insert` writes a whole slice at index `at` of dimension `dim`.
static bool insertsSliceAt(tensor::InsertSliceOp insert, unsigned dim,
                           Value at) {
  if (insert.getSourceType().getRank() + 1 != insert.getType().getRank() ||
      !insert.getDroppedDims().test(dim) || !insert.hasUnitStride())
    return false;
  for (unsigned d = 0; d < insert.getType().getRank(); ++d) {
    OpFoldResult offset = insert.getMixedOffsets()[d];
    if (d == dim ? offset.dyn_cast<Value>() != at
                 : !isConstantIntValue(offset, 0) ||
                       insert.getType().isDynamicDim(d) ||
                       insert.getSourceType().getDimSize(d - (d > dim)) !=
                           insert.getType().getDimSize(d))
      return false;
  }
  return true;
}

/// A loop over all of the dimension that inserts the same slice everywhere, or
/// one that passes the value on.
Value DimDropper::ofLoop(scf::ForOp loop, Value value, unsigned dim) {
  unsigned number = cast<OpResult>(value).getResultNumber();
  Value yielded = loop.getYieldedValues()[number];
  BlockArgument carried = loop.getRegionIterArg(number);
  if (yielded == carried)
    return drop(loop.getInitArgs()[number], dim);
  auto insert = yielded.getDefiningOp<tensor::InsertSliceOp>();
  int64_t size = cast<RankedTensorType>(value.getType()).getDimSize(dim);
  if (!insert || insert.getDest() != carried ||
      !isConstantIntValue(loop.getLowerBound(), 0) ||
      !isConstantIntValue(loop.getStep(), 1) ||
      getConstantIntValue(loop.getUpperBound()) != size ||
      !insertsSliceAt(insert, dim, loop.getInductionVar()))
    return blocked(value);
  Value source = insert.getSource();
  if (!isInvariant(loop, source))
    return blocked(source);
  if (b)
    moveLoopInvariantCode(cast<LoopLikeOpInterface>(loop.getOperation()));
  return source;
}

/// Elementwise ops on tensors of one shape.
Value DimDropper::ofElementwise(Operation *op, Value value, unsigned dim) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (isa<RankedTensorType>(operand.getType()))
      operand = drop(operand, dim);
    if (!operand)
      return {};
    operands.push_back(operand);
  }
  if (!builds(value))
    return value;
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  Operation *narrow = b->clone(*op, mapping);
  for (OpResult result : narrow->getResults())
    result.setType(typeWithout(result, dim));
  return narrow->getResult(cast<OpResult>(value).getResultNumber());
}

/// The transition of a discretisation depends on A and dt alone.
Value DimDropper::ofDiscretize(DiscretizeOp op, Value value, unsigned dim) {
  unsigned number = cast<OpResult>(value).getResultNumber();
  auto at = cast<AffineDimExpr>(op.getResultMap(number).getResult(dim));
  unsigned loopDim = at.getPosition();
  unsigned operands = number == 0 ? 2 : op->getNumOperands();
  if (loopDim == op.getRow() || loopDim == op.getColumn())
    return blocked(value);
  SmallVector<Value> narrow;
  for (unsigned i = 0; i < operands; ++i) {
    Value operand = op->getOperand(i);
    std::optional<unsigned> use = positionOf(op.getMap(i), loopDim);
    if (use && !(operand = drop(operand, *use)))
      return {};
    narrow.push_back(operand);
  }
  if (!builds(value))
    return value;
  SmallVector<AffineMap> maps;
  for (unsigned i = 0; i < operands; ++i)
    maps.push_back(dropLoop(op.getMap(i), loopDim));
  SmallVector<Type> types;
  for (OpResult result : op->getResults()) {
    unsigned i = result.getResultNumber();
    // Without B and weight, all results are as large as the transition.
    unsigned shape = number == 0 ? 0 : i;
    AffineMap map = op.getResultMap(shape);
    std::optional<unsigned> use = positionOf(map, loopDim);
    auto type = cast<RankedTensorType>(op->getResult(shape).getType());
    types.push_back(use ? RankedTensorType::Builder(type).dropDim(*use) : type);
    maps.push_back(dropLoop(map, loopDim));
  }
  auto shift = [&](std::optional<uint64_t> d) {
    return d ? b->getI64IntegerAttr(*d > loopDim ? *d - 1 : *d) : IntegerAttr();
  };
  bool whole = number != 0;
  auto result = DiscretizeOp::create(
      *b, op.getLoc(), types, op.getMethodAttr(), narrow[0], narrow[1],
      whole && op.getInput() ? narrow[2] : Value(),
      whole && op.getWeight() ? narrow.back() : Value(),
      b->getAffineMapArrayAttr(maps), shift(op.getRow()),
      shift(op.getColumn()));
  return result->getResult(number);
}

/// Any part of a constant is constant.
Value DimDropper::ofSlice(tensor::ExtractSliceOp op, unsigned dim) {
  llvm::SmallBitVector dropped = op.getDroppedDims();
  unsigned sourceDim = 0;
  for (unsigned kept = 0;; ++sourceDim)
    if (!dropped.test(sourceDim) && kept++ == dim)
      break;
  Value source = drop(op.getSource(), sourceDim);
  if (!source || !builds(op.getResult()))
    return source;
  auto without = [&](SmallVector<OpFoldResult> values) {
    values.erase(values.begin() + sourceDim);
    return values;
  };
  return tensor::ExtractSliceOp::create(
      *b, op.getLoc(), typeWithout(op.getResult(), dim), source,
      without(op.getMixedOffsets()), without(op.getMixedSizes()),
      without(op.getMixedStrides()));
}

/// A reshape that leaves the dimension as it is.
Value DimDropper::ofReshape(Operation *op,
                            ArrayRef<ReassociationIndices> groups, bool expands,
                            Value value, unsigned dim) {
  const auto *group = llvm::find_if(groups, [&](const auto &indices) {
    return expands ? llvm::is_contained(indices, dim)
                   : &indices == &groups[dim];
  });
  unsigned narrow = group - groups.begin();
  if (group->size() != 1)
    return blocked(value);
  Value source = drop(op->getOperand(0), expands ? narrow : group->front());
  if (!source || !builds(value))
    return source;
  SmallVector<ReassociationIndices> rest;
  int64_t gone = group->front();
  for (const auto &[i, indices] : llvm::enumerate(groups)) {
    if (i == narrow)
      continue;
    rest.emplace_back();
    for (int64_t index : indices)
      rest.back().push_back(index > gone ? index - 1 : index);
  }
  if (expands)
    return tensor::ExpandShapeOp::create(*b, op->getLoc(),
                                         typeWithout(value, dim), source, rest,
                                         otherSizes(value, dim));
  return tensor::CollapseShapeOp::create(*b, op->getLoc(),
                                         typeWithout(value, dim), source, rest);
}

Value ssm::findBlocker(Value value, unsigned dim) {
  DimDropper dropper(nullptr);
  return dropper.drop(value, dim) ? Value() : dropper.blocker;
}

Value ssm::dropConstantDim(OpBuilder &b, Value value, unsigned dim) {
  OpBuilder::InsertionGuard guard(b);
  return DimDropper(&b).drop(value, dim);
}

std::string ssm::describeValue(Value value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    os << "argument #" << argument.getArgNumber() << " of ";
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto function = dyn_cast<func::FuncOp>(parent))
      os << '@' << function.getSymName();
    else
      os << '\'' << parent->getName() << '\'';
    return text;
  }
  os << "the result of '" << value.getDefiningOp()->getName() << '\'';
  if (auto at = value.getLoc()->findInstanceOf<FileLineColLoc>())
    os << " at " << at.getFilename().getValue() << ':' << at.getLine() << ':'
       << at.getColumn();
  return text;
}
