//===- FuseBidirectional.cpp - Both directions in one convolution ---------===//
//
//   y = forward(u) + backward(u)   ->   y = two-sided convolution of u
//
// Each direction is a convolution or a time-invariant recurrence, which is one.
// With k the kernel of the forward one and h of the backward one, the two-sided
// kernel is
//
//   ..., h_2, h_1, k_0 + h_0, k_1, k_2, ...
//
// The present counts twice, as it is written; h_0 = 0 if the backward
// recurrence reads before its update. The transforms of one convolution take
// the place of those of two.
//
// Preconditions: both read the same signal under numerics<norm>, nothing else
// reads their results, and their strategies, once chosen, are fft_conv: by
// definition, two sides are as many products as two convolutions.
//
//===----------------------------------------------------------------------===//

#include "Lags.h"
#include "RecurrenceToConv.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Passes.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_FUSEBIDIRECTIONAL
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

using ::ssm::Direction;
using ::ssm::IndexedOpInterface;
using ::ssm::LinearRecurrenceOp;
using ::ssm::LongConvOp;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Whether a scalar of a region only adds to what the region yields.
static bool isAddedToYield(Value scalar) {
  bool isAdded = false;
  while (scalar.hasOneUse()) {
    Operation *user = *scalar.user_begin();
    if (isa<linalg::YieldOp>(user))
      return isAdded;
    if (!isa<arith::AddFOp, complex::AddOp>(user))
      return false;
    isAdded = true;
    scalar = user->getResult(0);
  }
  return false;
}

/// The uses that are not of a tensor's shape alone, as that of an init is whose
/// elements the region does not read.
static SmallVector<OpOperand *> readsOf(Value value) {
  SmallVector<OpOperand *> reads;
  for (OpOperand &use : value.getUses()) {
    auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
    if (!op || !op.isDpsInit(&use) || op.payloadUsesValueFromOperand(&use))
      reads.push_back(&use);
  }
  return reads;
}

/// The one read of a tensor, if that adds it element by element to what becomes
/// the user's result; else null.
static OpOperand *findTerm(Value value) {
  SmallVector<OpOperand *> reads = readsOf(value);
  if (reads.size() != 1)
    return nullptr;
  OpOperand &use = *reads.front();
  if (isa<arith::AddFOp>(use.getOwner()))
    return &use;
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!op || op->getNumResults() != 1 ||
      op.getNumParallelLoops() != op.getNumLoops())
    return nullptr;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  bool isWhole = out.isPermutation() && op.getMatchingIndexingMap(&use) == out;
  return isWhole && isAddedToYield(op.getMatchingBlockArgument(&use)) ? &use
                                                                      : nullptr;
}

/// The sum that the value ends in; the value itself if it is not added.
static Value findSum(Value value) {
  while (OpOperand *term = findTerm(value))
    value = term->getOwner()->getResult(0);
  return value;
}

/// `op` without input number `index`, which its region does not read.
static void dropInput(RewriterBase &rewriter, linalg::GenericOp op,
                      unsigned index) {
  SmallVector<Value> inputs(op.getInputs());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  inputs.erase(inputs.begin() + index);
  maps.erase(maps.begin() + index);
  auto narrow = linalg::GenericOp::create(
      rewriter, op.getLoc(), op.getResultTypes(), inputs, op.getOutputs(), maps,
      op.getIteratorTypesArray());
  op.getBody()->eraseArgument(index);
  rewriter.inlineRegionBefore(op.getRegion(), narrow.getRegion(),
                              narrow.getRegion().begin());
  rewriter.replaceOp(op, narrow);
}

