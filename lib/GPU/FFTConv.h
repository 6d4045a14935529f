//===- FFTConv.h - Long convolutions by transforms --------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_FFTCONV_H
#define SSM_LIB_GPU_FFTCONV_H

#include "Kernel.h"

namespace ssm {

/// Blocks for each kernel and some of its signals: see FFTConv.cpp. The reason
/// is null if the convolution can be computed so, else why not.
const char *refusesFFTConv(LongConvOp op);
/// Of the kernel.
int64_t getTaps(LongConvOp op);
Launch emitFFTConv(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
                   mlir::func::FuncOp function, LongConvOp op,
                   llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_FFTCONV_H
