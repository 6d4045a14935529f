//===- FFTConv.h - Long convolutions by transforms --------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_FFTCONV_H
#define SSM_LIB_GPU_FFTCONV_H

#include "ConvOperands.h"

namespace ssm {

/// The reason is null if the convolution can be computed by transforms, else
/// why not.
const char *refusesFFTConv(LongConvOp op, llvm::StringRef chip);

/// What the kernels of one function have in common, in the order in which they
/// are launched.
class ConvKernels {
public:
  ConvKernels(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
              mlir::func::FuncOp function, const ConvShape &shape,
              const GPUConvPlan &plan, bool hasWorkspace)
      : b(b), parent(parent), function(function), shape(shape), plan(plan),
        hasWorkspace(hasWorkspace) {}

  /// Begins the next kernel.
  Kernel begin(int64_t threads);
  /// Ends it; its grid, and the bytes of the workspace that a block fills.
  void end(llvm::ArrayRef<GridFactor> grid, int64_t workspaceBytes = 0);

  mlir::OpBuilder &b;
  mlir::gpu::GPUModuleOp parent;
  mlir::func::FuncOp function;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  Launch launch;

private:
  bool hasWorkspace, isFurther = false;
  unsigned number = 0;
  KernelLaunch begun;
};

/// Blocks for each kernel and some windows of its signals: see FFTConv.cpp.
void emitFFTConv(ConvKernels &kernels);
/// The same by products of matrices: see MatrixFFTConv.cpp.
void emitMatrixFFTConv(ConvKernels &kernels);
/// Passes over one window in global memory: see LongFFTConv.cpp.
void emitLongFFTConv(ConvKernels &kernels);
/// A tensor with time last from one that has it elsewhere, or back: see
/// Transpose.cpp.
void emitTranspose(ConvKernels &kernels, KernelTensor ConvOperands::*which);

/// All kernels of a convolution; an error, and nothing, if there are none.
std::optional<Launch> emitConvolution(mlir::OpBuilder &b,
                                      mlir::gpu::GPUModuleOp parent,
                                      mlir::func::FuncOp function,
                                      const ConvShape &shape,
                                      llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_FFTCONV_H
