//===- TimeChunks.h - Few channels, in chunks of time -----------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TIMECHUNKS_H
#define SSM_LIB_LOWERING_TIMECHUNKS_H

#include "Scan.h"

namespace ssm {

/// Scans the problem's chunks of time in parallel where each forgets what is
/// before it; `inOrder` emits the scan of all steps into `outs`, for where they
/// do not.
llvm::SmallVector<mlir::Value> emitTimeChunks(
    mlir::OpBuilder &b, ScanProblem &problem, mlir::ValueRange outs,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)>
        inOrder);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TIMECHUNKS_H
