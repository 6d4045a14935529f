//===- ExpandCopies.cpp - Copies of strided buffers to linalg -------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/IR/PatternMatch.h"

namespace ssm {
#define GEN_PASS_DEF_EXPANDCOPIES
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// True if the elements lie row-major without gaps, at any offset.
static bool isContiguous(MemRefType type) {
  if (type.getLayout().isIdentity())
    return true;
  SmallVector<int64_t> strides;
  int64_t offset, stride = 1;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return false;
  for (auto [size, have] : llvm::reverse(llvm::zip(type.getShape(), strides))) {
    if (size == 1)
      continue;
    if (ShapedType::isDynamic(stride) || have != stride)
      return false;
    stride = ShapedType::isDynamic(size) ? size : stride * size;
  }
  return true;
}

namespace {
struct ExpandCopies : ::ssm::impl::ExpandCopiesBase<ExpandCopies> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](memref::CopyOp copy) {
      if (copy.getSource() == copy.getTarget())
        return rewriter.eraseOp(copy);
      auto source = dyn_cast<MemRefType>(copy.getSource().getType());
      auto target = dyn_cast<MemRefType>(copy.getTarget().getType());
      if (!source || !target || (isContiguous(source) && isContiguous(target)))
        return;
      rewriter.setInsertionPoint(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      rewriter.eraseOp(copy);
    });
  }
};
} // namespace
