//===- SplitConcatenations.cpp - Read the parts of a concatenation --------===//
//
// Before, for x of n rows, a step later:
//
//   whole[0] = 0, whole[1 .. n] = x[0 .. n - 1]    tensor.insert_slice, twice
//   y = f(whole, z)                                linalg.generic
//
// After:
//
//   y[0] = f(0, z[0])
//   y[1 .. n] = f(x[0 .. n - 1], z[1 .. n])
//
// and no copy of x. Such are the shifted signals of a short convolution or a
// token shift, and rotated halves.
//
// Precondition: parallel loops of which each tensor has a dimension as it is,
// parts that lie one after the other in a dimension of known size, each known,
// and few of them.
//
//===----------------------------------------------------------------------===//
#include "ssm/IR/LoopDims.h"
#include "ssm/Pipelines/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <set>

namespace ssm {
#define GEN_PASS_DEF_SPLITCONCATENATIONS
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Loops that one op may become.
static constexpr size_t kMostParts = 8;

namespace {
/// Elements begin to end of a tensor's dimension.
struct Span {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// A span of a concatenation: the source's from `first` on. A source without
/// the dimension is one element of it.
struct Part {
  Span span;
  Value source;
  int64_t first;
};

struct Concatenation {
  unsigned dim;
  SmallVector<Part> parts;
};
} // namespace

/// The one dimension of which the op reads or writes a part, `shape` being that
/// of the whole, if there is no other.
template <typename SliceOp>
static std::optional<unsigned> findDim(SliceOp op, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> sizes = op.getStaticSizes(),
                    offsets = op.getStaticOffsets();
  std::optional<unsigned> partial;
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    if (llvm::any_of(ArrayRef{sizes[dim], offsets[dim], shape[dim]},
                     ShapedType::isDynamic))
      return std::nullopt;
    if (sizes[dim] == shape[dim])
      continue;
    if (partial)
      return std::nullopt;
    partial = dim;
  }
  llvm::SmallBitVector dropped = op.getDroppedDims();
  if (partial)
    dropped.reset(*partial);
  return op.hasUnitStride() && dropped.none() ? partial : std::nullopt;
}

static std::optional<unsigned> findDim(tensor::InsertSliceOp insert) {
  return findDim(insert, insert.getDestType().getShape());
}

static Span intersect(Span x, Span y) {
  return {std::max(x.begin, y.begin), std::min(x.end, y.end)};
}

/// The parts that `last` and the inserts before it wrote.
static std::optional<Concatenation> findWritten(tensor::InsertSliceOp last) {
  std::optional<unsigned> dim = findDim(last);
  if (!dim)
    return std::nullopt;
  Concatenation found = {*dim, {}};
  Value whole = last;
  SmallVector<Span> open = {{0, last.getDestType().getDimSize(*dim)}};
  // What was written later hides what was there.
  for (auto insert = last; insert && findDim(insert) == dim;
       insert = whole.getDefiningOp<tensor::InsertSliceOp>()) {
    int64_t begin = insert.getStaticOffset(*dim),
            end = begin + insert.getStaticSize(*dim);
    SmallVector<Span> left;
    for (Span span : open) {
      Span common = intersect(span, {begin, end});
      if (common.size() > 0)
        found.parts.push_back(
            {common, insert.getSource(), common.begin - begin});
      for (Span rest :
           {intersect(span, {0, begin}), intersect(span, {end, span.end})})
        if (rest.size() > 0)
          left.push_back(rest);
    }
    open = std::move(left);
    whole = insert.getDest();
  }
  if (!open.empty() && whole.getDefiningOp<tensor::EmptyOp>())
    return std::nullopt;
  for (Span span : open)
    found.parts.push_back({span, whole, span.begin});
  return found;
}

/// The tensor as parts, in any order; nothing if it is no concatenation, nor a
/// slice of one.
static std::optional<Concatenation> findConcatenation(Value whole) {
  if (auto last = whole.getDefiningOp<tensor::InsertSliceOp>())
    return findWritten(last);
  auto slice = whole.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getType().getRank() != slice.getSourceType().getRank())
    return std::nullopt;
  auto found = findConcatenation(slice.getSource());
  if (!found || findDim(slice, slice.getSourceType().getShape()) != found->dim)
    return std::nullopt;
  int64_t begin = slice.getStaticOffset(found->dim);
  Span seen = {begin, begin + slice.getStaticSize(found->dim)};
  SmallVector<Part> parts;
  for (const Part &part : found->parts) {
    Span common = intersect(part.span, seen);
    if (common.size() > 0)
      parts.push_back({{common.begin - begin, common.end - begin},
                       part.source,
                       part.first + common.begin - part.span.begin});
  }
  found->parts = std::move(parts);
  return found;
}

/// The position of the loop dimension in the operand, if it has it.
static std::optional<unsigned> placeOf(linalg::GenericOp op, OpOperand &operand,
                                       unsigned dim) {
  return positionOf(op.getMatchingIndexingMap(&operand), dim);
}

/// The concatenation along the loop dimension that the operand is.
static std::optional<Concatenation>
findParts(linalg::GenericOp op, OpOperand &operand, unsigned dim) {
  auto found = findConcatenation(operand.get());
  if (!found || found->dim != placeOf(op, operand, dim))
    return std::nullopt;
  return found;
}

/// The op that writes the same along the dimension, such as a fill.
static linalg::GenericOp findRepeated(Value tensor, unsigned dim) {
  auto op = tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || !linalg::isElementwise(op) || op.hasIndexSemantics() ||
      op.getNumDpsInits() != 1)
    return {};
  OpOperand &init = *op.getDpsInitOperand(0);
  unsigned loop = op.getMatchingIndexingMap(&init).getDimPosition(dim);
  bool varies = llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    return placeOf(op, *input, loop).has_value();
  });
  return varies || op.payloadUsesValueFromOperand(&init) ? linalg::GenericOp()
                                                         : op;
}

