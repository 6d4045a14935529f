//===- Clear.h - Zeros in the workspace -------------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_CLEAR_H
#define SSM_LIB_GPU_CLEAR_H

#include "Kernel.h"

namespace ssm {

/// Zeroes what `launch` expects to be zero: its bytes, and those of each of its
/// blocks, behind the regions of the stage.
Launch emitClear(mlir::OpBuilder &b, const KernelFrame &frame,
                 mlir::Location loc, const Launch &launch);

} // namespace ssm

#endif // SSM_LIB_GPU_CLEAR_H
