//===- Workspace.cpp - Place static buffers -------------------------------===//
//
// Bump allocation: every buffer has a place of its own, so that the arguments
// may be noalias. A buffer may leave the sequential loops around it if no
// iteration hands it to the next one; BufferViewFlowAnalysis tells.
//
// Precondition: bufferized, structured control flow, no deallocations yet
// except those of the user.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
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

/// The block whose start dominates `alloc` and is outside the sequential loops
/// around it: the function's or a parallel loop's.
static Block *getPlacement(memref::AllocOp alloc) {
  Block *block = alloc->getBlock();
  while (!isa<func::FuncOp>(block->getParentOp()) &&
         !isParallelLoop(block->getParentOp()))
    block = block->getParentOp()->getBlock();
  return block;
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

/// Turns `alloc` into an argument of `func` at the end of the workspace.
static LogicalResult moveToWorkspace(memref::AllocOp alloc, int64_t bytes,
                                     func::FuncOp func, Signature &signature) {
  int64_t end;
  if (llvm::AddOverflow(signature.workspaceBytes, bytes, end) ||
      end > INT64_MAX - kAlignment)
    return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but this "
                           "buffer of type ")
           << alloc.getType() << " exceeds that; use smaller sizes";
  MemRefType type = alloc.getType();
  signature.workspace.push_back(
      {signature.workspaceBytes, llvm::to_vector<4>(type.getShape())});
  signature.workspaceBytes = llvm::alignTo(end, kAlignment);
  replaceBuffer(alloc, func.getBody().addArgument(type, alloc.getLoc()));
  return success();
}

static LogicalResult placeBuffers(func::FuncOp func, Signature &signature,
                                  int64_t maxStackBytes) {
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
    if (isa<func::FuncOp>(block->getParentOp())) {
      if (failed(moveToWorkspace(alloc, *bytes, func, signature)))
        return failure();
    } else if (*bytes <= maxStackBytes) {
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
    func::FuncOp func = getOperation();
    std::optional<Signature> signature = Signature::get(func);
    if (!signature)
      return;
    if (failed(placeBuffers(func, *signature, maxStackBytes)))
      return signalPassFailure();
    func.setFunctionType(FunctionType::get(
        &getContext(), func.getBody().getArgumentTypes(), {}));
    func->setAttr(kABIAttrName, signature->toAttr(&getContext()));
  }
};
} // namespace
