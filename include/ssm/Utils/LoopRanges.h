//===- LoopRanges.h - Sizes of a linalg op's loops --------------*- C++ -*-===//

#ifndef SSM_UTILS_LOOPRANGES_H
#define SSM_UTILS_LOOPRANGES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ssm {

/// Size of every loop dimension, read off the operands before the builder's
/// place: a constant where it is known.
llvm::SmallVector<mlir::OpFoldResult> getLoopSizes(mlir::OpBuilder &b,
                                                   mlir::linalg::GenericOp op);

} // namespace ssm

#endif // SSM_UTILS_LOOPRANGES_H
