//===- TransposeSquares.cpp - Transposes in vector registers --------------===//
//
// A square of n rows of n elements, n a power of two, is transposed in log2(n)
// rounds. Each exchanges, for a distance s and pairs of rows (i, i + s), the
// elements j + s of the one with the elements j of the other:
//
//   a0 a1 a2 a3        a0 a1 b0 b1        a0 .. .. ..
//   .. .. .. ..   s=2  .. .. .. ..   s=1  a1 .. .. ..
//   b0 b1 b2 b3        a2 a3 b2 b3        a2 .. .. ..
//   .. .. .. ..        .. .. .. ..        a3 .. .. ..
//
// A round is one shuffle of two registers for each row.
//
// Reference: Eklundh, "A Fast Computer Method for Matrix Transposing" (1972).
//
//===----------------------------------------------------------------------===//

#include "TransposeSquares.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

/// Larger rows would not fit a register.
static constexpr int64_t kMaxRows = 16;

void ssm::exchangeBlocks(OpBuilder &b, Location loc, Value &low, Value &high,
                         int64_t s) {
  int64_t n = cast<VectorType>(low.getType()).getNumElements();
  SmallVector<int64_t> toLow, toHigh;
  for (int64_t j = 0; j < n; ++j) {
    toLow.push_back(j & s ? n + j - s : j);
    toHigh.push_back(j & s ? n + j : j + s);
  }
  Value first = low, second = high;
  low = vector::ShuffleOp::create(b, loc, first, second, toLow);
  high = vector::ShuffleOp::create(b, loc, first, second, toHigh);
}

namespace {
struct TransposeSquare : OpRewritePattern<vector::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getSourceVectorType();
    if (type.getRank() != 2 || type.isScalable() ||
        op.getPermutation() != ArrayRef<int64_t>{1, 0})
      return rewriter.notifyMatchFailure(op, "not a transpose of a matrix");
    int64_t n = type.getDimSize(0);
    if (type.getDimSize(1) != n || !llvm::isPowerOf2_64(n) || n > kMaxRows)
      return rewriter.notifyMatchFailure(op, "not a small square");
    Location loc = op.getLoc();
    SmallVector<Value> rows;
    for (int64_t i = 0; i < n; ++i)
      rows.push_back(
          vector::ExtractOp::create(rewriter, loc, op.getVector(), i));
    for (int64_t s = n / 2; s > 0; s /= 2)
      for (int64_t i = 0; i < n; ++i)
        if (!(i & s))
          ssm::exchangeBlocks(rewriter, loc, rows[i], rows[i + s], s);
    Value result = op.getVector();
    for (int64_t i = 0; i < n; ++i)
      result = vector::InsertOp::create(rewriter, loc, rows[i], result, i);
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void ssm::populateTransposeSquaresPatterns(RewritePatternSet &patterns) {
  patterns.add<TransposeSquare>(patterns.getContext());
}
