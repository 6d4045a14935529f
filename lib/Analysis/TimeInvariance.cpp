//===- TimeInvariance.cpp - Values that are constant along a dim ----------===//
//
// A value is constant along a dimension if it was repeated along it (a
// broadcast, a splat, a constant, a loop that writes one value to every place)
// or is an elementwise function of values that are. The proof and the rewrite
// are one recursion over the computation: without a builder it only proves,
// with one it makes the value that lacks the dimension.
//
//===----------------------------------------------------------------------===//

#include "ssm/Analysis/TimeInvariance.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/Inliner.h"
#include "mlir/Transforms/InliningUtils.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

namespace {
/// Proves values constant along a dimension and, with a builder, drops it.
class DimDropper {
public:
  explicit DimDropper(OpBuilder *b) : b(b) {}
  ~DimDropper() {
    for (func::CallOp call : inlined)
      call->erase();
  }

  /// The value without the dimension (while proving: any value), or null.
  Value drop(Value value, unsigned dim);

  /// The innermost value that could not be proved constant.
  Value blocker;

private:
  Value dropUncached(Value value, unsigned dim);
  Value ofConstant(Value value, DenseElementsAttr elements, unsigned dim);
  Value ofArgument(BlockArgument argument, unsigned dim);
  Value ofFunctionArgument(func::FuncOp function, BlockArgument argument,
                           unsigned dim);
  Value ofCall(func::CallOp call, Value value, unsigned dim);
  Value ofLoop(scf::ForOp loop, Value value, unsigned dim);
  Value ofLinalg(linalg::LinalgOp op, Value value, unsigned dim);
  Value rebuildLinalg(linalg::LinalgOp op, unsigned loopDim, ValueRange inputs,
                      Value init);
  Value ofFill(linalg::FillOp op, Value value, unsigned dim);
  Value ofElementwise(Operation *op, Value value, unsigned dim);
  Value ofDiscretize(DiscretizeOp op, Value value, unsigned dim);
  Value ofSlice(tensor::ExtractSliceOp op, unsigned dim);
  Value ofReshape(Operation *op, ArrayRef<ReassociationIndices> groups,
                  bool expands, Value value, unsigned dim);

  /// Sizes of `value` but for `dim`.
  SmallVector<OpFoldResult> otherSizes(Value value, unsigned dim);
  RankedTensorType typeWithout(Value value, unsigned dim) {
    auto type = cast<RankedTensorType>(value.getType());
    return RankedTensorType::Builder(type).dropDim(dim);
  }
  /// Puts the builder behind the value's definition; false while proving.
  bool builds(Value value) {
    if (b)
      b->setInsertionPointAfterValue(value);
    return b;
  }
  Value blocked(Value value) {
    if (!blocker)
      blocker = value;
    return {};
  }

  OpBuilder *b;
  DenseMap<std::pair<Value, unsigned>, Value> done;
  /// Calls whose callee is being looked into, while proving.
  SmallVector<func::CallOp> calls;
  /// Calls that were inlined: their results are keys of `done`.
  SmallVector<func::CallOp> inlined;
  unsigned depth = 0;
  /// Chains of this many ops are given up, so that the stack is bounded.
  static constexpr unsigned kMaxDepth = 256;
};
} // namespace

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

Value DimDropper::ofArgument(BlockArgument argument, unsigned dim) {
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto function = dyn_cast<func::FuncOp>(parent))
    return ofFunctionArgument(function, argument, dim);
  // A value that a loop passes on unchanged.
  if (auto loop = dyn_cast<scf::ForOp>(parent))
    if (OpOperand *init = loop.getTiedLoopInit(argument))
      if (loop.getTiedLoopYieldedValue(argument)->get() == argument)
        return drop(init->get(), dim);
  return blocked(argument);
}

/// The calls of a function that only calls can reach; nothing if there are
/// others.
static std::optional<SmallVector<func::CallOp>>
findCalls(func::FuncOp function) {
  if (!function.isPrivate() || !function.getBody().hasOneBlock())
    return std::nullopt;
  std::optional<SymbolTable::UseRange> uses =
      SymbolTable::getSymbolUses(function, function->getParentOp());
  if (!uses || uses->empty())
    return std::nullopt;
  SmallVector<func::CallOp> calls;
  for (SymbolTable::SymbolUse use : *uses) {
    auto call = dyn_cast<func::CallOp>(use.getUser());
    if (!call)
      return std::nullopt;
    calls.push_back(call);
  }
  return calls;
}

/// A private function's argument is constant if every caller's operand is.
Value DimDropper::ofFunctionArgument(func::FuncOp function,
                                     BlockArgument argument, unsigned dim) {
  unsigned number = argument.getArgNumber();
  if (!calls.empty() && calls.back().getCallee() == function.getSymName()) {
    func::CallOp call = calls.pop_back_val();
    Value result = drop(call.getOperand(number), dim);
    calls.push_back(call);
    return result;
  }
  std::optional<SmallVector<func::CallOp>> callers = findCalls(function);
  if (!callers)
    return blocked(argument);
  SmallVector<Value> passed;
  for (func::CallOp call : *callers)
    passed.push_back(drop(call.getOperand(number), dim));
  if (llvm::is_contained(passed, Value()))
    return blocked(argument);
  if (!b)
    return argument;
  unsigned last = function.getNumArguments();
  if (failed(function.insertArgument(last, typeWithout(argument, dim), {},
                                     argument.getLoc())))
    return blocked(argument);
  for (auto [call, value] : llvm::zip_equal(*callers, passed))
    call->insertOperands(last, value);
  return function.getArgument(last);
}

