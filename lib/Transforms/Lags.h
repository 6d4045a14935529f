//===- Lags.h - Kernels along their lags ------------------------*- C++ -*-===//

#ifndef SSM_LIB_TRANSFORMS_LAGS_H
#define SSM_LIB_TRANSFORMS_LAGS_H

#include "mlir/IR/Builders.h"

namespace ssm {

/// `tensor` along `dim` cut to `size`, or continued by zeros.
mlir::Value resize(mlir::OpBuilder &b, mlir::Location loc, mlir::Value tensor,
                   unsigned dim, mlir::OpFoldResult size);

/// `tensor` with its last element along `dim` first.
mlir::Value reverse(mlir::OpBuilder &b, mlir::Location loc, mlir::Value tensor,
                    unsigned dim);

/// The elements of `tensor` along `dim` from `begin` on.
mlir::Value dropFront(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value tensor, unsigned dim,
                      mlir::OpFoldResult begin);

/// The kernel of `future`, lags ..., -2, -1 in this order, and `past`, lags 0,
/// 1, ...
mlir::Value joinSides(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value future, mlir::Value past, unsigned dim);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_LAGS_H
