//===- MatrixFFT.h - Transforms by products of matrices ---------*- C++ -*-===//
#ifndef SSM_LIB_GPU_MATRIXFFT_H
#define SSM_LIB_GPU_MATRIXFFT_H

#include "MatrixRoots.h"

namespace ssm {

/// Of a block's complex numbers; of frequencies that are shifted by a quarter,
/// if asked for.
class MatrixFFT {
public:
  using Numbers = llvm::SmallVector<Num>;
  static constexpr int64_t kPerLane = 8; ///< Of a matrix of 16 x 16.
  static constexpr int64_t kNeighbours = GPUMatrixFFTPlan::kNeighbours;
  /// Of a thread: (4 half + row) kNeighbours + i has the i-th n3, and n2 and n1
  /// of a half and a row.
  static constexpr int64_t kPoints = kPerLane * kNeighbours;

  MatrixFFT(mlir::OpBuilder &b, Kernel &kernel, const GPUMatrixFFTPlan &plan,
            bool isShifted);

  /// What the thread has of the index of its points, and a point; their sum is
  /// the index. Each time it is a value of its own, see Kernel::opaque: no loop
  /// keeps all points.
  mlir::Value threadPoint();
  int64_t ownPoint(int64_t i) const;

  using Words = WarpMatrix::Words;
  using Factor = MatrixRoots::Factor;
  /// The thread's points of one n3: word 2 half + h has rows 2 h and 2 h + 1.
  /// Of real numbers there are only real parts.
  struct Column {
    Words re;
    std::optional<Words> im;
  };

  /// What is left for the tiles is there once all threads have come here.
  void forward(llvm::ArrayRef<Column> z);
  /// Of a kernel: calls for each of the warp's tiles with the frequencies that
  /// the lane has, as a signal's are to be multiplied by them.
  void forKernel(llvm::function_ref<void(mlir::Value tile, Numbers)> body);
  /// Of a signal: makes what `change` makes of them the argument of inverse,
  /// once all threads have come here.
  void
  changeTiles(llvm::function_ref<Numbers(mlir::Value tile, Numbers)> change);
  /// Of the thread's i-th n3, all but the last sum of the way back, over k1.
  Factor beforeInverse(int64_t i);
  /// That sum: real or imaginary parts of its (4 half + row)-th points.
  std::array<mlir::Value, kPerLane> inverse(int64_t i, const Factor &x,
                                            bool imag);

private:
  mlir::Value scale(mlir::Value x, int64_t by) {
    return k.mul(x, k.constant(by));
  }
  mlir::Value exclusiveOr(mlir::Value x, mlir::Value y);
  mlir::Value bitsOf(mlir::Value x, int64_t shift, int64_t mask);
  Words negate(Words words);
  void turn(Numbers &x, llvm::ArrayRef<Num> by, bool inverse);

  Numbers overFirst(const Column &z, const Factor &left);
  llvm::SmallVector<mlir::Value> multiplyPart(const Factor &left,
                                              const Factor &right,
                                              bool conjugate, bool imag);
  Numbers multiply(const Factor &left, const Factor &right, bool conjugate);
  Numbers multiplyTile(const Factor &left, const Factor &right, bool conjugate);
  Factor asLeft(llvm::ArrayRef<Num> x);
  Numbers overSecondBack(int64_t i);

  mlir::Value swizzleRow(mlir::Value k1, mlir::Value unit);
  mlir::Value place(mlir::Value thread, int64_t own);
  mlir::Value wholeUnit(mlir::Value memory, mlir::Value unit);
  void storeRows(llvm::ArrayRef<Numbers> all);
  mlir::Value tileOf(int64_t i);
  Numbers loadTile(int64_t i);
  void addHalves(llvm::MutableArrayRef<Numbers> tiles);
  void forTiles(llvm::function_ref<void(int64_t first,
                                        llvm::MutableArrayRef<Numbers> tiles)>
                    body);
  void storeColumns(int64_t tile, llvm::ArrayRef<Num> x);

  mlir::OpBuilder &b;
  Kernel &k;
  GPUMatrixFFTPlan plan;
  bool isShifted;
  WarpMatrix matrix;
  mlir::Value warp, rows, columns;
  MatrixRoots roots;
};

} // namespace ssm

#endif // SSM_LIB_GPU_MATRIXFFT_H
