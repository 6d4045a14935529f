//===- AbsorbContractions.cpp - Products around the recurrence ------------===//
//
//   v = b u (an outer product),  x_t = a_t x_{t-1} + v_t,  y = Re(sum of c x)
//
// becomes x_t = a_t x_{t-1} + b_t u_t,  y_t = Re(sum of c_t x_t), whose states
// need no memory: those of a loop that multiplies them by c in each step, as
// frontends write it, are N times as many numbers as its outputs.
//
// Precondition: nothing else reads the states or their driving signal, and c
// adds no dimension; such a product is a matrix product over all of time
// (HoistContractions.cpp).
//
//===----------------------------------------------------------------------===//
#include "AbsorbContractions.h"
#include "Contraction.h"

#include "ssm/Analysis/ProductForm.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Patterns.h"
#include "ssm/Utils/LoopRanges.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

LinearRecurrenceOp ssm::findStates(Mapped value, Mapped &states) {
  states = seeThroughCopies(value);
  auto op = states.tensor.getDefiningOp<LinearRecurrenceOp>();
  if (!op || states.tensor != op.getResult() || op.getOutput() ||
      op.getProjection() != Projection::None)
    return {};
  for (Value copy = value.tensor;; copy = copy.getDefiningOp()->getOperand(0)) {
    if (!copy.hasOneUse())
      return {};
    if (copy == states.tensor)
      return op;
  }
}

/// `map` over a recurrence's loop dimensions, of which `dims` has one for each
/// of a linalg op's.
static AffineMap renameDims(LinearRecurrenceOp op, AffineMap map,
                            ArrayRef<unsigned> dims) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(map))
    exprs.push_back(getAffineDimExpr(dims[dim], op.getContext()));
  return AffineMap::get(op.getNumLoops(), 0, exprs, op.getContext());
}

/// Whether each loop dimension has a size by one of the operands.
static bool knowAllLoops(ArrayRef<AffineMap> operands) {
  return llvm::all_of(llvm::seq(operands[0].getNumDims()), [&](unsigned dim) {
    return llvm::any_of(operands,
                        [&](AffineMap map) { return uses(map, dim); });
  });
}

/// The types of a recurrence's results, with another of the first one.
static SmallVector<Type> withResult(LinearRecurrenceOp op, Type result) {
  return {result, op.getFinal().getType()};
}

/// Whether the recurrence may come as late as `op`, before which its other
/// operands are known, and runs as often there.
static bool canMoveTo(Operation *op, LinearRecurrenceOp recurrence) {
  if (op->getBlock() != recurrence->getBlock())
    return false;
  return llvm::all_of(recurrence.getFinal().getUsers(), [&](Operation *user) {
    Operation *outer = op->getBlock()->findAncestorOpInBlock(*user);
    return outer && op->isBeforeInBlock(outer);
  });
}

static SmallVector<int64_t> shapeOf(LinearRecurrenceOp op, AffineMap map) {
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  return llvm::map_to_vector(dimsOf(map),
                             [&](unsigned dim) { return sizes[dim]; });
}

/// The dimensions of `map` that `kept` has too.
static AffineMap dropDims(AffineMap map, AffineMap kept) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(map))
    if (uses(kept, dim))
      exprs.push_back(getAffineDimExpr(dim, map.getContext()));
  return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
}

/// The tensor with its dimensions in the order of `wanted`, added to `start`
/// if there is one, in place of the only result of `op`.
static Value arrange(OpBuilder &b, Mapped x, AffineMap wanted, Value start,
                     linalg::GenericOp op) {
  if (!start && x.map == wanted)
    return x.tensor;
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  SmallVector<AffineExpr> order;
  for (unsigned dim : dimsOf(x.map))
    order.push_back(b.getAffineDimExpr(*positionOf(wanted, dim)));
  auto body = [&](OpBuilder &inner, Location loc, ValueRange args) {
    if (!start)
      return SmallVector<Value>{args[0]};
    NumBuilder num(inner, loc, getRealType(type.getElementType()));
    return SmallVector<Value>{num.store(
        num.add(num.load(args[1]), num.load(args[0])), type.getElementType())};
  };
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = start ? start : op.getOutputs()[0];
  return buildGeneric(
      b, op.getLoc(), type.getRank(),
      {{x.tensor, AffineMap::get(type.getRank(), 0, order, b.getContext())}},
      {{out, identity}}, body)[0];
}

