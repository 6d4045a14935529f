//===- ConvOperands.h - What a convolution reads and writes -----*- C++ -*-===//
#ifndef SSM_LIB_GPU_CONVOPERANDS_H
#define SSM_LIB_GPU_CONVOPERANDS_H

#include "BlockFFT.h"
#include "ssm/Plan/GPUConvPlan.h"

namespace ssm {

/// A convolution over its loop dimensions, and one more for the kernel's lags.
struct ConvShape {
  explicit ConvShape(LongConvOp op);

  GPUConvProblem problem(llvm::StringRef chip) const;
  /// Whether a tensor has time last: others are turned first.
  bool isTurned(mlir::AffineMap map) const;

  mlir::Location loc;
  mlir::Value signal, kernel, result;
  bool isBackward;
  unsigned time, lag;
  llvm::SmallVector<int64_t> sizes; ///< Static ones.
  mlir::AffineMap signalMap, kernelMap, resultMap;
  llvm::SmallVector<unsigned> kernelDims, signalDims; ///< Without time.
  /// Taps that reach a result: so many, of which the one for lag `future` is at
  /// this place; those in front are left out.
  int64_t taps, skipped, future;
  bool isComplex;

private:
  std::optional<int64_t> countRows(llvm::ArrayRef<unsigned> dims) const;
};

/// Its tensors in a kernel's memory, those that are turned in the workspace,
/// and the points of windows that they have. The factor of a point's weight is
/// one of the thread, and another that is known for each of its points.
class ConvOperands {
public:
  ConvOperands(mlir::OpBuilder &b, Kernel &kernel, const ConvShape &shape,
               const GPUConvPlan &plan);

  mlir::Value countRows(llvm::ArrayRef<unsigned> dims);
  GridFactor rowFactor(llvm::ArrayRef<unsigned> dims, int64_t perBlock = 1);
  /// Goes to a kernel or a signal.
  void enter(mlir::Value number, llvm::ArrayRef<unsigned> dims) {
    k.split(number, dims, indices);
  }

  /// The thread's factor of the weights of its points; none for complex ones.
  Num weightOf(BlockFFT &fft, mlir::Value threadPoint);
  /// The point `point` of a window, which is `own` from the thread's.
  Num loadTaps(mlir::Value point, int64_t own);
  /// The window's first point is step `base` of the signal.
  Num loadSignal(mlir::Value base, mlir::Value point, int64_t own);
  /// Of the window whose first result is step `first`.
  void storeResult(mlir::Value first, mlir::Value point, int64_t own, Num z);
  /// The first step of the signal that the window with result `first` needs.
  mlir::Value baseOf(mlir::Value first) {
    return k.add(first, k.constant(shape.future - plan.overlap));
  }

  /// Complex numbers behind what is turned in the workspace.
  KernelTensor spectra() const { return complexMemory; }

  KernelTensor signal, kernel, result;
  llvm::SmallVector<mlir::Value> indices;

private:
  KernelTensor place(KernelTensor tensor, mlir::Value &offset);
  Num ownWeight(int64_t own);
  Num readOrZero(const KernelTensor &tensor, unsigned dim, mlir::Value index,
                 mlir::Value isInside);
  Num readSignal(mlir::Value time);
  mlir::Value isBelow(mlir::Value x, mlir::Value bound);
  void storeStep(mlir::Value first, mlir::Value point, Num y);
  mlir::Value stepOf(mlir::Value time);

  mlir::OpBuilder &b;
  Kernel &k;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  KernelTensor complexMemory;
};

} // namespace ssm

#endif // SSM_LIB_GPU_CONVOPERANDS_H
