//===- Contraction.h - Sums of products over loop dimensions ----*- C++ -*-===//

#ifndef SSM_LIB_TRANSFORMS_CONTRACTION_H
#define SSM_LIB_TRANSFORMS_CONTRACTION_H

#include "ssm/IR/SSMAttributes.h"
#include "ssm/Utils/Generic.h"

namespace ssm {

/// out = proj(sum of x * y over the loop dimensions that `outMap` lacks), with
/// at least 32-bit sums; the result has the operands' precision.
mlir::Value contract(mlir::OpBuilder &b, mlir::Location loc,
                     llvm::ArrayRef<mlir::OpFoldResult> loopSizes, Indexed x,
                     Indexed y, mlir::AffineMap outMap, Projection projection);

/// Drops the loop dimensions that no map uses; `time` moves along.
llvm::SmallVector<mlir::AffineMap>
dropUnusedLoops(llvm::ArrayRef<mlir::AffineMap> maps, uint64_t &time);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_CONTRACTION_H
