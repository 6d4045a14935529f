//===- BlockFFT.h - Transforms in a block's registers -----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_BLOCKFFT_H
#define SSM_LIB_GPU_BLOCKFFT_H

#include "Kernel.h"
#include "ssm/Plan/GPUFFTPlan.h"

namespace ssm {

class BlockFFT {
public:
  /// Of the thread's points of each round: see GPUFFTPlan.
  using Points = llvm::MutableArrayRef<Num>;

  /// Roots that do not depend on the points are computed here.
  BlockFFT(mlir::OpBuilder &b, Kernel &kernel, const GPUFFTPlan &plan);

  /// A number of modulus 1 that the thread's points are multiplied by on the
  /// way, and by its conjugate on the way back.
  void setFactor(Num number) { factor = number; }

  /// From the points of the first round to frequencies, where the last round
  /// has its points.
  void forward(Points z);
  /// Back, times the number of points.
  void inverse(Points z);

  /// What the thread has of the index of its points in a round, and the number
  /// of rounds.
  mlir::Value threadPart(int64_t round) { return parts[round]; }
  int64_t numRounds() const { return rounds.size(); }
  int64_t perThread() const { return plan.perThread(); }
  /// Whether a thread's points leave few of its registers.
  bool isFull() const { return perThread() > 16; }
  int64_t threads() const { return plan.threads(); }
  int64_t ownPart(int64_t round, int64_t i) const {
    return GPUFFTPlan::ownPart(rounds[round], i);
  }

  /// The thread's points of a round by runs of neighbours, of at most so many.
  llvm::SmallVector<llvm::SmallVector<int64_t>> runs(int64_t round,
                                                     int64_t most) const;

  /// A number in shared memory, in eight bytes.
  void store(mlir::Value memory, mlir::Value place, Num x);
  Num load(mlir::Value memory, mlir::Value place);

  Num conjugate(Num w) { return {w.re, k.num.negf(w.im)}; }

private:
  void butterflies(Points z, int64_t round, bool inverse);
  Num hide(Num x);
  void twiddle(Points z, int64_t round, bool inverse);
  void exchange(Points z, int64_t from, int64_t to);
  mlir::Value join(Num x);
  Num takeApart(mlir::Value both);
  mlir::Value findThreadPart(const GPUFFTPlan::Round &round);
  mlir::Value placeOf(int64_t round, int64_t i);

  mlir::OpBuilder &b;
  Kernel &k;
  GPUFFTPlan plan;
  std::vector<GPUFFTPlan::Round> rounds;
  mlir::Value memory;
  /// Of each round: the thread's part of an index, where it is in shared
  /// memory, and the roots of points 1, 2, 4 and 8 of a butterfly.
  llvm::SmallVector<mlir::Value> parts, places;
  llvm::SmallVector<llvm::SmallVector<Num>> roots;
  Num factor; ///< Null: 1.
};

} // namespace ssm

#endif // SSM_LIB_GPU_BLOCKFFT_H
