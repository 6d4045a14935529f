//===- AssociativeScan.h - ssm.associative_scan as a scan -------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_ASSOCIATIVESCAN_H
#define SSM_LIB_LOWERING_ASSOCIATIVESCAN_H

#include "Scan.h"
#include "ssm/IR/SSMOps.h"

namespace ssm {

/// Its dimensions are those of the inputs; all but time are independent.
std::unique_ptr<ScanProblem> makeAssociativeScan(mlir::OpBuilder &b,
                                                 AssociativeScanOp op);

/// The components whose results are used, and those that a prefix carries for
/// them.
llvm::SmallVector<unsigned> usedComponents(AssociativeScanOp op);
llvm::SmallVector<unsigned> carriedComponents(AssociativeScanOp op);

/// The components of left * right that are asked for, on scalars. Values of
/// components that are not needed may be null.
llvm::SmallVector<mlir::Value> combineScalars(mlir::OpBuilder &b,
                                              AssociativeScanOp op,
                                              llvm::ArrayRef<mlir::Value> left,
                                              llvm::ArrayRef<mlir::Value> right,
                                              llvm::ArrayRef<unsigned> wanted);

/// A zero, which nothing reads where there is no identity.
mlir::Value makeZero(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type);

} // namespace ssm

#endif // SSM_LIB_LOWERING_ASSOCIATIVESCAN_H
