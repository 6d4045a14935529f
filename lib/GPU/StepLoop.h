//===- StepLoop.h - Loops over time that no scan is ------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_STEPLOOP_H
#define SSM_LIB_GPU_STEPLOOP_H

#include "Pointwise.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace ssm {

/// A loop over time whose states are tensors of one shape, and whose steps are
/// elementwise. Dimension 0 is time, and the states have the others.
struct StepLoop {
  mlir::scf::ForOp op;
  llvm::SmallVector<unsigned> states; ///< Numbers of results.
  /// The others, of which a step sets a slice, and which of their dimensions
  /// is time.
  llvm::SmallVector<std::pair<unsigned, unsigned>> outputs;

  mlir::AffineMap stateMap() const;
  mlir::AffineMap mapWithTime(unsigned position) const;
  /// A result over these dimensions.
  Mapped result(unsigned number) const;
};

/// Whether the op is a slice of a tensor at a loop's present step.
bool isStepSlice(mlir::Operation *op);

/// The op as such a loop; nothing if it is not: see StepLoop.cpp.
std::optional<StepLoop> findStepLoop(mlir::Operation *op);

/// A value over the dimensions of the loop, from one of its results; nothing if
/// it has others.
std::optional<Mapped> findResult(mlir::Value value, const StepLoop &loop);

/// Tensors from outside that the loop reads.
llvm::SmallVector<mlir::Value> findRead(const StepLoop &loop);

/// `results` are elementwise of the loop's, over its dimensions.
Launch emitStepLoop(mlir::OpBuilder &b, const KernelFrame &frame,
                    const StepLoop &loop, llvm::ArrayRef<Mapped> results);

} // namespace ssm

#endif // SSM_LIB_GPU_STEPLOOP_H