/// The result of a call is what the callee returns for the call's operands.
Value DimDropper::ofCall(func::CallOp call, Value value, unsigned dim) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  if (!callee || !callee.getBody().hasOneBlock() || callee.getNoInline())
    return blocked(value);
  if (b) {
    OpOperand &use = *value.getUses().begin();
    InlinerInterface interface(call.getContext());
    InlinerConfig config;
    if (failed(inlineCall(interface, config.getCloneCallback(), call, callee,
                          &callee.getBody())))
      return blocked(value);
    inlined.push_back(call);
    return drop(use.get(), dim);
  }
  calls.push_back(call);
  Operation *returned = callee.getBody().front().getTerminator();
  unsigned number = cast<OpResult>(value).getResultNumber();
  Value result = drop(returned->getOperand(number), dim);
  calls.pop_back();
  return result;
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

Value DimDropper::ofFill(linalg::FillOp op, Value value, unsigned dim) {
  if (!builds(value))
    return value;
  Value empty = tensor::EmptyOp::create(
      *b, op.getLoc(), otherSizes(op.getOutputs()[0], dim),
      cast<RankedTensorType>(value.getType()).getElementType());
  return linalg::FillOp::create(*b, op.getLoc(), op.getInputs()[0], empty)
      .getResult(0);
}

/// Index of the dimension that the map's only use of loop dimension `loopDim`
/// is; nothing if there is no use, failure if it is no plain use.
static FailureOr<std::optional<unsigned>> plainUse(AffineMap map,
                                                   unsigned loopDim) {
  if (!map.isFunctionOfDim(loopDim))
    return std::optional<unsigned>();
  std::optional<unsigned> found;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loopDim))
      continue;
    if (found || !isa<AffineDimExpr>(expr))
      return failure();
    found = i;
  }
  return found;
}

Value DimDropper::ofLinalg(linalg::LinalgOp op, Value value, unsigned dim) {
  if (op->getNumResults() != 1)
    return blocked(value);
  OpOperand *init = op.getDpsInitOperand(0);
  auto at =
      dyn_cast<AffineDimExpr>(op.getMatchingIndexingMap(init).getResult(dim));
  if (!at)
    return blocked(value);
  unsigned loopDim = at.getPosition();
  bool readsIndex = false;
  op->getRegion(0).walk(
      [&](linalg::IndexOp index) { readsIndex |= index.getDim() == loopDim; });
  if (readsIndex)
    return blocked(value);
  SmallVector<Value> inputs;
  auto dropOperand = [&](OpOperand &operand) -> Value {
    auto use = plainUse(op.getMatchingIndexingMap(&operand), loopDim);
    if (failed(use))
      return blocked(value);
    return *use ? drop(operand.get(), **use) : operand.get();
  };
  for (OpOperand *operand : op.getDpsInputOperands()) {
    Value input = dropOperand(*operand);
    if (!input)
      return {};
    inputs.push_back(input);
  }
  Value dest = init->get();
  bool readsInit = op.payloadUsesValueFromOperand(init);
  if (readsInit && !(dest = dropOperand(*init)))
    return {};
  if (!builds(value))
    return value;
  if (!readsInit)
    dest = tensor::EmptyOp::create(
        *b, op.getLoc(), otherSizes(dest, dim),
        cast<RankedTensorType>(value.getType()).getElementType());
  return rebuildLinalg(op, loopDim, inputs, dest);
}

/// The map without loop dimension `gone` and without the results that use it.
static AffineMap dropLoop(AffineMap map, unsigned gone) {
  SmallVector<AffineExpr> dims;
  for (unsigned d = 0; d < map.getNumDims(); ++d)
    dims.push_back(getAffineDimExpr(d > gone ? d - 1 : d, map.getContext()));
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults())
    if (!expr.isFunctionOfDim(gone))
      results.push_back(expr.replaceDims(dims));
  return AffineMap::get(map.getNumDims() - 1, 0, results, map.getContext());
}

/// The same op over one loop dimension less.
Value DimDropper::rebuildLinalg(linalg::LinalgOp op, unsigned loopDim,
                                ValueRange inputs, Value init) {
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getIndexingMapsArray())
    maps.push_back(dropLoop(map, loopDim));
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.erase(iterators.begin() + loopDim);
  Block *body = op.getBlock();
  // A broadcast along nothing but the dimension is the operand.
  if (inputs.size() == 1 && maps[0] == maps[1] && maps[0].isIdentity() &&
      body->getTerminator()->getOperand(0) == body->getArgument(0))
    return inputs[0];
  auto generic = linalg::GenericOp::create(
      *b, op.getLoc(), init.getType(), inputs, init, maps, iterators,
      [&](OpBuilder &nested, Location, ValueRange args) {
        IRMapping mapping;
        mapping.map(body->getArguments(), args);
        for (Operation &inner : *body)
          nested.clone(inner, mapping);
      });
  generic.getRegion().walk([&](linalg::IndexOp index) {
    if (index.getDim() > loopDim)
      index.setDim(index.getDim() - 1);
  });
  return generic.getResult(0);
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
