//===- SliceProducers.cpp - Compute slices instead of wholes --------------===//
//
// Before: y = linalg.generic(x, w)          w: [k, 2n]
//         u, z = slices of y                of its columns 0 .. n and n .. 2n
//
// After:  u = linalg.generic(x, slice of w)
//         z = linalg.generic(x, slice of w)
//
// A slice of an argument is a part of its memory, but one of what a kernel
// computes would have to be stored where it is, and copied for a scan.
//
// Precondition: nothing else reads y, and slices have no more elements than it.
//
//===----------------------------------------------------------------------===//
#include "SliceProducers.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace {

/// Offsets and sizes of loops; those that the result lacks are whole.
struct LoopSlices {
  SmallVector<OpFoldResult> offsets, sizes;
  SmallVector<bool> areCut;
};

/// Without gaps, of all dimensions.
bool isPlain(tensor::ExtractSliceOp slice) {
  return slice.hasUnitStride() &&
         slice.getType().getRank() == slice.getSourceType().getRank() &&
         slice.getSourceType().hasStaticShape() &&
         slice.getType().hasStaticShape() &&
         llvm::none_of(slice.getStaticOffsets(), ShapedType::isDynamic);
}

bool areDisjoint(Value whole) {
  int64_t left = cast<RankedTensorType>(whole.getType()).getNumElements();
  for (Operation *user : whole.getUsers()) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
    if (!slice || !isPlain(slice))
      return false;
    left -= slice.getType().getNumElements();
  }
  return left >= 0;
}

struct SliceProducer : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp slice,
                                PatternRewriter &rewriter) const override {
    auto op = slice.getSource().getDefiningOp<linalg::GenericOp>();
    if (!op || op.getNumResults() != 1 || !op.hasPureTensorSemantics() ||
        op.hasIndexSemantics())
      return rewriter.notifyMatchFailure(slice, "not of one plain linalg op");
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    if (!llvm::all_of(
            maps, [](AffineMap map) { return map.isProjectedPermutation(); }))
      return rewriter.notifyMatchFailure(op, "elements are not its own");
    if (!isPlain(slice) || !areDisjoint(op.getResult(0)))
      return rewriter.notifyMatchFailure(op, "would compute elements twice");
    LoopSlices loops = sliceLoops(slice, op, rewriter);
    SmallVector<Value> operands;
    for (auto [operand, map] : llvm::zip_equal(op->getOperands(), maps))
      operands.push_back(cut(operand, map, loops, rewriter));
    Operation *part = mlir::clone(rewriter, op, {slice.getType()}, operands);
    rewriter.replaceOp(slice, part);
    return success();
  }

private:
  static LoopSlices sliceLoops(tensor::ExtractSliceOp slice,
                               linalg::GenericOp op, OpBuilder &b) {
    LoopSlices loops;
    loops.areCut.assign(op.getNumLoops(), false);
    loops.offsets.assign(op.getNumLoops(), b.getIndexAttr(0));
    auto ranges = cast<linalg::LinalgOp>(op.getOperation())
                      .createLoopRanges(b, op.getLoc());
    for (const Range &range : ranges)
      loops.sizes.push_back(range.size);
    AffineMap map = op.getIndexingMapsArray().back();
    for (unsigned i = 0; i < map.getNumResults(); ++i) {
      unsigned loop = map.getDimPosition(i);
      loops.offsets[loop] = slice.getMixedOffsets()[i];
      loops.areCut[loop] = loops.sizes[loop] != slice.getMixedSizes()[i];
      loops.sizes[loop] = slice.getMixedSizes()[i];
    }
    return loops;
  }

  static Value cut(Value operand, AffineMap map, const LoopSlices &loops,
                   OpBuilder &b) {
    SmallVector<OpFoldResult> offsets, sizes;
    bool isCut = false;
    for (unsigned i = 0; i < map.getNumResults(); ++i) {
      unsigned loop = map.getDimPosition(i);
      offsets.push_back(loops.offsets[loop]);
      sizes.push_back(loops.sizes[loop]);
      isCut |= loops.areCut[loop];
    }
    SmallVector<OpFoldResult> steps(sizes.size(), b.getIndexAttr(1));
    return isCut ? tensor::ExtractSliceOp::create(b, operand.getLoc(), operand,
                                                  offsets, sizes, steps)
                       .getResult()
                 : operand;
  }
};

} // namespace

void ssm::populateSliceProducersPatterns(RewritePatternSet &patterns) {
  patterns.add<SliceProducer>(patterns.getContext());
}
