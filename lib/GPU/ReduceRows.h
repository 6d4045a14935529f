//===- ReduceRows.h - Sums and maxima of rows -------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_REDUCEROWS_H
#define SSM_LIB_GPU_REDUCEROWS_H

#include "Pointwise.h"

namespace ssm {

/// Whether the op reduces rows as a kernel does: see ReduceRows.cpp.
bool isRowReduction(mlir::Operation *op);

/// Whether two of them may be of the same rows, so that a kernel of one
/// computes the other on its way.
bool areOfOneKind(mlir::linalg::GenericOp x, mlir::linalg::GenericOp y);

/// A value over the loops of a row reduction, from one of its kind that it is
/// computed from: of its rows' results, or of their elements too; nothing if it
/// has other dimensions.
std::optional<mlir::AffineMap> findRowMap(mlir::Value value,
                                          mlir::linalg::GenericOp reduction);

/// The kernel of a row reduction and others of its kind. `results` are
/// elementwise of these, over its loops.
std::optional<Launch> emitRowReduction(mlir::OpBuilder &b,
                                       const KernelFrame &frame,
                                       mlir::linalg::GenericOp reduction,
                                       llvm::ArrayRef<Mapped> results);

} // namespace ssm

#endif // SSM_LIB_GPU_REDUCEROWS_H
