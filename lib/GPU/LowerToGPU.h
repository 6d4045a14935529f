//===- LowerToGPU.h - The kernels of a function -----------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_LOWERTOGPU_H
#define SSM_LIB_GPU_LOWERTOGPU_H

#include "Pointwise.h"

#include "llvm/ADT/MapVector.h"

namespace ssm {

/// Tensors of a function over the loop dimensions of its op.
using TensorMaps = llvm::SmallMapVector<mlir::Value, mlir::AffineMap, 8>;

/// What the function takes and returns, by the loop dimensions of its tensors.
/// Symbols are numbered as the dynamic ones are.
Signature describeTensors(mlir::func::FuncOp function, const TensorMaps &maps,
                          llvm::ArrayRef<int64_t> sizes);

/// The kernel of a function that is one recurrence; an error, and nothing, if
/// it is not: see LowerRecurrence.cpp.
std::optional<Launch> lowerRecurrence(mlir::OpBuilder &b,
                                      const KernelFrame &frame,
                                      llvm::StringRef chip);

/// Of NVIDIA's kernels, those that have more shared memory than they may
/// declare are given it by their launch: see SharedMemory.cpp.
void placeSharedMemory(mlir::gpu::GPUModuleOp parent, Launch &launch);

/// The kernels of a sequence of recurrences, products of matrices and so on:
/// see Stages.cpp.
std::optional<Launch> lowerStages(mlir::OpBuilder &b,
                                  mlir::gpu::GPUModuleOp parent,
                                  mlir::func::FuncOp function,
                                  llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_LOWERTOGPU_H