/// Takes a term out of its sum.
static void removeTerm(RewriterBase &rewriter, OpOperand &term) {
  Operation *owner = term.getOwner();
  unsigned number = term.getOperandNumber();
  rewriter.setInsertionPoint(owner);
  if (isa<arith::AddFOp>(owner)) {
    rewriter.replaceOp(owner, owner->getOperand(1 - number));
    return;
  }
  auto op = dyn_cast<linalg::GenericOp>(owner);
  if (!op)
    op = *linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(owner));
  // 1. The addition in the region.
  BlockArgument scalar = op.getMatchingBlockArgument(&op->getOpOperand(number));
  Operation *add = *scalar.user_begin();
  rewriter.replaceOp(add,
                     add->getOperand(add->getOperand(0) == scalar ? 1 : 0));
  // 2. An op that is left with a copy of another operand.
  auto yielded =
      dyn_cast<BlockArgument>(op.getBody()->getTerminator()->getOperand(0));
  OpOperand *init = op.getDpsInitOperand(0);
  if (yielded && yielded.getOwner() == op.getBody()) {
    OpOperand &copied = op->getOpOperand(yielded.getArgNumber());
    if (op.getMatchingIndexingMap(&copied) == op.getMatchingIndexingMap(init) &&
        copied.get().getType() == op.getResult(0).getType()) {
      rewriter.replaceOp(op, copied.get());
      return;
    }
  }
  // 3. The operand, unless it is an init.
  if (number < op.getNumDpsInputs())
    dropInput(rewriter, op, number);
}

//===----------------------------------------------------------------------===//
// What blocks
//===----------------------------------------------------------------------===//

static Direction directionOf(Operation *op) {
  return op->getAttrOfType<::ssm::DirectionAttr>("direction").getValue();
}

static Value signalOf(Operation *op) {
  auto recurrence = dyn_cast<LinearRecurrenceOp>(op);
  return recurrence ? recurrence.getSignal() : cast<LongConvOp>(op).getSignal();
}

/// The dimensions of a value as places in those of the op's result.
static SmallVector<unsigned> placesOf(IndexedOpInterface op, AffineMap map) {
  SmallVector<unsigned> places;
  for (unsigned dim : ::ssm::dimsOf(map))
    places.push_back(*::ssm::positionOf(op.getResultMap(0), dim));
  return places;
}

static SmallVector<unsigned> signalPlaces(Operation *op) {
  auto indexed = cast<IndexedOpInterface>(op);
  return placesOf(indexed,
                  indexed.getIndexingMapsArray()[isa<LinearRecurrenceOp>(op)]);
}

/// Why a recurrence cannot be one side, or an empty string.
static std::string refuseRecurrence(LinearRecurrenceOp op) {
  if (std::string reason = op.refusesConvolution(); !reason.empty())
    return reason;
  if (op.getInit())
    return "it starts from an initial state, whose response is no part of a "
           "kernel";
  if (!op.getFinal().use_empty())
    return "its final state is in use, which a convolution does not have";
  if (op.getProjection() != ::ssm::Projection::None &&
      isa<ComplexType>(getElementTypeOrSelf(op.getSignal())))
    return "its signal is complex, so that its projection comes after the "
           "convolution";
  return "";
}

/// Why the op cannot be one side, or an empty string.
static std::string refuse(Operation *op) {
  if (op->getAttrOfType<::ssm::NumericsAttr>("numerics").getValue() ==
      ::ssm::Numerics::Strict)
    return "numerics<strict> keeps the past free of what comes later";
  if (auto recurrence = dyn_cast<LinearRecurrenceOp>(op))
    if (std::string reason = refuseRecurrence(recurrence); !reason.empty())
      return reason;
  auto strategy = op->getAttrOfType<::ssm::StrategyAttr>("strategy");
  if (strategy && strategy.getKind() != ::ssm::StrategyKind::FFTConv)
    return ("its strategy is " +
            ::ssm::stringifyStrategyKind(strategy.getKind()) +
            "; only transforms are shared by both sides")
        .str();
  return "";
}