namespace {
/// y = start + sum of c x over a recurrence's states x.
struct StatesProduct {
  LinearRecurrenceOp recurrence;
  Mapped output;              ///< c
  SmallVector<unsigned> dims; ///< The recurrence's, of each of the op's.
  AffineMap result;           ///< The op's, over the recurrence's.
  Value start;
};
} // namespace

/// The op as a sum of products of its input and a tensor of ones, if it is a
/// sum.
static std::optional<Product> findSum(linalg::GenericOp op) {
  Block &body = *op.getBlock();
  Operation &sum = body.front();
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics() ||
      !isa<arith::AddFOp, complex::AddOp>(sum) ||
      body.getTerminator()->getOperands() != sum.getResults() ||
      sum.getOperand(0) == sum.getOperand(1) ||
      !llvm::all_of(sum.getOperands(), llvm::IsaPred<BlockArgument>))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps,
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return std::nullopt;
  return Product{
      op,
      {op.getInputs()[0], maps[0]},
      {Value(), AffineMap()},
      {op.getResult(0), maps[1]},
      {isFilledWithZero(op.getOutputs()[0]) ? Value() : op.getOutputs()[0],
       maps[1]}};
}

/// Ones, as many as the op sums over.
static Mapped buildOnes(OpBuilder &b, linalg::GenericOp op) {
  Type element = getRealType(getElementTypeOrSelf(op.getResult(0)));
  SmallVector<unsigned> summed;
  op.getReductionDims(summed);
  SmallVector<AffineExpr> dims;
  SmallVector<OpFoldResult> all = getLoopSizes(b, op), sizes;
  for (unsigned dim : summed) {
    dims.push_back(b.getAffineDimExpr(dim));
    sizes.push_back(all[dim]);
  }
  return {buildFilled(b, op.getLoc(), sizes, element, 1),
          AffineMap::get(op.getNumLoops(), 0, dims, b.getContext())};
}

/// Whether the op is one, and c adds no dimension.
static std::optional<StatesProduct> findStatesProduct(linalg::GenericOp op) {
  std::optional<Product> product = findProduct(op);
  if (!product)
    product = findSum(op);
  if (!product)
    return std::nullopt;
  Mapped states, output = product->right;
  LinearRecurrenceOp recurrence = findStates(product->left, states);
  if (!recurrence && output.tensor) {
    recurrence = findStates(product->right, states);
    output = product->left;
  }
  if (!recurrence || !canMoveTo(op, recurrence))
    return std::nullopt;
  SmallVector<std::optional<unsigned>> found(op.getNumLoops());
  for (auto [dim, state] : llvm::zip_equal(
           dimsOf(states.map), dimsOf(recurrence.getResultIndexingMap())))
    found[dim] = state;
  if (llvm::any_of(found, [](auto dim) { return !dim; }))
    return std::nullopt;
  SmallVector<unsigned> dims =
      llvm::map_to_vector(found, [](auto dim) { return *dim; });
  AffineMap result = renameDims(recurrence, product->result.map, dims);
  return StatesProduct{recurrence, output, dims, result, product->start.tensor};
}

