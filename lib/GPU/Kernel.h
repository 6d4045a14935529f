//===- Kernel.h - What all kernels share ------------------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_KERNEL_H
#define SSM_LIB_GPU_KERNEL_H

#include "TensorPlace.h"

#include "ssm/GPU/Launch.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Plan/GPUScanPlan.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace ssm {

inline constexpr int64_t kWarp = 32;

/// The product of the sizes of these dimensions, if all are known and it fits.
std::optional<int64_t> multiply(llvm::ArrayRef<int64_t> sizes,
                                llvm::ArrayRef<unsigned> dims);

/// A tensor of the function in the kernel's memory.
struct KernelTensor {
  mlir::Value pointer; ///< Null: absent.
  mlir::AffineMap map;
  mlir::Type element;
  int64_t padding = 1; ///< What the last dimension has is a multiple of it.
  /// Of its dimensions, if it is a part of another tensor.
  llvm::SmallVector<SizeProduct> strides = {};
  int64_t startDivisor = 0; ///< Of where it begins in that; 0: there.

  explicit operator bool() const { return bool(pointer); }
};

/// A part of a function that has a kernel of its own: see Stages.h.
struct StageFrame {
  mlir::func::FuncOp whole; ///< Whose arguments kernels have.
  unsigned symbols;         ///< Dynamic sizes among these.
  llvm::SmallVector<TensorPlace> arguments, results; ///< Of the stage.
  llvm::SmallVector<int64_t>
      loops; ///< Its loop dimensions, as a launch has them.
  llvm::SmallVector<WorkspaceRegion> regions; ///< So far.
};

/// Where a kernel goes, and the function whose tensors it has.
struct KernelFrame {
  mlir::gpu::GPUModuleOp parent;
  mlir::func::FuncOp function;
  std::string part = ""; ///< Tells the kernels of one function apart.
  const StageFrame *stage = nullptr;
};

/// What tells one more kernel of a function apart; `number` counts them.
std::string findPart(mlir::gpu::GPUModuleOp parent, mlir::func::FuncOp function,
                     unsigned &number);

/// The function around a kernel, and access to its tensors. Indices and offsets
/// are i64.
class Kernel {
public:
  /// Begins a gpu.func that does what the frame's function does, whose loop
  /// dimensions have these sizes and whose blocks have `threads` threads.
  /// Arithmetic is in `real`. `b` is then in its body.
  Kernel(mlir::OpBuilder &b, const KernelFrame &frame, mlir::Location loc,
         llvm::ArrayRef<int64_t> staticSizes, mlir::Type real, int64_t threads,
         bool hasWorkspace = false);

  /// Of a block, instead of those that it began with.
  void setThreads(int64_t threads);
  /// LLVM is not to look for vectors in the kernel.
  void refuseVectors();

  /// The memory of an argument of the function; of none, if it is null.
  KernelTensor argument(mlir::Value value, mlir::AffineMap map);
  /// The memory of a value that the function returns, if it does.
  KernelTensor result(mlir::Value value, mlir::AffineMap map);
  /// Memory between kernels or blocks, if the kernel has it, behind the regions
  /// of its stage; from an offset in words of four bytes on.
  mlir::Value workspace() { return workspaceStart; }
  mlir::Value workspace(mlir::Value offset);

  /// Shared memory of a block; the name is one of the kernel's own. Where an
  /// element of it is.
  mlir::Value addShared(llvm::StringRef name, int64_t bytes,
                        int64_t alignment = 16);
  mlir::Value sharedPlace(mlir::Value memory, mlir::Type element,
                          mlir::Value index);
  /// A name for shared memory that has no better one.
  std::string nameShared() { return "shared" + std::to_string(shared++); }

  mlir::Value constant(int64_t value);
  /// Of an element in a vector.
  mlir::Value laneNumber(int64_t i);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  /// Each lane's parts of the lane `distance` from it as `mode` says.
  llvm::SmallVector<mlir::Value> shuffle(mlir::gpu::ShuffleMode mode,
                                         mlir::ValueRange parts,
                                         int64_t distance);
  llvm::SmallVector<mlir::Value> shuffle(mlir::gpu::ShuffleMode mode,
                                         mlir::ValueRange parts,
                                         mlir::Value distance);
  mlir::Value threadIndex();
  mlir::Value blockIndex();
  /// A value of which only this bound is known: what is computed from it is
  /// not kept in registers through a loop, or computed before a branch.
  mlir::Value opaque(mlir::Value x, int64_t most);

