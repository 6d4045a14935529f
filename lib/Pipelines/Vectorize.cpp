//===- Vectorize.cpp - Small static tiles to vectors ----------------------===//
//
// Before: %h1 = linalg.generic ins(%a_t : tensor<64xf32>) outs(%h) { a * h }
// After:  %va = vector.transfer_read %a[%t, 0] ...
//         %h1 = arith.mulf %va, %vh : vector<64xf32>
//
// Large or dynamic ops, those that compute much of each element, and those on
// complex numbers, which vectors cannot hold, stay loops; LLVM vectorises the
// innermost of those.
//
//===----------------------------------------------------------------------===//

#include "SumLanes.h"
#include "TransposeSquares.h"
#include "ssm/Pipelines/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_VECTORIZE
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Whether every scalar that the op computes with can be a vector's element.
static bool hasVectorElements(linalg::LinalgOp op) {
  auto isElement = [](Type type) {
    return VectorType::isValidElementType(getElementTypeOrSelf(type));
  };
  // In memory the bits of a vector are packed, and those of a tensor are not.
  auto isPacked = [](Type type) {
    Type element = getElementTypeOrSelf(type);
    return element.isIntOrFloat() && element.getIntOrFloatBitWidth() < 8;
  };
  if (!llvm::all_of(op->getOperandTypes(), isElement) ||
      llvm::any_of(op->getOperandTypes(), isPacked))
    return false;
  return !op.getBlock()
              ->walk([&](Operation *nested) {
                bool fits =
                    llvm::all_of(nested->getOperandTypes(), isElement) &&
                    llvm::all_of(nested->getResultTypes(), isElement);
                return fits ? WalkResult::advance() : WalkResult::interrupt();
              })
              .wasInterrupted();
}

/// A transpose that would fall apart into single elements, see
/// TransposeSquares.cpp.
static bool isOddTranspose(linalg::LinalgOp op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || !linalg::isaTransposeOpInterface(generic))
    return false;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  return sizes.size() != 2 || sizes[0] != sizes[1] ||
         !llvm::isPowerOf2_64(sizes[0]);
}

static bool isSmallTile(linalg::LinalgOp op, int64_t maxElements,
                        int64_t maxRows) {
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  int64_t elements = 1;
  for (int64_t size : sizes) {
    if (ShapedType::isDynamic(size) || size == 0 || size > maxElements)
      return false;
    elements *= size;
    if (elements > maxElements)
      return false;
  }
  // A scalar op is no vector op, and rows of one element are many of those.
  int64_t operations = llvm::range_size(op.getBlock()->without_terminator());
  return elements > 1 && elements / sizes.back() * operations <= maxRows;
}

namespace {
/// The sum of a matrix's rows, with additions that may be contracted with the
/// products they add: upstream's lowering knows no fast-math flags.
struct SumRows : OpRewritePattern<vector::MultiDimReductionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::MultiDimReductionOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getSourceVectorType();
    if (op.getKind() != vector::CombiningKind::ADD ||
        !isa<FloatType>(type.getElementType()) || type.isScalable() ||
        type.getRank() != 2 || op.getReductionDims() != ArrayRef<int64_t>{0})
      return rewriter.notifyMatchFailure(op, "not a sum of rows");
    Value sum = op.getAcc();
    for (int64_t i = 0; i < type.getDimSize(0); ++i) {
      Value row =
          vector::ExtractOp::create(rewriter, op.getLoc(), op.getSource(), i);
      sum = arith::AddFOp::create(rewriter, op.getLoc(), row, sum,
                                  arith::FastMathFlags::contract);
    }
    rewriter.replaceOp(op, sum);
    return success();
  }
};

/// A read of rows that are one element each, in every lane. What upstream's
/// patterns leave of them, since the elements lie in slices of matrices, would
/// become a loop over lanes.
struct SplatRows : OpRewritePattern<vector::TransferReadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::TransferReadOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getVectorType();
    AffineMap map = op.getPermutationMap();
    if (op.hasOutOfBoundsDim() || op.getMask() || type.isScalable() ||
        type.getRank() == 0 || !isa<RankedTensorType>(op.getBase().getType()) ||
        !isa<AffineConstantExpr>(map.getResults().back()))
      return rewriter.notifyMatchFailure(op, "not of elements in every lane");
    Location loc = op.getLoc();
    SmallVector<int64_t> rows(type.getShape());
    rows.back() = 1;
    SmallVector<Value> elements;
    for (int64_t i = 0, e = ShapedType::getNumElements(rows); i < e; ++i) {
      SmallVector<Value> at(op.getIndices());
      for (auto [expr, offset] : llvm::zip_equal(
               map.getResults(), delinearize(i, computeStrides(rows))))
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          at[dim.getPosition()] = affine::makeComposedAffineApply(
              rewriter, loc, rewriter.getAffineDimExpr(0) + offset,
              {at[dim.getPosition()]});
      elements.push_back(
          tensor::ExtractOp::create(rewriter, loc, op.getBase(), at));
    }
    Value splats = vector::FromElementsOp::create(
        rewriter, loc, VectorType::get(rows, type.getElementType()), elements);
    rewriter.replaceOpWithNewOp<vector::BroadcastOp>(op, type, splats);
    return success();
  }
};

struct Vectorize : ::ssm::impl::VectorizeBase<Vectorize> {
  using VectorizeBase::VectorizeBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    tensor::populateFoldTensorSubsetIntoVectorTransferPatterns(set);
    vector::TransferReadOp::getCanonicalizationPatterns(set, context);
    vector::TransferWriteOp::getCanonicalizationPatterns(set, context);
    set.add<SumRows>(context, /*benefit=*/2);
    ::ssm::populateSumLanesPatterns(set);
    vector::populateVectorMultiReductionLoweringPatterns(
        set, vector::VectorMultiReductionLowering::InnerParallel);
    vector::populateVectorTransferPermutationMapLoweringPatterns(set);
    ::ssm::populateTransposeSquaresPatterns(set);
    set.add<SplatRows>(context, /*benefit=*/0);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> tiles;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() &&
          isSmallTile(op, maxElements, maxRows) && hasVectorElements(op) &&
          !isOddTranspose(op))
        tiles.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : tiles) {
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::VectorizationResult> vectorized =
          linalg::vectorize(rewriter, op);
      // What cannot be vectorised is still correct as a loop.
      if (succeeded(vectorized))
        rewriter.replaceOp(op, vectorized->replacements);
    }
    if (failed(applyPatternsGreedily(getOperation(), patterns)))
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
