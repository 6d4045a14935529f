//===- Workspace.cpp - Place static buffers -------------------------------===//
//
// Bump allocation: every buffer has a place of its own, so that the arguments
// may be noalias. A buffer may leave the sequential loops around it if no
// iteration hands it to the next one; BufferViewFlowAnalysis tells. A large
// buffer of a parallel loop has one slice per thread, a multiple of the
// alignment apart.
//
// Precondition: bufferized, structured control flow, no deallocations yet
// except those of the user.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/Utils/Utils.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/Support/MathExtras.h"

namespace ssm {
#define GEN_PASS_DEF_WORKSPACE
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Alignment of every buffer: a cache line, and the widest vector.
static constexpr int64_t kAlignment = 64;

/// True for loops whose iterations may run at the same time.
static bool isParallelLoop(Operation *op) {
  return isa<LoopLikeOpInterface>(op) &&
         op->hasTrait<OpTrait::HasParallelRegion>();
}

/// True if `op` is nested in a parallel loop.
static bool isInParallelLoop(Operation *op) {
  while ((op = op->getParentOp()))
    if (isParallelLoop(op))
      return true;
  return false;
}

/// True if an iteration of a loop around `alloc` may hand the buffer on, as an
/// iteration argument or a result.
static bool isCarried(memref::AllocOp alloc,
                      const BufferViewFlowAnalysis &views) {
  for (Value view : views.resolve(alloc.getResult())) {
    Operation *owner = isa<BlockArgument>(view)
                           ? cast<BlockArgument>(view).getOwner()->getParentOp()
                           : view.getDefiningOp();
    if (isa<LoopLikeOpInterface>(owner) && owner->isProperAncestor(alloc))
      return true;
  }
  return false;
}

/// Bytes of a static buffer; nothing if they do not fit.
static std::optional<int64_t> getBytes(MemRefType type,
                                       const DataLayout &layout) {
  int64_t bytes = layout.getTypeSize(type.getElementType()).getFixedValue();
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

static void replaceBuffer(memref::AllocOp alloc, Value buffer) {
  for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
    if (isa<memref::DeallocOp>(user))
      user->erase();
  alloc.replaceAllUsesWith(buffer);
  alloc.erase();
}

namespace {
/// Places the buffers of one function.
struct Placer {
  func::FuncOp func;
  Signature &signature;
  int64_t maxStackBytes, threads;

  LogicalResult run();

private:
  Block *getPlacement(memref::AllocOp alloc);
  FailureOr<Value> addArgument(memref::AllocOp alloc, MemRefType type,
                               int64_t bytes);
  LogicalResult moveToThreadSlice(memref::AllocOp alloc, int64_t bytes,
                                  Block *block);
};
} // namespace

/// The block whose start dominates `alloc` and is outside the sequential loops
/// around it: the function's or a parallel loop's.
Block *Placer::getPlacement(memref::AllocOp alloc) {
  Block *block = alloc->getBlock();
  while (block->getParentOp() != func &&
         !(threads > 1 && isParallelLoop(block->getParentOp())))
    block = block->getParentOp()->getBlock();
  return block;
}

/// A new argument of the function, at the end of the workspace.
FailureOr<Value> Placer::addArgument(memref::AllocOp alloc, MemRefType type,
                                     int64_t bytes) {
  int64_t end;
  if (llvm::AddOverflow(signature.workspaceBytes, bytes, end) ||
      end > INT64_MAX - kAlignment)
    return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but this "
                           "buffer of type ")
           << alloc.getType() << " exceeds that; use smaller sizes";
  signature.workspace.push_back(
      {signature.workspaceBytes, llvm::to_vector<4>(type.getShape())});
  signature.workspaceBytes = llvm::alignTo(end, kAlignment);
  return Value(func.getBody().addArgument(type, alloc.getLoc()));
}

/// Replaces `alloc` by the part of a workspace argument that belongs to the
/// thread that runs `block`.
LogicalResult Placer::moveToThreadSlice(memref::AllocOp alloc, int64_t bytes,
                                        Block *block) {
  OpBuilder b = OpBuilder::atBlockBegin(block);
  Location loc = alloc.getLoc();
  int64_t slice = llvm::alignTo<kAlignment>(bytes), total;
  if (llvm::MulOverflow(slice, threads, total))
    return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but ")
           << threads << " threads with a buffer of type " << alloc.getType()
           << " exceed that; use smaller sizes or fewer threads";
  auto argument =
      addArgument(alloc, MemRefType::get({total}, b.getI8Type()), total);
  auto threadNumber = func::lookupOrCreateFnDecl(
      b, func->getParentOfType<ModuleOp>(), "omp_get_thread_num", {}, nullptr,
      b.getI32Type());
  if (failed(argument) || failed(threadNumber))
    return failure();
  Value number =
      func::CallOp::create(b, loc, *threadNumber, ValueRange()).getResult(0);
  Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
  Value size = arith::ConstantIndexOp::create(b, loc, slice);
  Value offset = arith::MulIOp::create(b, loc, index, size);
  replaceBuffer(alloc, memref::ViewOp::create(b, loc, alloc.getType(),
                                              *argument, offset, ValueRange()));
  return success();
}

LogicalResult Placer::run() {
  BufferViewFlowAnalysis views(func);
  DataLayout layout = DataLayout::closest(func);
  SmallVector<memref::AllocOp> allocs;
  func.walk([&](memref::AllocOp alloc) {
    if (alloc.getType().hasStaticShape() &&
        alloc.getType().getLayout().isIdentity() && !isCarried(alloc, views))
      allocs.push_back(alloc);
  });
  for (memref::AllocOp alloc : allocs) {
    std::optional<int64_t> bytes = getBytes(alloc.getType(), layout);
    if (!bytes)
      return alloc.emitError("a buffer has at most 2^63 - 1 bytes, but its "
                             "type is ")
             << alloc.getType() << "; use smaller sizes";
    Block *block = getPlacement(alloc);
    if (block->getParentOp() == func) {
      auto argument = addArgument(alloc, alloc.getType(), *bytes);
      if (failed(argument))
        return failure();
      replaceBuffer(alloc, *argument);
    } else if (*bytes > maxStackBytes) {
      if (!isInParallelLoop(block->getParentOp()) &&
          failed(moveToThreadSlice(alloc, *bytes, block)))
        return failure();
    } else {
      OpBuilder b = OpBuilder::atBlockBegin(block);
      replaceBuffer(alloc,
                    memref::AllocaOp::create(b, alloc.getLoc(), alloc.getType(),
                                             b.getI64IntegerAttr(kAlignment)));
    }
  }
  return success();
}

namespace {
struct Workspace : ::ssm::impl::WorkspaceBase<Workspace> {
  using Base::Base;

  void runOnOperation() override {
    for (auto func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      std::optional<Signature> signature = Signature::get(func);
      if (!signature)
        continue;
      if (failed(Placer{func, *signature, maxStackBytes, threads}.run()))
        return signalPassFailure();
      func.setFunctionType(FunctionType::get(
          &getContext(), func.getBody().getArgumentTypes(), {}));
      func->setAttr(kABIAttrName, signature->toAttr(&getContext()));
    }
  }
};
} // namespace