namespace {
/// y = sum of c x
struct AbsorbOutput : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<StatesProduct> product = findStatesProduct(op);
    if (!product)
      return rewriter.notifyMatchFailure(op, "no sum of products of states");
    LinearRecurrenceOp recurrence = product->recurrence;
    Type element = getElementTypeOrSelf(op.getResult(0)),
         factor = product->output.tensor
                      ? getElementTypeOrSelf(product->output.tensor)
                      : getRealType(element),
         signal = getElementTypeOrSelf(recurrence.getSignal());
    if (!uses(product->result, recurrence.getTime()) ||
        getRealType(signal) != getRealType(element) ||
        getRealType(factor) != getRealType(element))
      return rewriter.notifyMatchFailure(op, "it sums over time, or types "
                                             "differ");
    if (!product->output.tensor)
      product->output = buildOnes(rewriter, op);
    bool isComplex = isa<ComplexType>(recurrence.getStateElementType()) ||
                     isa<ComplexType>(factor);
    Projection projection = isComplex && !isa<ComplexType>(element)
                                ? Projection::Real
                                : Projection::None;
    // As the states lie; who reads it in another order, copies it.
    AffineMap result =
        dropDims(recurrence.getResultIndexingMap(), product->result);
    SmallVector<AffineMap> maps = recurrence.getIndexingMapsArray();
    maps[maps.size() - 2] = result;
    maps.insert(maps.begin() + 2 + bool(recurrence.getInput()),
                renameDims(recurrence, product->output.map, product->dims));
    auto type = RankedTensorType::get(shapeOf(recurrence, result), element);
    auto rebuilt = rebuild(rewriter, recurrence, withResult(recurrence, type),
                           recurrence.getSignal(), recurrence.getInput(),
                           product->output.tensor, maps, projection);
    rewriter.replaceOp(op, arrange(rewriter, {rebuilt.getResult(), result},
                                   product->result, product->start, op));
    rewriter.replaceAllUsesWith(recurrence.getFinal(), rebuilt.getFinal());
    return success();
  }
};

/// Of a complex result only the real part is read.
struct AbsorbRealPart : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand *input : op.getDpsInputOperands()) {
      auto recurrence = input->get().getDefiningOp<LinearRecurrenceOp>();
      if (!recurrence || !input->get().hasOneUse() ||
          input->get() != recurrence.getResult() ||
          !isa<ComplexType>(recurrence.getResult().getType().getElementType()))
        continue;
      BlockArgument read = op.getMatchingBlockArgument(input);
      if (!llvm::all_of(read.getUsers(), llvm::IsaPred<complex::ReOp>))
        continue;
      Type real = getRealType(read.getType());
      rewriter.setInsertionPoint(recurrence);
      auto rebuilt = rebuild(
          rewriter, recurrence,
          withResult(recurrence, recurrence.getResult().getType().clone(real)),
          recurrence.getSignal(), recurrence.getInput(), recurrence.getOutput(),
          recurrence.getIndexingMapsArray(), Projection::Real);
      rewriter.modifyOpInPlace(op, [&] {
        input->set(rebuilt.getResult());
        for (Operation *part : llvm::make_early_inc_range(read.getUsers()))
          rewriter.replaceOp(part, read);
        read.setType(real);
      });
      rewriter.replaceAllUsesWith(recurrence.getFinal(), rebuilt.getFinal());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no result of which it reads the "
                                           "real part alone");
  }
};

/// A copy of a result is read where it lies.
struct AbsorbOrder : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (!input->get().hasOneUse() ||
          !isa<RankedTensorType>(input->get().getType()))
        continue;
      Mapped value{input->get(), op.getMatchingIndexingMap(input)};
      Mapped source = seeThroughCopies(value);
      if (source.tensor == value.tensor ||
          !source.tensor.getDefiningOp<LinearRecurrenceOp>() ||
          source.map.getNumResults() != value.map.getNumResults())
        continue;
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps[input->getOperandNumber()] = source.map;
      rewriter.modifyOpInPlace(op, [&] {
        input->set(source.tensor);
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no copy of a result");
  }
};

