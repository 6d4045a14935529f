//===- SumLanes.cpp - Sums across the lanes of vectors --------------------===//
//
// The sum of one vector takes log2(n) rounds of a shuffle and an addition, of
// which each halves the lanes that count. n vectors are summed together in as
// many rounds, whose shuffles fill the lanes with those of another vector:
//
//   a0 a1 a2 a3        a02 a13 b02 b13
//   b0 b1 b2 b3   s=2                    s=1   a b c d
//   c0 c1 c2 c3        c02 c13 d02 d13
//   d0 d1 d2 d3
//
// These are the exchanges of a transpose of the square (TransposeSquares.cpp),
// whose rows are added instead of kept: n - 1 additions and twice as many
// shuffles, where n sums apart take n log2(n) of each.
//
// Precondition: what computes the elements says that any order will do.
//
//===----------------------------------------------------------------------===//

#include "SumLanes.h"
#include "TransposeSquares.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

static bool sumsLastDim(vector::MultiDimReductionOp op) {
  VectorType type = op.getSourceVectorType();
  return op.getKind() == vector::CombiningKind::ADD && !type.isScalable() &&
         op.getReductionDims() == ArrayRef<int64_t>{type.getRank() - 1};
}

static bool mayReorder(vector::MultiDimReductionOp op) {
  auto element = op.getSource().getDefiningOp<arith::ArithFastMathInterface>();
  // Conversions need not have flags.
  auto flags = element ? element.getFastMathFlagsAttr() : nullptr;
  return flags && arith::bitEnumContainsAny(flags.getValue(),
                                            arith::FastMathFlags::reassoc);
}

/// The sum of the halves of a vector.
static Value addHalves(OpBuilder &b, Location loc, Value row) {
  int64_t half = cast<VectorType>(row.getType()).getNumElements() / 2;
  auto take = [&](int64_t from) {
    return vector::ExtractStridedSliceOp::create(b, loc, row, from, half, 1);
  };
  return arith::AddFOp::create(b, loc, take(0), take(half));
}

/// The sum of row i in lane i, of as many rows as lanes.
static Value sumSquare(OpBuilder &b, Location loc, SmallVector<Value> rows) {
  for (int64_t s = rows.size() / 2; s > 0; s /= 2) {
    for (int64_t i = 0; i < s; ++i) {
      ssm::exchangeBlocks(b, loc, rows[i], rows[i + s], s);
      rows[i] = arith::AddFOp::create(b, loc, rows[i], rows[i + s]);
    }
    rows.resize(s);
  }
  return rows[0];
}

namespace {
struct SumVector : OpRewritePattern<vector::MultiDimReductionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::MultiDimReductionOp op,
                                PatternRewriter &rewriter) const override {
    if (!sumsLastDim(op) || op.getSourceVectorType().getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not a sum of lanes");
    if (!mayReorder(op))
      return rewriter.notifyMatchFailure(op, "the order matters");
    rewriter.replaceOpWithNewOp<vector::ReductionOp>(
        op, vector::CombiningKind::ADD, op.getSource(), op.getAcc(),
        arith::FastMathFlags::reassoc);
    return success();
  }
};

struct SumMatrix : OpRewritePattern<vector::MultiDimReductionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::MultiDimReductionOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getSourceVectorType();
    if (!sumsLastDim(op) || type.getRank() != 2)
      return rewriter.notifyMatchFailure(op, "not sums of a matrix's rows");
    if (!mayReorder(op))
      return rewriter.notifyMatchFailure(op, "the order matters");
    int64_t lanes = std::min(type.getDimSize(0), type.getDimSize(1));
    if (!llvm::isPowerOf2_64(type.getDimSize(0)) ||
        !llvm::isPowerOf2_64(type.getDimSize(1)) || lanes < 2)
      return rewriter.notifyMatchFailure(op, "not made of squares");
    Location loc = op.getLoc();
    Value sums = op.getAcc();
    for (int64_t at = 0; at < type.getDimSize(0); at += lanes) {
      SmallVector<Value> rows;
      for (int64_t i = at; i < at + lanes; ++i) {
        Value row = vector::ExtractOp::create(rewriter, loc, op.getSource(), i);
        for (int64_t n = type.getDimSize(1); n > lanes; n /= 2)
          row = addHalves(rewriter, loc, row);
        rows.push_back(row);
      }
      Value square = sumSquare(rewriter, loc, rows);
      sums = vector::InsertStridedSliceOp::create(rewriter, loc, square, sums,
                                                  at, 1);
    }
    // The accumulator is what the sums were put into.
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, sums, op.getAcc());
    return success();
  }
};
} // namespace

void ssm::populateSumLanesPatterns(RewritePatternSet &patterns) {
  patterns.add<SumVector, SumMatrix>(patterns.getContext(), /*benefit=*/2);
}
