//===- BlockFFT.h - Transforms in a block's registers -----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_BLOCKFFT_H
#define SSM_LIB_GPU_BLOCKFFT_H

#include "Kernel.h"
#include "ssm/Plan/GPUConvPlan.h"

namespace ssm {

class BlockFFT {
public:
  /// Of the thread's points of each round: see GPUConvPlan.
  using Points = llvm::MutableArrayRef<Num>;

  /// Roots that do not depend on the points are computed here. With `order`, a
  /// thread's points are multiplied on the way by exp(2 pi i thread / order),
  /// and by its conjugate on the way back.
  BlockFFT(mlir::OpBuilder &b, Kernel &kernel, const GPUConvPlan &plan,
           int64_t order);

  /// From the points of the first round to frequencies, in some order, where
  /// the last round has its points.
  void forward(Points z);
  /// Back, times the number of points.
  void inverse(Points z);

private:
  /// exp(2 pi i j / order) for 0 <= j < order, a power of two.
  Num rootOfUnity(mlir::Value j, int64_t order);
  void butterflies(Points z, int64_t round, bool inverse);
  void twiddle(Points z, int64_t round, bool inverse);
  void exchange(Points z, int64_t from, int64_t to);
  mlir::Value placeOf(int64_t round, int64_t i);
  Num polynomial(mlir::Value quarters);

  mlir::OpBuilder &b;
  Kernel &k;
  const GPUConvPlan &plan;
  mlir::Value memory;
  /// Of each round: where its first point is in shared memory, and the roots of
  /// points 1, 2, 4 and 8.
  llvm::SmallVector<mlir::Value> places;
  llvm::SmallVector<llvm::SmallVector<Num>> roots;
  Num factor; ///< Of the first round's points.
};

} // namespace ssm

#endif // SSM_LIB_GPU_BLOCKFFT_H
