//===- ElementForm.h - What the elements of a tensor are --------*- C++ -*-===//
#ifndef SSM_ANALYSIS_ELEMENTFORM_H
#define SSM_ANALYSIS_ELEMENTFORM_H

#include "ssm/Analysis/ProductForm.h"

namespace ssm {

/// One operation on each element of a tensor: its scalar op, and for each
/// operand of it a tensor in the tensor's place, or a scalar with a map of no
/// results.
struct ElementOp {
  mlir::Operation *op;
  llvm::SmallVector<Mapped> operands;
};

/// The operation, if the tensor is made by no more than that.
std::optional<ElementOp> findElementOp(Mapped value);

/// The loop dimension whose index each element is, whatever its type.
std::optional<unsigned> findPosition(Mapped value);

/// The real number that a scalar or all elements of a tensor are, if it is
/// known.
std::optional<double> findUniform(mlir::Value value);

/// The tensor whose complex conjugate this is.
std::optional<Mapped> findConjugated(Mapped value);

} // namespace ssm

#endif // SSM_ANALYSIS_ELEMENTFORM_H
