//===- Structure.h - What is known of a transition --------------*- C++ -*-===//

#ifndef SSM_ANALYSIS_STRUCTURE_H
#define SSM_ANALYSIS_STRUCTURE_H

#include "ssm/IR/SSMOps.h"

namespace ssm {

/// The least general form that a transition is proved to have.
enum class Structure { Scalar, Diagonal, LowRank, Dense };

llvm::StringRef stringifyStructure(Structure structure);

Structure findStructure(LinearRecurrenceOp op);

/// Whether A_s A_t = A_t A_s for all times s and t.
bool transitionsCommute(LinearRecurrenceOp op);

/// Whether every element is zero.
bool isZero(mlir::Value value);

/// The diagonal of a matrix that is proved to have nothing else, over its
/// dimensions `row` and `column` (the diagonal has `row`), or null.
mlir::DenseElementsAttr findDiagonal(mlir::Value value, unsigned row,
                                     unsigned column);

/// A factor above 1 by which some state is proved to grow at each step, in the
/// long run: the magnitude of an element of a diagonal transition, or of an
/// eigenvalue of a constant dense one. Nothing if there is no proof.
std::optional<double> findGrowth(LinearRecurrenceOp op);

/// What no step of the transition makes the largest element of a state grow by
/// more than: a bound on the sum of magnitudes in every row of A_t. Nothing if
/// there is no proof of one.
std::optional<double> boundRowSum(LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_ANALYSIS_STRUCTURE_H
