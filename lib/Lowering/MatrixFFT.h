//===- MatrixFFT.h - Transforms as products of bf16 matrices ----*- C++ -*-===//
//
// Emits a plan (MatrixFFTPlan.h) on a work tile (WorkTile.h) of f32. An r-point
// transform of rows z_0, ..., z_(r-1) of numbers is a product of real matrices.
// The rows of parts are rounded to bf16 and stacked to a panel [2 r, lanes],
// and with a_qj + i b_qj the roots of unity,
//
//   Re y_q = sum_j ( a_qj Re z_j - b_qj Im z_j )
//   Im y_q = sum_j ( b_qj Re z_j + a_qj Im z_j )
//
// are `linalg.matmul`s of bf16 matrices [r, 2 r] and the panel, added in f32.
// Twiddle factors and the product with a spectrum are in f32 and multiply the
// rows before they are rounded.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_MATRIXFFT_H
#define SSM_LIB_LOWERING_MATRIXFFT_H

#include "ssm/Plan/MatrixFFTPlan.h"

#include "RootsOfUnity.h"
#include "TileLoop.h"

namespace ssm {

class MatrixFFT {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  MatrixFFT(mlir::OpBuilder &b, mlir::Location loc, const MatrixFFTPlan &plan,
            int64_t lanes)
      : b(b), loc(loc), plan(plan), lanes(lanes) {}

  int64_t getSize() { return plan.size(); }

  /// Matrices and twiddle factors, of roots of order 4 size; to be called once,
  /// before the others.
  void emitTables(RootsOfUnity &roots);
  /// Forward transform; frequencies come in the plan's order.
  mlir::Value emitForward(mlir::Value work);
  /// Forward transform, product with `spectrum`, inverse transform times size.
  mlir::Value emitConvolution(mlir::Value work, mlir::Value spectrum);

private:
  /// Rows first, first + stride, ... of a work tile, as many as the radix.
  struct Rows {
    mlir::Value first;
    int64_t stride, radix;
  };
  /// What multiplies rows: nothing, twiddle factors (those of row j are number
  /// first + j stride), their conjugates, or the same rows of a spectrum.
  struct Factors {
    mlir::Value firstTwiddle;
    bool conjugate = false;
    mlir::Value spectrum;
  };
  /// Matrices of a radix: forward, real and imaginary part; inverse, likewise.
  struct Matrices {
    int64_t radix;
    Values parts;
  };

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t y);

  Matrices emitMatrices(RootsOfUnity &roots, int64_t radix);
  Values emitTwiddles(RootsOfUnity &roots, int64_t level, mlir::ValueRange out);

  /// The block of `level` that begins at row `base`, whose rows have twiddle
  /// factors from `twiddle` on.
  mlir::Value emitBlock(mlir::Value work, mlir::Value spectrum, int64_t level,
                        mlir::Value base, mlir::Value twiddle);
  /// The same of the innermost level.
  mlir::Value emitInnermost(mlir::Value work, mlir::Value spectrum,
                            mlir::Value base, mlir::Value twiddle);
  /// The matrices times a panel, over rows of a work tile.
  mlir::Value emitProduct(mlir::Value work, const Rows &rows, mlir::Value panel,
                          bool inverse);
  /// Rows times factors as a panel.
  mlir::Value emitPanel(mlir::Value work, const Rows &rows,
                        const Factors &factors);

  mlir::OpBuilder &b;
  mlir::Location loc;
  MatrixFFTPlan plan;
  int64_t lanes;
  llvm::SmallVector<Matrices> matrices;
  /// Of all levels but the last: w^(q k) of a block at q s + k.
  Values twiddles;
  llvm::SmallVector<int64_t> firstTwiddle;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_MATRIXFFT_H
