//===- Kernel.h - What the kernels of a recurrence share --------*- C++ -*-===//
#ifndef SSM_LIB_GPU_KERNEL_H
#define SSM_LIB_GPU_KERNEL_H

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace ssm {

/// Grid and block: ceil(product of elements / perBlock) blocks. An element that
/// is negative, -k-1, is the k-th dynamic size.
struct Launch {
  int64_t threads = 0, perBlock = 1;
  llvm::SmallVector<int64_t> elements;
};

/// A tensor of the recurrence in the kernel's memory.
struct KernelTensor {
  mlir::Value pointer; ///< Null: absent.
  mlir::AffineMap map;
  mlir::Type element;

  explicit operator bool() const { return bool(pointer); }
};

/// The function around a kernel, and access to the recurrence's tensors.
/// Indices and offsets are i64.
class Kernel {
public:
  /// Begins a gpu.func for the recurrence that is `function`'s body, whose
  /// blocks have `threads` threads. `b` is then in its body.
  Kernel(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
         mlir::func::FuncOp function, LinearRecurrenceOp op, int64_t threads);

  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value threadIndex();
  mlir::Value blockIndex();
  /// Size of a loop dimension, and how a launch names it.
  mlir::Value size(unsigned dim) { return sizes[dim]; }
  int64_t launchSize(unsigned dim) const { return launchSizes[dim]; }

  /// Offset in elements; loop dimensions whose index is null count as 0.
  mlir::Value offset(const KernelTensor &tensor,
                     llvm::ArrayRef<mlir::Value> indices);
  /// `count` elements that follow each other, in one access: its size must be
  /// a power of two, of at most 16 bytes, and divide the offset's.
  llvm::SmallVector<Num> load(const KernelTensor &tensor, mlir::Value offset,
                              unsigned count = 1);
  void store(const KernelTensor &tensor, mlir::Value offset,
             llvm::ArrayRef<Num> x);

  LinearRecurrenceOp op;
  mlir::Location loc;
  NumBuilder num;
  mlir::gpu::GPUFuncOp kernel;
  KernelTensor transition, signal, input, output, init, result, final;

private:
  mlir::Value laneNumber(int64_t i);
  mlir::Value address(const KernelTensor &tensor, mlir::Value offset);

  mlir::OpBuilder &b;
  llvm::SmallVector<mlir::Value> sizes;
  llvm::SmallVector<int64_t> launchSizes;
};

/// One thread for each element of the parallel dimensions: see ChannelScan.cpp.
/// The reason is null if the kernel can express the recurrence, else what it
/// cannot.
const char *refusesChannelScan(LinearRecurrenceOp op);
Launch emitChannelScan(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
                       mlir::func::FuncOp function, LinearRecurrenceOp op);

/// One block for each row of contiguous time: see RowScan.cpp.
bool isRowScan(LinearRecurrenceOp op);
Launch emitRowScan(mlir::OpBuilder &b, mlir::gpu::GPUModuleOp parent,
                   mlir::func::FuncOp function, LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_LIB_GPU_KERNEL_H
