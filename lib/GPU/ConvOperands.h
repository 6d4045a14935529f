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
  bool isAligned() const;
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
  using Numbers = llvm::SmallVector<Num>;
  /// `count` points of a window, from `point` on, which is `own` from the
  /// thread's.
  Numbers loadTaps(mlir::Value point, int64_t own, int64_t count);
  /// The window's first point is step `base` of the signal.
  Numbers loadSignal(mlir::Value base, mlir::Value point, int64_t own,
                     int64_t count);
  /// Of the window whose first result is step `first`.
  void storeResult(mlir::Value first, mlir::Value point, int64_t own,
                   llvm::ArrayRef<Num> z);
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
  Numbers readOrZero(const KernelTensor &tensor, unsigned dim,
                     mlir::Value index, mlir::Value isInside, int64_t count);
  Numbers readSignal(mlir::Value time, int64_t count);
  Numbers weigh(int64_t own, llvm::ArrayRef<Num> first,
                llvm::ArrayRef<Num> second);
  mlir::Value isBelow(mlir::Value x, mlir::Value bound);
  void storeSteps(mlir::Value first, mlir::Value point, llvm::ArrayRef<Num> y);
  mlir::Value stepOf(mlir::Value time);

  mlir::OpBuilder &b;
  Kernel &k;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  KernelTensor complexMemory;
};

} // namespace ssm

#endif // SSM_LIB_GPU_CONVOPERANDS_H