/// An operand that is a transpose or a broadcast is what it is made of.
struct AbsorbCopies : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    for (OpOperand &operand : op->getOpOperands()) {
      unsigned i = operand.getOperandNumber();
      Mapped source = seeThroughCopies({operand.get(), maps[i]});
      AffineMap before = std::exchange(maps[i], source.map);
      if (source.tensor == operand.get() ||
          !keepsRoles(op, before, maps[i], i == 1) ||
          !knowAllLoops(ArrayRef(maps).drop_back(2))) {
        maps[i] = before;
        continue;
      }
      rewriter.modifyOpInPlace(op, [&] {
        operand.set(source.tensor);
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no operand is a copy");
  }

private:
  /// Whether a signal's time, and what the transition mixes, stay what they
  /// are. A sequence that lies in memory along time was transposed for a
  /// reason.
  static bool keepsRoles(LinearRecurrenceOp op, AffineMap before,
                         AffineMap after, bool isSignal) {
    auto isLast = [&](AffineMap map) {
      return map.getNumResults() > 0 && dimsOf(map).back() == op.getTime();
    };
    auto keeps = [&](std::optional<uint64_t> dim) {
      return !dim || uses(before, *dim) == uses(after, *dim);
    };
    bool isMadeLast = isLast(after) && !isLast(before);
    return !isMadeLast && (!isSignal || keeps(op.getTime())) &&
           keeps(op.getRow()) && keeps(op.getColumn()) &&
           llvm::all_of(op.getDims().rank, keeps);
  }
};

/// A complex signal without an imaginary part is a real one.
struct AbsorbRealSignal : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    Mapped signal = seeThroughComplex({op.getSignal(), maps[1]});
    maps[1] = signal.map;
    if (signal.tensor == op.getSignal() ||
        !isa<ComplexType>(getElementTypeOrSelf(op.getTransition())) ||
        !uses(signal.map, op.getTime()) ||
        !knowAllLoops(ArrayRef(maps).drop_back(2)))
      return rewriter.notifyMatchFailure(op, "not a real signal made complex");
    rewriter.modifyOpInPlace(op, [&] {
      op.getSignalMutable().assign(signal.tensor);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    return success();
  }
};

/// v = b u, where b lacks a dimension of the state that u has, and u one that b
/// has.
struct AbsorbInput : OpRewritePattern<LinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override {
    auto factors = findOuterProduct({op.getSignal(), op.getSignalMap()});
    if (op.getInput() || !factors || !op.getSignal().hasOneUse())
      return rewriter.notifyMatchFailure(op, "not driven by an outer product");
    auto [signal, input] = *factors;
    // The signal is what has the output's dimensions.
    auto distance = [&](const Mapped &value) {
      return llvm::count_if(dimsOf(value.map), [&](unsigned dim) {
        return !uses(op.getResultIndexingMap(), dim);
      });
    };
    if (distance(input) < distance(signal))
      std::swap(signal, input);
    if (!uses(signal.map, op.getTime()))
      return rewriter.notifyMatchFailure(op, "the signal stands still");
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[1] = signal.map;
    maps.insert(maps.begin() + 2, input.map);
    rewriter.replaceOp(op, rebuild(rewriter, op, op.getResultTypes(),
                                   signal.tensor, input.tensor, op.getOutput(),
                                   maps, op.getProjection()));
    return success();
  }
};

/// A sum over an elementwise product of states: one op, so that it is known as
/// a sum of products.
struct FuseProductIntoSum : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 1 ||
        !isa<arith::AddFOp, complex::AddOp>(op.getBlock()->front()))
      return rewriter.notifyMatchFailure(op, "not a sum");
    OpOperand *summed = op.getDpsInputOperand(0);
    auto product = summed->get().getDefiningOp<linalg::GenericOp>();
    if (!product || !product->hasOneUse() || product.getNumDpsInputs() != 2 ||
        !isa<arith::MulFOp, complex::MulOp>(product.getBlock()->front()) ||
        !linalg::areElementwiseOpsFusable(summed))
      return rewriter.notifyMatchFailure(op, "not of a product");
    auto multiplies = [](Value factor) {
      Mapped states;
      auto type = cast<RankedTensorType>(factor.getType());
      return bool(findStates({factor, AffineMap::getMultiDimIdentityMap(
                                          type.getRank(), factor.getContext())},
                             states));
    };
    if (llvm::none_of(product.getInputs(), multiplies))
      return rewriter.notifyMatchFailure(op, "not of states");
    FailureOr<linalg::ElementwiseOpFusionResult> fused =
        linalg::fuseElementwiseOps(rewriter, summed);
    if (failed(fused))
      return failure();
    rewriter.replaceOp(op, fused->fusedOp->getResults().take_back());
    return success();
  }
};
} // namespace

void ssm::populateAbsorbOutputsPatterns(RewritePatternSet &patterns) {
  populateSplitOutputsPatterns(patterns);
  patterns.add<AbsorbOutput, AbsorbRealPart, AbsorbOrder, FuseProductIntoSum>(
      patterns.getContext());
}

void ssm::populateAbsorbInputsPatterns(RewritePatternSet &patterns) {
  patterns.add<AbsorbInput, AbsorbCopies, AbsorbRealSignal>(
      patterns.getContext());
}