/// Elements `span` of the dimension. What repeats along it is computed for the
/// part alone.
static Value takeSpan(OpBuilder &b, Location loc, Value tensor, unsigned dim,
                      Span span) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (span.size() == type.getDimSize(dim))
    return tensor;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor),
                            places(sizes.size(), b.getIndexAttr(0)),
                            ones(sizes.size(), b.getIndexAttr(1));
  sizes[dim] = b.getIndexAttr(span.size());
  places[dim] = b.getIndexAttr(span.begin);
  linalg::GenericOp repeated = findRepeated(tensor, dim);
  if (!repeated)
    return tensor::ExtractSliceOp::create(b, loc, tensor, places, sizes, ones);
  Value out = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  SmallVector<Value> operands = llvm::to_vector(repeated.getInputs());
  operands.push_back(out);
  return clone(b, repeated, out.getType(), operands)->getResult(0);
}

/// What the op reads of the operand in `span` of the loop dimension, and where
/// it finds it.
static std::pair<Value, AffineMap> takePart(OpBuilder &b, linalg::GenericOp op,
                                            OpOperand &operand, unsigned dim,
                                            Span span) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  std::optional<unsigned> place = placeOf(op, operand, dim);
  Value tensor = operand.get();
  if (!place)
    return {tensor, map};
  Location loc = op.getLoc();
  auto whole = findParts(op, operand, dim);
  if (!whole)
    return {takeSpan(b, loc, tensor, *place, span), map};
  const Part &part = *llvm::find_if(whole->parts, [&](const Part &each) {
    return each.span.begin <= span.begin && span.end <= each.span.end;
  });
  auto rankOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank();
  };
  if (rankOf(part.source) < rankOf(tensor))
    return {part.source, map.dropResult(*place)};
  int64_t first = part.first + span.begin - part.span.begin;
  return {takeSpan(b, loc, part.source, *place, {first, first + span.size()}),
          map};
}

/// Where parts of the op's operands begin and end in the loop dimension.
static std::set<int64_t> findSeams(linalg::GenericOp op, unsigned dim) {
  std::set<int64_t> seams;
  for (OpOperand *input : op.getDpsInputOperands())
    if (auto whole = findParts(op, *input, dim))
      for (const Part &part : whole->parts)
        seams.insert({part.span.begin, part.span.end});
  return seams;
}

/// Whether the op can be computed part by part in each dimension.
static bool isSeparable(linalg::GenericOp op) {
  auto isTensor = [](Value value) {
    return isa<RankedTensorType>(value.getType());
  };
  return op.hasPureTensorSemantics() && op.getNumReductionLoops() == 0 &&
         llvm::all_of(op->getOperands(), isTensor) &&
         llvm::all_of(
             op.getIndexingMapsArray(),
             [](AffineMap map) { return map.isProjectedPermutation(); }) &&
         llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
           return op.getMatchingIndexingMap(&init).isPermutation();
         });
}

/// The op in `span` of the loop dimension, written to its place in `outs`.
static SmallVector<Value> emitPart(RewriterBase &b, linalg::GenericOp op,
                                   unsigned dim, Span span,
                                   ArrayRef<Value> outs) {
  Location loc = op.getLoc();
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (OpOperand *input : op.getDpsInputOperands()) {
    auto [tensor, map] = takePart(b, op, *input, dim, span);
    operands.push_back(tensor);
    maps.push_back(map);
  }
  SmallVector<Type> types;
  for (auto [init, out] : llvm::zip_equal(op.getDpsInitsMutable(), outs)) {
    operands.push_back(takeSpan(b, loc, out, *placeOf(op, init, dim), span));
    types.push_back(operands.back().getType());
    maps.push_back(op.getMatchingIndexingMap(&init));
  }
  auto part = cast<linalg::GenericOp>(clone(b, op, types, operands));
  part.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
  SmallVector<OpFoldResult> offsets(op.getNumLoops());
  offsets[dim] = b.getIndexAttr(span.begin);
  linalg::offsetIndices(b, part, offsets);
  SmallVector<Value> results;
  for (auto [result, out] : llvm::zip_equal(part.getResults(), outs)) {
    unsigned place = *positionOf(
        op.getIndexingMapMatchingResult(op->getResult(results.size())), dim);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, result),
                              places(sizes.size(), b.getIndexAttr(0)),
                              ones(sizes.size(), b.getIndexAttr(1));
    places[place] = b.getIndexAttr(span.begin);
    results.push_back(tensor::InsertSliceOp::create(b, loc, result, out, places,
                                                    sizes, ones));
  }
  return results;
}

namespace {
struct SplitAtSeams : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!isSeparable(op))
      return rewriter.notifyMatchFailure(op, "no parallel loops as they are");
    for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
      std::set<int64_t> seams = findSeams(op, dim);
      if (seams.empty() || seams.size() > kMostParts + 1)
        continue;
      SmallVector<Value> outs = llvm::to_vector(op.getOutputs());
      for (auto end = std::next(seams.begin()); end != seams.end(); ++end)
        outs = emitPart(rewriter, op, dim, {*std::prev(end), *end}, outs);
      rewriter.replaceOp(op, outs);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "reads no concatenation");
  }
};

struct SplitConcatenations
    : ::ssm::impl::SplitConcatenationsBase<SplitConcatenations> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitAtSeams>(&getContext());
    // A copy of a part is the part.
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