/// Why two ops that are added cannot be fused, or an empty string.
static std::string refusePair(Operation *forward, Operation *backward) {
  for (Operation *op : {forward, backward})
    if (std::string reason = refuse(op); !reason.empty())
      return (stringifyDirection(directionOf(op)) + ": " + reason).str();
  if (signalOf(forward) != signalOf(backward) ||
      signalPlaces(forward) != signalPlaces(backward))
    return "the two directions read different signals";
  auto matrixOf = [](Operation *op) {
    auto strategy = op->getAttrOfType<::ssm::StrategyAttr>("strategy");
    return strategy ? strategy.getMatrix() : Type();
  };
  if (matrixOf(forward) != matrixOf(backward))
    return "one of the two rounds its transforms to bf16";
  if (forward->getBlock() != backward->getBlock() ||
      findTerm(forward->getResult(0))->getOwner()->getBlock() !=
          findTerm(backward->getResult(0))->getOwner()->getBlock())
    return "the two directions are computed or added in different blocks";
  return "";
}

//===----------------------------------------------------------------------===//
// The fused convolution
//===----------------------------------------------------------------------===//

namespace {
/// A convolution's kernel, with the places of its dimensions in the result.
struct Kernel {
  Value value;
  SmallVector<unsigned> places;

  explicit Kernel(LongConvOp op)
      : value(op.getKernel()),
        places(placesOf(op, op.getIndexingMapsArray()[1])) {}

  /// The same as numbers of type `element`, with its dimensions in other
  /// places; repeated along new ones, of the sizes that the result has.
  void moveTo(OpBuilder &b, LongConvOp op, ArrayRef<unsigned> target,
              Type element);
};
} // namespace

void Kernel::moveTo(OpBuilder &b, LongConvOp op, ArrayRef<unsigned> target,
                    Type element) {
  if (target == ArrayRef(places) && getElementTypeOrSelf(value) == element)
    return;
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> loops =
      ::ssm::applyMap(op.getResultMap(0), ::ssm::getLoopSizes(b, op));
  SmallVector<OpFoldResult> sizes;
  for (unsigned place : target)
    sizes.push_back(loops[place]);
  SmallVector<AffineExpr> exprs;
  for (auto [i, place] : llvm::enumerate(places)) {
    unsigned at = llvm::find(target, place) - target.begin();
    exprs.push_back(b.getAffineDimExpr(at));
    sizes[at] = tensor::getMixedSize(b, loc, value, i);
  }
  Value out = tensor::EmptyOp::create(b, loc, sizes, element);
  value = ::ssm::buildGeneric(
      b, loc, target.size(),
      {{value, AffineMap::get(target.size(), 0, exprs, b.getContext())}},
      {{out, b.getMultiDimIdentityMap(target.size())}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        if (args[0].getType() == element)
          return SmallVector<Value>{args[0]};
        ::ssm::NumBuilder num(nested, at, ::ssm::getRealType(element));
        return SmallVector<Value>{
            num.store({args[0], num.constant(0.0).re}, element)};
      })[0];
  places.assign(target.begin(), target.end());
}

/// `sum` with `addend` added to its element number `begin` along `dim`.
static Value addAt(OpBuilder &b, Location loc, Value sum, Value addend,
                   unsigned dim, OpFoldResult begin) {
  auto type = cast<RankedTensorType>(sum.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)),
      ones(type.getRank(), b.getIndexAttr(1)),
      sizes = tensor::getMixedSizes(b, loc, sum);
  sizes[dim] = b.getIndexAttr(1);
  Value x =
      tensor::ExtractSliceOp::create(b, loc, addend, offsets, sizes, ones);
  offsets[dim] = begin;
  Value y = tensor::ExtractSliceOp::create(b, loc, sum, offsets, sizes, ones);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Type element = type.getElementType();
  Value both = ::ssm::buildGeneric(
      b, loc, type.getRank(), {{x, identity}}, {{y, identity}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        ::ssm::NumBuilder num(nested, at, ::ssm::getWorkingType(element));
        return SmallVector<Value>{
            num.store(num.add(num.load(args[0]), num.load(args[1])), element)};
      })[0];
  return tensor::InsertSliceOp::create(b, loc, both, sum, offsets, sizes, ones);
}

