//===- LiftLinalg.h - A linalg op for all of time ---------------*- C++ -*-===//

#ifndef SSM_IMPORT_LIFTLINALG_H
#define SSM_IMPORT_LIFTLINALG_H

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ssm {

/// Whether the op can be given one more dimension: it has one result, a tensor
/// of static sizes as its operands are, and its body uses nothing that `loop`
/// computes.
bool canLift(mlir::linalg::LinalgOp op, mlir::Operation *loop);

/// Whether the op adds what it computes of its inputs to its init.
bool addsToInit(mlir::linalg::LinalgOp op);

/// The op with one more parallel dimension, time, which comes first in its
/// result. The map of each operand goes from the dimensions that the operand
/// has in the op, and time, to those that it has now. The last is the init.
mlir::Value buildLifted(mlir::OpBuilder &b, mlir::linalg::LinalgOp op,
                        llvm::ArrayRef<Indexed> operands);

} // namespace ssm

#endif // SSM_IMPORT_LIFTLINALG_H
