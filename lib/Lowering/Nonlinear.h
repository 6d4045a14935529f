//===- Nonlinear.h - The ways to compute a nonlinear recurrence -*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_NONLINEAR_H
#define SSM_LIB_LOWERING_NONLINEAR_H

#include "ssm/IR/SSMOps.h"

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// The signals at time t, of the types that the region takes.
llvm::SmallVector<mlir::Value>
readSignals(mlir::OpBuilder &b, NonlinearRecurrenceOp op, mlir::Value t);

/// The loop over time: the states, uninitialised where nothing uses them, and
/// then the finals.
llvm::SmallVector<mlir::Value> emitTimeLoop(mlir::OpBuilder &b,
                                            NonlinearRecurrenceOp op);

/// Newton's method: all results of the op. Fails with a remark if the region
/// has no derivative or the states are of another type than f32 and f64.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
emitNewton(mlir::RewriterBase &b, NonlinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_LIB_LOWERING_NONLINEAR_H
