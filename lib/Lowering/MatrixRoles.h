//===- MatrixRoles.h - Which factor has lanes, which is read one by one ---===//

#ifndef SSM_LIB_LOWERING_MATRIXROLES_H
#define SSM_LIB_LOWERING_MATRIXROLES_H

#include "ssm/Analysis/ProductForm.h"

namespace ssm {

/// The factors and dimensions of
///
///   y[.., r, v] = start + sum of S[.., r, k] V[.., k, v]
///
/// where v is the last dimension of the result. A transpose or a broadcast of a
/// factor is seen through.
struct MatrixRoles {
  Mapped scalars, vectors;     ///< S and V.
  std::optional<unsigned> row; ///< r; a vector has none.
  unsigned lane;               ///< v.
  llvm::SmallVector<unsigned> summed, others;
  bool hasFewRows;
};

/// Nothing if loops do as well, or tiles cannot compute it: of other types than
/// f32, f64 and complex numbers of these, of products and sums that may not be
/// contracted, or of an unknown number of columns.
std::optional<MatrixRoles> findMatrixRoles(Product product);

} // namespace ssm

#endif // SSM_LIB_LOWERING_MATRIXROLES_H
