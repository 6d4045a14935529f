//===- Powers.h - The taps of a kernel --------------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_POWERS_H
#define SSM_LIB_GPU_POWERS_H

#include "Kernel.h"

namespace ssm {

/// Why the taps of a kernel cannot be computed by Powers.cpp; null: they can.
const char *refusesPowers(MaterializeKernelOp op);
Launch emitPowers(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
                  mlir::func::FuncOp function, MaterializeKernelOp op,
                  llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_POWERS_H
