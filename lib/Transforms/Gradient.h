//===- Gradient.h - Rules of reverse-mode differentiation -------*- C++ -*-===//
//
// The cotangent of a value x is the tensor g of x's type for which a change dx
// changes the loss by the real part of sum(conj(g) dx).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_TRANSFORMS_GRADIENT_H
#define SSM_LIB_TRANSFORMS_GRADIENT_H

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ssm {

/// The cotangents met so far. One that is absent is zero.
class Cotangents {
public:
  explicit Cotangents(llvm::DenseSet<mlir::Value> varied)
      : varied(std::move(varied)) {}

  /// Whether `value` depends on what is differentiated by.
  bool isVaried(mlir::Value value) const {
    return value && varied.contains(value);
  }
  mlir::Value get(mlir::Value value) const { return grads.lookup(value); }
  /// Sets what `value` starts from: a value that a rule has made.
  void set(mlir::Value value, mlir::Value grad) { grads[value] = grad; }
  void add(mlir::OpBuilder &b, mlir::Value value, mlir::Value grad);

private:
  llvm::DenseSet<mlir::Value> varied;
  llvm::DenseMap<mlir::Value, mlir::Value> grads;
};

/// Where a sum goes: its element type, map and sizes.
struct SumTarget {
  mlir::Type element;
  mlir::AffineMap map;
  llvm::SmallVector<mlir::OpFoldResult> sizes;

  /// The place of the cotangent of `primal`.
  static SumTarget of(mlir::OpBuilder &b, Indexed primal);
};

/// The sum over the loop dimensions that the target lacks of what `body` makes
/// of the elements of `ins`; the real part, if the target is real. Sums have at
/// least 32 bits.
mlir::Value
sumInto(mlir::OpBuilder &b, mlir::Location loc, const SumTarget &target,
        llvm::ArrayRef<Indexed> ins,
        llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                       mlir::ValueRange)>
            body);

/// The same of x * conj(y), or of x if y's value is null.
mlir::Value sumOfProducts(mlir::OpBuilder &b, mlir::Location loc,
                          const SumTarget &target, Indexed x, Indexed y = {});

/// Element by element; a real tensor is returned as it is.
mlir::Value conjugate(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value tensor);

/// Zeros of the tensor's shape and type.
mlir::Value zerosLike(mlir::OpBuilder &b, mlir::Value tensor);

/// The rules: each adds to the cotangents of an op's operands those that its
/// results' cause, or emits an error.
mlir::LogicalResult differentiate(mlir::OpBuilder &b, LinearRecurrenceOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b, MaterializeKernelOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b, LongConvOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b, AssociativeScanOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b,
                                  mlir::linalg::GenericOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b,
                                  mlir::tensor::ExtractSliceOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b,
                                  mlir::tensor::InsertSliceOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b,
                                  mlir::tensor::ExpandShapeOp op,
                                  Cotangents &cotangents);
mlir::LogicalResult differentiate(mlir::OpBuilder &b,
                                  mlir::tensor::CollapseShapeOp op,
                                  Cotangents &cotangents);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_GRADIENT_H
