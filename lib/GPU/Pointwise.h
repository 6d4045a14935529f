//===- Pointwise.h - Elementwise ops at one point ---------------*- C++ -*-===//
//
// A function around a recurrence computes operands of it and results from it by
// elementwise ops. Each is a scalar at a point of the recurrence's loop
// dimensions: no tensor between them exists.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_POINTWISE_H
#define SSM_LIB_GPU_POINTWISE_H

#include "Kernel.h"

#include "ssm/Analysis/ProductForm.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include <functional>

namespace ssm {

/// States of a channel, or nothing if it is not known, none or too many.
std::optional<int64_t> countStates(LinearRecurrenceOp op);

/// Whether a kernel has the tensor from memory, or knows it: it is not computed
/// elementwise.
bool isComputedApart(mlir::Value tensor);

/// Calls `visit` with each tensor that this one is computed from, itself
/// included; an argument or a constant at the end. Returns what a kernel cannot
/// compute, or null.
const char *walkProducers(Mapped value, llvm::function_ref<void(Mapped)> visit);

/// A result of the function over the loop dimensions, from how it is computed
/// from the recurrence's result; nothing if it is not.
std::optional<mlir::AffineMap> findResultMap(mlir::Value result,
                                             LinearRecurrenceOp op);
/// The same for another tensor than a recurrence's result.
std::optional<mlir::AffineMap> findResultMap(mlir::Value result, Mapped from);

/// Why an op is not elementwise; null: it is.
const char *refusesElementwise(mlir::linalg::GenericOp op);
/// The loops of an op as loop dimensions of a kernel, where the value of
/// `opMap` has those of `map`; null where it has none.
llvm::SmallVector<mlir::AffineExpr> findLoops(mlir::AffineMap opMap,
                                              mlir::AffineMap map);
/// Over the loop dimensions that `like` is over.
mlir::AffineMap applyLoops(mlir::AffineMap opMap,
                           llvm::ArrayRef<mlir::AffineExpr> loops,
                           mlir::AffineMap like);
/// What the op reads, over the loop dimensions; no map where it reads nothing.
llvm::SmallVector<Mapped> findOperands(mlir::linalg::GenericOp op,
                                       Mapped value);

/// A function that is one recurrence with elementwise ops around it.
struct FusedRecurrence {
  LinearRecurrenceOp op;
  /// What it returns but for the final state, at each time.
  llvm::SmallVector<Mapped> results;

  /// What each step of the recurrence reads.
  llvm::SmallVector<Mapped> operands() const;
  /// All that the recurrence and the ops behind it read.
  llvm::SmallVector<Mapped> sources() const;
};

class Pointwise {
public:
  using Scalars = llvm::SmallVector<mlir::Value>;

  /// A thread has the states from some first one on that is a multiple of
  /// `states`; `indexOf` gives the loop dimensions of the i-th of them, without
  /// time. Values that do not depend on time are computed once, at the end of
  /// the present block.
  Pointwise(mlir::OpBuilder &b, Kernel &kernel, LinearRecurrenceOp op,
            int64_t states,
            std::function<llvm::SmallVector<mlir::Value>(int64_t)> indexOf);
  /// The same for other dimensions than those of states; of these, runs of
  /// `neighbours` follow each other along the last one.
  Pointwise(mlir::OpBuilder &b, Kernel &kernel, unsigned time,
            llvm::ArrayRef<unsigned> stateDims, int64_t states,
            int64_t neighbours,
            std::function<llvm::SmallVector<mlir::Value>(int64_t)> indexOf);

  /// What is read from here on is at this time.
  void enter(mlir::Value time) { now = time; }
  /// The value of the recurrence's result at this time.
  void define(Mapped value, Num x, int64_t state = 0);
  /// Loads everything from memory that `value` depends on at this time, but not
  /// for what is received.
  void prefetch(Mapped value);

  /// What `value` needs that is computed and has no state is received from now
  /// on, or computed again; with `arguments` also what is read.
  void share(Mapped value, bool arguments = false);
  void stopSharing() { shared.clear(); }
  llvm::SmallVector<Mapped> sharedValues() const;
  /// Computes what is shared at this time.
  void computeShared();
  /// What is shared at this time is what a lane of the warp has computed for
  /// its time `then`.
  void receiveShared(mlir::Value then, mlir::Value lane);

  Num read(Mapped value, int64_t state = 0);
  /// As in memory: two parts of complex numbers. What was set is not read.
  Scalars readScalars(Mapped value, int64_t state = 0);
  void setScalars(Mapped value, Scalars parts, int64_t state = 0) {
    known[keyOf(value, state)] = std::move(parts);
  }

  /// The loop dimensions of the thread's i-th state, without time.
  llvm::SmallVector<mlir::Value> at(int64_t i) { return indexOf(i); }
  /// States of the thread that one access of the tensor has.
  int64_t countNeighbours(const KernelTensor &tensor);

  bool varies(Mapped value) { return usesAny(value.map, {time}); }
  bool hasState(Mapped value) { return usesAny(value.map, stateDims); }

private:
  /// Tensor, map, state if the map has one, time if the map does.
  using Key = std::tuple<mlir::Value, mlir::AffineMap, int64_t, mlir::Value>;

  bool usesAny(mlir::AffineMap map, llvm::ArrayRef<unsigned> dims);
  void load(Mapped value, int64_t state);
  void compute(mlir::linalg::GenericOp op, Mapped value, int64_t state);
  llvm::SmallVector<mlir::Value>
  indicesOf(llvm::ArrayRef<mlir::AffineExpr> loops, int64_t state);
  mlir::Value import(mlir::Value constant);
  Key keyOf(Mapped value, int64_t state);

  mlir::OpBuilder &b;
  Kernel &k;
  unsigned time;
  llvm::SmallVector<unsigned> stateDims;
  int64_t states, neighbours;
  std::function<llvm::SmallVector<mlir::Value>(int64_t)> indexOf;
  mlir::Value now;
  mlir::Block *before;
  llvm::DenseMap<Key, Scalars> known;
  llvm::SetVector<std::pair<mlir::Value, mlir::AffineMap>> shared;
};

/// Threads for each element of the parallel dimensions: see ChannelScan.cpp.
/// The reason is null if the kernel can express the recurrence, else what it
/// cannot.
const char *refusesChannelScan(LinearRecurrenceOp op);
Launch emitChannelScan(mlir::OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused, const GPUScanPlan &plan);

/// Blocks for each head of a matrix state, and so many of its columns: see
/// ChunkedScan.cpp. The reason is null if its products are of the kind that
/// tensor cores compute; `byGroups` says whether four warps do so together.
inline constexpr int64_t kChunkColumns = 64;
const char *refusesChunks(const FusedRecurrence &fused);
Launch emitChunkedScan(mlir::OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused, bool byGroups);

/// The kernel for a function, by its layouts and sizes, and its code; the
/// reason if there is none: see SelectKernel.cpp.
const char *refusesKernels(const FusedRecurrence &fused, llvm::StringRef chip);
GPUScanPlan selectKernel(const FusedRecurrence &fused, llvm::StringRef chip);
Launch emitKernel(mlir::OpBuilder &b, const KernelFrame &frame,
                  const FusedRecurrence &fused, const GPUScanPlan &plan,
                  llvm::StringRef chip);
GPUScanPlan selectKernel(AssociativeScanOp op, llvm::StringRef chip);
Launch emitKernel(mlir::OpBuilder &b, const KernelFrame &frame,
                  AssociativeScanOp op, const GPUScanPlan &plan,
                  llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_POINTWISE_H
