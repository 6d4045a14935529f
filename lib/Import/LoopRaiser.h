//===- LoopRaiser.h - What a loop over time computes ------------*- C++ -*-===//
//
// Precondition: the loop runs forward by a constant step over an index, and its
// iterations touch tensors only at places that move by one with it. Each value
// that it carries is then a state, or a tensor of which every iteration writes
// its own part and reads none.
//
// The proof (LoopProof.cpp) is on expressions (StepExpr.h): the next value of a
// state is affine in the state, with factors free of it. One contraction of the
// state may be among its terms (LoopMixing.cpp). States may feed each other
// without a cycle; they are raised one after another (LoopRewrite.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_IMPORT_LOOPRAISER_H
#define SSM_LIB_IMPORT_LOOPRAISER_H

#include "LoopMemory.h"
#include "LoopOverTime.h"

#include "ssm/Analysis/TimeInvariance.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/IR/SSMDialect.h"
#include "ssm/IR/StepExpr.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <list>

namespace ssm {

/// One loop, and what it carries over time.
class LoopRaiser {
public:
  LoopRaiser(const TensorLoop &tensors, Numerics numerics)
      : tensors(tensors), loop(tensors.loop), numerics(numerics),
        reason(tensors.reason), mayCarryByMemory(!reason.empty()) {}

  /// Whether the loop carries a state, so that it may be one over time.
  bool classify();
  mlir::LogicalResult prove();
  /// Builds, before the loop, what replaces its results and its stores.
  llvm::SmallVector<mlir::Value> rewrite();

  const std::string &getReason() const { return reason; }
  unsigned getNumStates() const { return states.size(); }

private:
  struct Sequence;

  /// A leaf of an expression that becomes a tensor over all of time: a slice, a
  /// state, before (state 2 j) or after (2 j + 1) the step, or what a linalg op
  /// makes of sequences.
  struct Leaf {
    Expr *expr = nullptr;
    std::optional<TimeSlice> slice;
    mlir::linalg::LinalgOp op;
    std::list<Sequence> operands;
  };

  /// A value over all of time: its expression over its own dimensions and time.
  struct Sequence {
    mlir::Value value;
    unsigned rank = 0;
    std::unique_ptr<StepReader> reader;
    std::list<Leaf> leaves;
    const Expr *expr = nullptr;
  };

  /// The sum over m of factor[n, m] x[m], for m and n along `row` of the state,
  /// times `left`: the product of a dense matrix and the state; or, where the
  /// factor has no n, the rank-one update left[n] sum of factor[m] x[m].
  struct Mixing {
    unsigned row = 0;
    /// Its last own dimension is m; it has those of the state before.
    Sequence factor;
    const Expr *left = nullptr;
    bool isDense = false;
  };

  /// A carried value that the step changes.
  struct State {
    unsigned number; ///< Among the loop's iteration arguments.
    mlir::BlockArgument before;
    mlir::Value after;
    Sequence step;
    std::optional<Mixing> mixing;
    AffineExprs form;
    /// Where its dimensions and time are in the results.
    mlir::AffineMap layout;
    /// All states before and after their step.
    mlir::Value befores, afters;
  };

  /// Operands of a recurrence that are not its signal or init, over the state's
  /// dimensions, time, and m of a dense matrix.
  struct Transition {
    Indexed a, left, right;
    std::optional<unsigned> row, column;
  };

  /// A carried tensor that the step writes a part of.
  struct Output {
    unsigned number;
    TimeSlice slice;
    Sequence part;
    mlir::AffineMap layout;
  };

  mlir::LogicalResult refuse(const llvm::Twine &why) {
    if (reason.empty())
      reason = why.str();
    return mlir::failure();
  }
  mlir::LogicalResult refuse(const llvm::Twine &what, mlir::Value value) {
    return refuse(what + ": " + describeValue(value));
  }

  mlir::LogicalResult proveLoop();
  mlir::LogicalResult proveState(State &state);
  mlir::LogicalResult proveOutput(Output &output);
  mlir::LogicalResult orderStates();
  void chooseLayouts();
  mlir::LogicalResult read(Sequence &sequence, mlir::Value value,
                           const State *subject);
  mlir::FailureOr<const Expr *> readEdge(Sequence &sequence,
                                         const State *subject,
                                         StepReader &reader, mlir::Value value,
                                         mlir::AffineMap map);

  mlir::FailureOr<const Expr *>
  readLifted(Sequence &sequence, const State *subject, StepReader &reader,
             mlir::linalg::LinalgOp op, mlir::AffineMap map);

  bool readsItself(State &state, const Sequence &sequence, mlir::AffineMap map);
  mlir::FailureOr<const Expr *> readMixed(State &state, StepReader &reader,
                                          mlir::linalg::LinalgOp op,
                                          mlir::AffineMap map);
  mlir::LogicalResult proveMixing(State &state);

  void settle(mlir::OpBuilder &b, Sequence &sequence);
  mlir::Value buildLifted(mlir::OpBuilder &b, Leaf &leaf);
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(mlir::OpBuilder &b,
                                                mlir::Value value);
  Indexed buildFactor(mlir::OpBuilder &b, State &state);
  Transition buildTransition(mlir::OpBuilder &b, State &state);
  mlir::Value buildRecurrence(mlir::OpBuilder &b, State &state, ReadPoint read,
                              mlir::Value *final);
  mlir::Value buildState(mlir::OpBuilder &b, State &state);
  void shareFinal(State &state, llvm::SmallVectorImpl<mlir::Value> &results);
  mlir::Value buildOutput(mlir::OpBuilder &b, Output &output);

  const TensorLoop &tensors;
  mlir::scf::ForOp loop;
  Numerics numerics;
  std::string reason;
  bool mayCarryByMemory;
  std::optional<Iterations> iterations;
  std::optional<bool> backward;
  std::vector<State> states;
  std::vector<Output> outputs;
  llvm::SmallVector<unsigned> order; ///< A state after those it uses.
};

/// The rank of a tensor; 0 of a scalar.
unsigned rankOf(mlir::Value value);

/// The value's own dimensions, among them and time.
mlir::AffineMap ownDims(unsigned rank, mlir::MLIRContext *context);

/// Time, then the value's own dimensions.
mlir::AffineMap timeFirst(unsigned rank, mlir::MLIRContext *context);

} // namespace ssm

#endif // SSM_LIB_IMPORT_LOOPRAISER_H
