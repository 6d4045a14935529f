//===- RowReduction.h - Reductions of contiguous rows -----------*- C++ -*-===//
#ifndef SSM_ANALYSIS_ROWREDUCTION_H
#define SSM_ANALYSIS_ROWREDUCTION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ssm {

/// The op that combines a new element with the result so far, if the order of
/// elements does not matter to it: of integers, a maximum or minimum, or with
/// the fast-math flag reassoc; else null.
mlir::Operation *findCombiner(mlir::linalg::GenericOp op);

/// Whether the op reduces rows whose elements lie side by side, along its last
/// loop, in any order.
bool reducesRows(mlir::linalg::GenericOp op);

/// combiner(x, y).
mlir::Value combine(mlir::OpBuilder &b, mlir::Operation *combiner,
                    mlir::Value x, mlir::Value y);

} // namespace ssm

#endif // SSM_ANALYSIS_ROWREDUCTION_H
