//===- Causality.h - Whether a function may be run step by step -*- C++ -*-===//
#ifndef SSM_LIB_TRANSFORMS_CAUSALITY_H
#define SSM_LIB_TRANSFORMS_CAUSALITY_H

#include "TimeDims.h"

#include "ssm/IR/SSMOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ssm {

/// How a value depends on time.
struct TimeUse {
  enum Kind {
    Invariant,
    Sequence, ///< One slot for each step, after `offset` earlier ones.
    Final,    ///< Known when the last step has been made.
    Length    ///< An index: the number of steps, plus `offset`.
  } kind = Invariant;
  int64_t offset = 0;
};

/// Finds for every value of a function how it depends on time. A value of a
/// sequence depends on the signals up to its own step.
class Causality {
public:
  Causality(mlir::func::FuncOp func, const TimeDims &dims)
      : func(func), dims(dims) {}

  /// Reports the first op that is not causal.
  mlir::LogicalResult run();

  TimeUse of(mlir::Value value) const { return uses.lookup(value); }
  /// The slots of a sequence that are before the first step.
  unsigned before(mlir::Value sequence) const { return of(sequence).offset; }
  /// x if `size` is the number of steps plus x.
  std::optional<int64_t> beyondSteps(mlir::OpFoldResult size) const;

private:
  mlir::LogicalResult visit(mlir::Operation *op);
  mlir::LogicalResult visitSequences(mlir::Operation *op);
  mlir::LogicalResult visitLinalg(mlir::linalg::LinalgOp op);
  mlir::LogicalResult visitSSM(mlir::Operation *op);
  mlir::LogicalResult visitScan(AssociativeScanOp op);
  mlir::LogicalResult visitConv(LongConvOp op);
  mlir::LogicalResult visitPad(mlir::tensor::PadOp op);
  mlir::LogicalResult visitSlice(mlir::tensor::ExtractSliceOp op);
  mlir::LogicalResult visitLength(mlir::Operation *op);
  mlir::LogicalResult checkWindow(mlir::linalg::LinalgOp op, unsigned time,
                                  mlir::OpOperand &operand);
  /// Results with time are sequences, others final.
  mlir::LogicalResult note(mlir::Operation *op);

  mlir::func::FuncOp func;
  const TimeDims &dims;
  std::optional<int64_t> steps; ///< If static.
  llvm::DenseMap<mlir::Value, TimeUse> uses;
};

/// `t + spacing * tap`, as a convolution reads its signal.
struct Window {
  unsigned tap;
  int64_t spacing;
};
std::optional<Window> getWindow(mlir::AffineExpr expr, unsigned time);

/// The loop of a linalg op that runs over time.
unsigned getTimeLoop(mlir::linalg::LinalgOp op, const TimeDims &dims);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_CAUSALITY_H
