//===- ProductForm.h - Sums of products -------------------------*- C++ -*-===//
#ifndef SSM_ANALYSIS_PRODUCTFORM_H
#define SSM_ANALYSIS_PRODUCTFORM_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace ssm {

/// A tensor whose dimensions are loop dimensions by `map`.
struct Mapped {
  mlir::Value tensor;
  mlir::AffineMap map;
};

/// result = start + sum of left * right over the loop dimensions that the
/// result lacks; of complex factors the real part, if the result is real.
struct Product {
  mlir::linalg::GenericOp op;
  Mapped left, right, result;
  Mapped start; ///< No tensor where it is zero.
};

/// The op as a sum of two factors' products; nothing if it is not.
std::optional<Product> findProduct(mlir::Operation *op);

/// Whether all elements of a tensor are zero, by what computes it.
bool isFilledWithZero(mlir::Value tensor);

/// What a transpose or a broadcast of the tensor is made of, in its place, and
/// what dimensions of one were added to.
Mapped seeThroughCopies(Mapped value);

/// The real tensor that one of complex numbers without imaginary parts is made
/// of, in its place; else the tensor itself.
Mapped seeThroughComplex(Mapped value);

/// The factors of an elementwise product, if each lacks a dimension that the
/// other has, in its place.
std::optional<std::pair<Mapped, Mapped>> findOuterProduct(Mapped value);

} // namespace ssm

#endif // SSM_ANALYSIS_PRODUCTFORM_H