/// The two-sided kernel of both, whose lags are dimension `lag`.
static Value joinKernels(OpBuilder &b, Location loc, Value forward,
                         Value backward, unsigned lag) {
  // As many taps on either side.
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  OpFoldResult taps = affine::makeComposedFoldedAffineMax(
      b, loc,
      AffineMap::get(0, 2, {x, y, b.getAffineConstantExpr(1)}, b.getContext()),
      {tensor::getMixedSize(b, loc, forward, lag),
       tensor::getMixedSize(b, loc, backward, lag)});
  forward = ::ssm::resize(b, loc, forward, lag, taps);
  backward = ::ssm::resize(b, loc, backward, lag, taps);
  Value future = ::ssm::reverse(
      b, loc, ::ssm::dropFront(b, loc, backward, lag, b.getIndexAttr(1)), lag);
  Value both = ::ssm::joinSides(b, loc, future, forward, lag);
  return addAt(b, loc, both, backward, lag, ::ssm::affine(b, loc, x - 1, taps));
}

/// The op as a convolution.
static LongConvOp asConvolution(RewriterBase &rewriter, Operation *op) {
  auto recurrence = dyn_cast<LinearRecurrenceOp>(op);
  if (!recurrence)
    return cast<LongConvOp>(op);
  return ::ssm::recurrenceToConv(rewriter, recurrence)
      .getDefiningOp<LongConvOp>();
}

/// The strategy of the fused convolution. Blocks reach twice as far.
static ::ssm::StrategyAttr
joinStrategies(LongConvOp forward, LongConvOp backward, bool isKernelKnown) {
  ::ssm::StrategyAttr one = forward.getStrategyAttr(),
                      other = backward.getStrategyAttr();
  if (!one || one.getPoints() == 0)
    return one;
  int64_t points = isKernelKnown && other && other.getPoints() > 0
                       ? 2 * std::max(one.getPoints(), other.getPoints())
                       : 0;
  return ::ssm::StrategyAttr::get(one.getContext(), one.getKind(),
                                  one.getLeaf(), one.getLanes(), one.getTaps(),
                                  points, one.getMatrix());
}

/// The two-sided convolution of both, at the insertion point.
static LongConvOp fuse(RewriterBase &rewriter, Operation *forwardOp,
                       Operation *backwardOp) {
  LongConvOp forward = asConvolution(rewriter, forwardOp),
             backward = asConvolution(rewriter, backwardOp);
  Location loc =
      rewriter.getFusedLoc({forwardOp->getLoc(), backwardOp->getLoc()});
  Kernel past(forward), future(backward);
  SmallVector<unsigned> places = past.places;
  for (unsigned place : future.places)
    if (!llvm::is_contained(places, place))
      places.push_back(place);
  Type element = getElementTypeOrSelf(past.value);
  if (Type other = getElementTypeOrSelf(future.value); isa<ComplexType>(other))
    element = other;
  past.moveTo(rewriter, forward, places, element);
  future.moveTo(rewriter, backward, places, element);
  unsigned rank = forward.getType().getRank();
  unsigned time =
      *::ssm::positionOf(forward.getResultMap(0), forward.getTime());
  unsigned lag = llvm::find(places, time) - places.begin();
  Value kernel = joinKernels(rewriter, loc, past.value, future.value, lag);
  auto mapOf = [&](ArrayRef<unsigned> dims) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dims)
      exprs.push_back(rewriter.getAffineDimExpr(dim));
    return AffineMap::get(rank, 0, exprs, rewriter.getContext());
  };
  auto fused = LongConvOp::create(
      rewriter, loc, forward.getType(), forward.getSignal(), kernel,
      rewriter.getAffineMapArrayAttr({mapOf(signalPlaces(forward)),
                                      mapOf(places),
                                      rewriter.getMultiDimIdentityMap(rank)}),
      time, Direction::TwoSided, ::ssm::Numerics::Norm,
      joinStrategies(
          forward, backward,
          !cast<RankedTensorType>(kernel.getType()).isDynamicDim(lag)));
  for (LongConvOp op : {forward, backward})
    if (op->use_empty() && op != forwardOp && op != backwardOp)
      rewriter.eraseOp(op);
  return fused;
}

