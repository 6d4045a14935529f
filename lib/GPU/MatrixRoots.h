//===- MatrixRoots.h - What transforms by matrices multiply by --*- C++ -*-===//
#ifndef SSM_LIB_GPU_MATRIXROOTS_H
#define SSM_LIB_GPU_MATRIXROOTS_H

#include "WarpMatrix.h"
#include "ssm/Plan/GPUMatrixFFTPlan.h"

namespace ssm {

/// Roots of unity of a lane, with positive exponents; see GPUMatrixFFTPlan for
/// the digits. A lane has element 4 j + 2 a + e of a product in row g + 8 a and
/// column 2 t + e + 8 j.
struct MatrixRoots {
  using Numbers = llvm::SmallVector<Num>;
  /// A factor in words of bf16.
  struct Factor {
    WarpMatrix::Words re, im;
  };

  MatrixRoots(mlir::OpBuilder &b, Kernel &kernel, WarpMatrix &matrix,
              mlir::Value warp, const GPUMatrixFFTPlan &plan, bool isShifted);

  /// Of each n3 of the warp: left, over n1; right, over k1.
  std::array<Factor, GPUMatrixFFTPlan::kNeighbours> first, firstBack;
  /// Right, over n2; left, over k2, times kSign: words of its own, since those
  /// that are neighbours in registers are others.
  static constexpr double kSign = -1;
  Factor second, secondBack;
  /// Of each tile: right, over n3 or k3.
  std::array<Factor, GPUMatrixFFTPlan::kTiles> third;

  /// Between the products over n1 and n2, and the same on the way back.
  Numbers outer;

  /// What a kernel's frequencies are to be multiplied by, of each tile.
  using OfTiles = std::array<Numbers, GPUMatrixFFTPlan::kTiles>;
  static OfTiles makeOfKernel(mlir::OpBuilder &b, Kernel &kernel,
                              WarpMatrix &matrix, mlir::Value warp,
                              const GPUMatrixFFTPlan &plan, bool isShifted);
};

} // namespace ssm

#endif // SSM_LIB_GPU_MATRIXROOTS_H