  /// Emits `body` for where the condition holds.
  void when(mlir::Value condition, llvm::function_ref<void()> body);
  /// What `yes` or `no` gives.
  llvm::SmallVector<mlir::Value>
  branch(mlir::Value condition,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> yes,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> no);
  /// What is carried after from, from + step, ... below `to`; `body` has the
  /// present one and what is carried to it.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step,
       llvm::ArrayRef<mlir::Value> carried,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(
           mlir::Value, llvm::SmallVector<mlir::Value>)>
           body,
       bool mayUnroll = true);
  /// Sets the indices of `dims`, the last fastest, from their number; what is
  /// left of it.
  mlir::Value split(mlir::Value number, llvm::ArrayRef<unsigned> dims,
                    llvm::MutableArrayRef<mlir::Value> indices);
  /// The same for a number of which nothing is left: that of one dimension is
  /// its index.
  void splitAll(mlir::Value number, llvm::ArrayRef<unsigned> dims,
                llvm::MutableArrayRef<mlir::Value> indices);

  /// Size of a loop dimension, and how a launch names it.
  mlir::Value size(unsigned dim) { return sizes[dim]; }
  int64_t launchSize(unsigned dim) const { return launchSizes[dim]; }

  /// Offset in elements; loop dimensions whose index is null count as 0.
  mlir::Value offset(const KernelTensor &tensor,
                     llvm::ArrayRef<mlir::Value> indices);

  mlir::Value address(const KernelTensor &tensor, mlir::Value offset);
  /// Elements of the widest access along the last dimension, if all begin where
  /// one may.
  int64_t countAccess(const KernelTensor &tensor) const;
  /// `count` elements that follow each other, in one access: its size must be
  /// a power of two, of at most 16 bytes, and divide the offset's. Scalars are
  /// those of memory, complex ones in two parts.
  llvm::SmallVector<mlir::Value> loadScalars(const KernelTensor &tensor,
                                             mlir::Value offset,
                                             unsigned count = 1);
  void storeScalars(const KernelTensor &tensor, mlir::Value offset,
                    llvm::ArrayRef<mlir::Value> parts);
  /// Loads and stores that are converted from and to the type of arithmetic.
  llvm::SmallVector<Num> load(const KernelTensor &tensor, mlir::Value offset,
                              unsigned count = 1);
  void store(const KernelTensor &tensor, mlir::Value offset,
             llvm::ArrayRef<Num> x);
  /// 16 bytes as they are, in four words.
  mlir::Value loadWords(const KernelTensor &tensor, mlir::Value offset);

  mlir::Location loc;
  NumBuilder num;
  mlir::gpu::GPUFuncOp kernel;

private:
  void bindSizes(llvm::ArrayRef<int64_t> staticSizes);
  void findRegions();
  mlir::Value countBytes(const WorkspaceRegion &region);
  mlir::Value sizeOf(int64_t launchSize);
  mlir::Value valueOf(const SizeProduct &product);
  KernelTensor place(mlir::Value value, mlir::AffineMap map, unsigned number,
                     llvm::ArrayRef<TensorPlace> places, unsigned before);
  mlir::Value padded(mlir::Value size, int64_t padding);

  mlir::OpBuilder &b;
  mlir::func::FuncOp function;
  const StageFrame *stage;
  unsigned tensors; ///< Arguments of the kernel that are.
  llvm::SmallVector<mlir::Value> sizes;
  llvm::SmallVector<int64_t> launchSizes;
  mlir::Value workspaceStart;
  llvm::SmallVector<mlir::Value> regionStarts;
  int64_t shared = 0;
  bool refusesVectors = false;
};

/// What keeps an op of a region from being computed for scalars; null: nothing.
const char *refusesInlining(mlir::Operation &op);

/// What the block's terminator has for these arguments (null: one that nothing
/// reads). Its ops are cloned, and constants that it uses from outside; a
/// linalg op's block may read these indices of its loops, in i64.
llvm::SmallVector<mlir::Value> inlineBlock(mlir::OpBuilder &b,
                                           mlir::Block &block,
                                           mlir::ValueRange args,
                                           mlir::ValueRange indices = {});

} // namespace ssm

#endif // SSM_LIB_GPU_KERNEL_H
