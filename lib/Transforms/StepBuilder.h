//===- StepBuilder.h - A function's body on one chunk of time ---*- C++ -*-===//
//
// Rebuilds a causal body in one of two modes:
//
//   chunk   every sequence has the slots of one chunk; what an op needs from
//           the chunk before is a state: the final state of a recurrence, or
//           the last slots of a sequence (a window)
//   start   every sequence has the slots before the first step alone: from
//           these come the states to start from
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_TRANSFORMS_STEPBUILDER_H
#define SSM_LIB_TRANSFORMS_STEPBUILDER_H

#include "Causality.h"

#include "mlir/IR/IRMapping.h"

namespace ssm {

/// What is carried from one chunk to the next.
struct CarriedState {
  mlir::Value source;   ///< In the function that is rebuilt.
  unsigned window;      ///< The number of last slots; 0: all of a final state.
  mlir::Value argument; ///< In the step.
};

class StepBuilder {
public:
  /// `chunk` is the number of steps in a chunk, perhaps dynamic.
  StepBuilder(mlir::func::FuncOp func, const TimeDims &dims,
              const Causality &causality, int64_t chunk)
      : func(func), dims(dims), causality(causality), chunk(chunk) {}

  /// Fills `step`, whose first arguments are those of the function, and adds
  /// an argument for each state.
  void emitChunk(mlir::func::FuncOp step);
  /// The function's result in the step.
  mlir::Value getResult(mlir::Value result) { return get(result); }
  /// The state that a result is, as far as its elements go.
  std::optional<unsigned> findState(mlir::Value result);
  /// The states after the chunk.
  llvm::SmallVector<mlir::Value> emitNextStates();
  /// Fills `start`, which has the function's arguments; the states before the
  /// first step.
  llvm::SmallVector<mlir::Value> emitStart(mlir::func::FuncOp start);

  mlir::ArrayRef<CarriedState> getStates() const { return states; }
  /// The type of `value` with that many slots.
  mlir::RankedTensorType typeWith(mlir::Value value, int64_t slots) const;

private:
  void begin(mlir::func::FuncOp target, bool start);
  void emit(mlir::Operation *op);
  mlir::Operation *rebuild(mlir::Operation *op);
  void getReads(mlir::Operation *op);
  mlir::Value makeSplat(mlir::Location loc, mlir::Value like,
                        mlir::DenseElementsAttr splat);
  llvm::SmallVector<mlir::OpFoldResult>
  mapSizes(llvm::ArrayRef<mlir::OpFoldResult> sizes);
  void emitLinear(LinearRecurrenceOp op);
  void emitNonlinear(NonlinearRecurrenceOp op);
  void emitLinalg(mlir::linalg::LinalgOp op);
  void emitScan(AssociativeScanOp op);
  void emitConv(LongConvOp op);
  void emitPad(mlir::tensor::PadOp op);
  void emitSlice(mlir::tensor::ExtractSliceOp op);

  mlir::Value get(mlir::Value value);
  /// The slots of a sequence, after `more` earlier ones.
  mlir::Value getAfter(mlir::Value value, unsigned more);
  mlir::Value getState(mlir::Value source, unsigned window);
  mlir::Value startOf(const CarriedState &state);
  mlir::Value startOfLinear(LinearRecurrenceOp op);
  mlir::Value zeros(mlir::Value like, mlir::RankedTensorType type);
  /// The size of `value` where it is not time.
  mlir::OpFoldResult sizeOf(mlir::Value value, unsigned dim);
  /// The number of slots of a sequence.
  mlir::OpFoldResult slotsOf(mlir::Value sequence);
  /// The number of steps, plus `more`.
  mlir::OpFoldResult stepsAnd(int64_t more);
  /// The type of a value with the slots of this mode.
  mlir::RankedTensorType typeOf(mlir::Value value);
  mlir::Value slice(mlir::Value value, unsigned dim, mlir::OpFoldResult offset,
                    mlir::OpFoldResult size);
  mlir::Value concatenate(mlir::Value first, mlir::Value second, unsigned dim);

  mlir::func::FuncOp func, target;
  const TimeDims &dims;
  const Causality &causality;
  int64_t chunk;
  bool isStart = false;
  std::optional<mlir::OpBuilder> b;
  mlir::IRMapping map;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, mlir::Value> extended;
  llvm::SmallVector<CarriedState> states;
};

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_STEPBUILDER_H
