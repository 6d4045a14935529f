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
  bool hasMatrices; ///< Asked for by the strategy.

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

  /// A block's windows, of signals that share a kernel.
  struct Share {
    mlir::Value firstWindow, endWindow, firstSignal, endSignal;
  };
  /// Goes to the block's kernel.
  Share findShare();
  llvm::SmallVector<GridFactor> gridOfShares();
  /// Where a window is.
  struct Place {
    mlir::Value signal, window;
  };
  /// Windows of a share, of one signal after the other.
  mlir::Value countWindows(const Share &share);
  Place placeOf(const Share &share, mlir::Value number);
  void enterSignal(mlir::Value number) { enter(number, shape.signalDims); }
  /// The first result of a window.
  mlir::Value resultOf(mlir::Value window) {
    return k.mul(window, k.constant(plan.step));
  }

  /// The thread's factor of the weights of its points; none for complex ones.
  Num weightOf(mlir::Value threadPoint);
  using Numbers = llvm::SmallVector<Num>;
  /// `count` points of a window, from `own` on behind the thread's. Of real
  /// numbers those of the second half are imaginary parts, where it has any.
  Numbers takeTaps(mlir::Value thread, int64_t own, int64_t count);
  /// The window's first point is step `base` of the signal, if there is one.
  Numbers takeSignal(mlir::Value base, mlir::Value thread, int64_t own,
                     int64_t count, mlir::Value isThere = {});
  /// Of the window whose first result is step `first`.
  void putResult(mlir::Value first, mlir::Value thread, int64_t own,
                 llvm::ArrayRef<Num> y);
  /// Real results of a half of the window.
  void putHalf(mlir::Value first, mlir::Value thread, int64_t own, int64_t half,
               llvm::ArrayRef<mlir::Value> y);
  /// Whether any signal or kernel has numbers in the second half of a window.
  bool hasSecondHalf() const {
    return !plan.isOne ||
           std::max(shape.sizes[shape.time], shape.taps) > plan.points();
  }
  /// Whether the point so far behind the thread's has an imaginary part.
  bool hasSecondPart(int64_t own) const {
    return plan.isComplex || !plan.isOne ||
           shape.sizes[shape.time] > plan.points() + own;
  }
  bool hasSecondResults(int64_t own = 0) const {
    return plan.overlap + plan.step > plan.points() + own;
  }
  /// Times the weights that are known for each point, and of results their
  /// conjugates.
  Numbers weigh(int64_t own, Numbers z);
  Numbers unweigh(int64_t own, Numbers z);
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
  std::pair<mlir::Value, mlir::Value>
  takeGroup(mlir::Value &block, mlir::Value count, int64_t perBlock);
  mlir::Value difference(mlir::Value first, mlir::Value end);
  Num ownWeight(int64_t own);
  Numbers readOrZero(const KernelTensor &tensor, unsigned dim,
                     mlir::Value index, mlir::Value isInside, int64_t count);
  Numbers readSignal(mlir::Value time, int64_t count, mlir::Value isThere);
  Numbers join(Numbers first, llvm::ArrayRef<Num> second);
  mlir::Value isBelow(mlir::Value x, mlir::Value bound);
  void storeSteps(mlir::Value first, mlir::Value thread, int64_t own,
                  llvm::ArrayRef<Num> y);
  mlir::Value stepOf(mlir::Value time);

  mlir::OpBuilder &b;
  Kernel &k;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  KernelTensor complexMemory;
};

} // namespace ssm

#endif // SSM_LIB_GPU_CONVOPERANDS_H