/// Puts the convolution of both directions in the place of the later term.
static void replaceTerms(RewriterBase &rewriter, Operation *forward,
                         Operation *backward) {
  OpOperand *kept = findTerm(backward->getResult(0)),
            *removed = findTerm(forward->getResult(0));
  if (kept->getOwner()->isBeforeInBlock(removed->getOwner()))
    std::swap(kept, removed);
  // Not at the sum, which may be in a loop.
  rewriter.setInsertionPointAfter(forward->isBeforeInBlock(backward) ? backward
                                                                     : forward);
  Value y = fuse(rewriter, forward, backward);
  rewriter.modifyOpInPlace(kept->getOwner(), [&] { kept->set(y); });
  removeTerm(rewriter, *removed);
  for (Operation *op : {forward, backward}) {
    // What is left of the results is their shape.
    rewriter.setInsertionPoint(op);
    ReifiedRankedShapedTypeDims shapes;
    (void)cast<ReifyRankedShapedTypeOpInterface>(op).reifyResultShapes(rewriter,
                                                                       shapes);
    Value empty = tensor::EmptyOp::create(
        rewriter, op->getLoc(), shapes[0],
        getElementTypeOrSelf(op->getResult(0).getType()));
    rewriter.replaceAllUsesWith(op->getResult(0), empty);
    rewriter.eraseOp(op);
  }
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

static remark::RemarkOpts opts(StringRef name) {
  return remark::RemarkOpts::name(name).category("ssm-bidirectional");
}

static void explain(Operation *backward, StringRef reason) {
  remark::missed(backward->getLoc(), opts("NotBidirectional"))
      << (backward->getName().stripDialect() +
          ": not fused with the other direction: " + reason)
             .str();
}

/// Fuses with one of the forward ops, or says what blocks it. Returns the one.
static Operation *fuseWithOne(RewriterBase &rewriter, Operation *backward,
                              ArrayRef<Operation *> forwards) {
  Value result = backward->getResult(0), sum = findSum(result);
  std::string reason;
  for (Operation *forward : forwards) {
    bool areAdded = findTerm(forward->getResult(0)) && findTerm(result) &&
                    findSum(forward->getResult(0)) == sum;
    if (areAdded) {
      reason = refusePair(forward, backward);
      if (reason.empty()) {
        remark::passed(backward->getLoc(), opts("Bidirectional"))
            << (backward->getName().stripDialect() +
                ": fused with the other direction to one two-sided long_conv")
                   .str();
        replaceTerms(rewriter, forward, backward);
        return forward;
      }
    } else if (reason.empty() && signalOf(forward) == signalOf(backward)) {
      reason = readsOf(result).size() == 1 &&
                       readsOf(forward->getResult(0)).size() == 1
                   ? "their results are not added to each other"
                   : "a result has another use than their sum";
    }
  }
  if (!reason.empty())
    explain(backward, reason);
  return nullptr;
}

namespace {
struct FuseBidirectional
    : ::ssm::impl::FuseBidirectionalBase<FuseBidirectional> {
  void runOnOperation() override {
    SmallVector<Operation *> forwards, backwards;
    getOperation()->walk([&](Operation *op) {
      if (!isa<LinearRecurrenceOp, LongConvOp>(op))
        return;
      if (directionOf(op) == Direction::Forward)
        forwards.push_back(op);
      else if (directionOf(op) == Direction::Backward)
        backwards.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *backward : backwards)
      if (Operation *forward = fuseWithOne(rewriter, backward, forwards))
        llvm::erase(forwards, forward);
  }
};
} // namespace
