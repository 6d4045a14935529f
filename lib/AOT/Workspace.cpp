//===- Workspace.cpp - Place static buffers -------------------------------===//
//
// Bump allocation: every buffer has a place of its own, so that the arguments
// may be noalias. A buffer may leave the sequential loops around it if no
// iteration hands it to the next one; BufferViewFlowAnalysis tells. A large
// buffer of a parallel loop has one slice per thread, a multiple of the
// alignment apart. The size of a buffer that a loop computes, such as the
// levels of a tree, is bounded by its integer range.
//
// Precondition: bufferized, structured control flow, no deallocations yet
// except those of the user.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"

#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Analysis/DataFlow/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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

/// Bytes of a way of the first cache. Rows that are a power of two apart fall
/// into one set of it, and so would the same rows of a second buffer that is
/// read with them. A few lines between the buffers keep them apart.
static constexpr int64_t kWayBytes = 4096, kStagger = 5 * kAlignment;

/// A buffer inside a loop that is no larger, such as one of the parts of a
/// block of complex numbers, is on the stack, where LLVM may keep it in
/// registers.
static constexpr int64_t kBlockBytes = 512;

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

/// The largest value of an index, if the analysis knows it.
static std::optional<int64_t> getUpperBound(Value value,
                                            DataFlowSolver &ranges) {
  const auto *lattice =
      ranges.lookupState<dataflow::IntegerValueRangeLattice>(value);
  if (!lattice || lattice->getValue().isUninitialized())
    return std::nullopt;
  APInt bound = lattice->getValue().getValue().umax();
  return bound.getActiveBits() < 63 ? std::optional(bound.getSExtValue())
                                    : std::nullopt;
}

/// A larger bound is no size but a fraction of all that an index can hold, as
/// of a number of tiles of a length that the caller brings.
static constexpr int64_t kMaxBound = int64_t(1) << 40;

/// Bytes of a buffer, or a bound for them; nothing if they do not fit.
static std::optional<int64_t> getBytes(memref::AllocOp alloc,
                                       const DataLayout &layout,
                                       DataFlowSolver &ranges) {
  MemRefType type = alloc.getType();
  int64_t bytes = layout.getTypeSize(type.getElementType()).getFixedValue();
  auto dynamicSizes = alloc.getDynamicSizes().begin();
  for (std::optional<int64_t> size : type.getShape()) {
    if (ShapedType::isDynamic(*size))
      size = getUpperBound(*dynamicSizes++, ranges);
    if (!size || llvm::MulOverflow(bytes, *size, bytes))
      return std::nullopt;
  }
  if (!type.hasStaticShape() && bytes > kMaxBound)
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
  FailureOr<Value> addThreadOffset(memref::AllocOp alloc, int64_t slice,
                                   Block *block);
  LogicalResult moveToView(memref::AllocOp alloc, int64_t bytes, Block *block);
  LogicalResult place(memref::AllocOp alloc, int64_t bytes);
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
  // No overflow: what is placed leaves room for an alignment and a stagger.
  int64_t begin = signature.workspaceBytes, end;
  if (!signature.workspace.empty() &&
      (begin - signature.workspace.back().offset) % kWayBytes == 0)
    begin += kStagger;
  if (llvm::AddOverflow(begin, bytes, end) ||
      end > INT64_MAX - kAlignment - kStagger)
    return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but this "
                           "buffer of type ")
           << alloc.getType() << " exceeds that; use smaller sizes";
  signature.workspace.push_back({begin, llvm::to_vector<4>(type.getShape())});
  signature.workspaceBytes = llvm::alignTo(end, kAlignment);
  return Value(func.getBody().addArgument(type, alloc.getLoc()));
}

/// Where the slice of the thread that runs `block` starts.
FailureOr<Value> Placer::addThreadOffset(memref::AllocOp alloc, int64_t slice,
                                         Block *block) {
  OpBuilder b = OpBuilder::atBlockBegin(block);
  Location loc = alloc.getLoc();
  auto threadNumber = func::lookupOrCreateFnDecl(
      b, func->getParentOfType<ModuleOp>(), "omp_get_thread_num", {}, nullptr,
      b.getI32Type());
  if (failed(threadNumber))
    return failure();
  Value number =
      func::CallOp::create(b, loc, *threadNumber, ValueRange()).getResult(0);
  Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
  Value size = arith::ConstantIndexOp::create(b, loc, slice);
  return Value(arith::MulIOp::create(b, loc, index, size));
}

/// Replaces `alloc` by a part of a workspace argument of bytes, which belongs
/// to the thread that runs `block`.
LogicalResult Placer::moveToView(memref::AllocOp alloc, int64_t bytes,
                                 Block *block) {
  OpBuilder b(alloc);
  bool isShared = block->getParentOp() != func;
  int64_t slice = llvm::alignTo<kAlignment>(bytes), total;
  if (llvm::MulOverflow(slice, isShared ? threads : 1, total))
    return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but ")
           << threads << " threads with a buffer of type " << alloc.getType()
           << " exceed that; use smaller sizes or fewer threads";
  auto argument =
      addArgument(alloc, MemRefType::get({total}, b.getI8Type()), total);
  FailureOr<Value> offset =
      isShared ? addThreadOffset(alloc, slice, block)
               : FailureOr<Value>(
                     arith::ConstantIndexOp::create(b, alloc.getLoc(), 0));
  if (failed(argument) || failed(offset))
    return failure();
  replaceBuffer(alloc, memref::ViewOp::create(
                           b, alloc.getLoc(), alloc.getType(), *argument,
                           *offset, alloc.getDynamicSizes()));
  return success();
}

LogicalResult Placer::place(memref::AllocOp alloc, int64_t bytes) {
  Block *block = getPlacement(alloc);
  bool isStatic = alloc.getType().hasStaticShape();
  bool isBlock = alloc->getBlock() != block &&
                 bytes <= std::min(kBlockBytes, maxStackBytes);
  if (block->getParentOp() == func && isStatic && !isBlock) {
    auto argument = addArgument(alloc, alloc.getType(), bytes);
    if (succeeded(argument))
      replaceBuffer(alloc, *argument);
    return argument;
  }
  if (!isStatic || bytes > maxStackBytes)
    return isInParallelLoop(block->getParentOp())
               ? success()
               : moveToView(alloc, bytes, block);
  OpBuilder b = OpBuilder::atBlockBegin(block);
  replaceBuffer(alloc,
                memref::AllocaOp::create(b, alloc.getLoc(), alloc.getType(),
                                         b.getI64IntegerAttr(kAlignment)));
  return success();
}

LogicalResult Placer::run() {
  BufferViewFlowAnalysis views(func);
  DataLayout layout = DataLayout::closest(func);
  DataFlowSolver ranges;
  dataflow::loadBaselineAnalyses(ranges);
  ranges.load<dataflow::IntegerRangeAnalysis>();
  if (failed(ranges.initializeAndRun(func)))
    return func.emitError("the sizes of the buffers cannot be analysed");
  SmallVector<std::pair<memref::AllocOp, int64_t>> buffers;
  WalkResult walked = func.walk([&](memref::AllocOp alloc) -> WalkResult {
    if (!alloc.getType().getLayout().isIdentity() || isCarried(alloc, views))
      return WalkResult::advance();
    if (std::optional<int64_t> bytes = getBytes(alloc, layout, ranges))
      buffers.emplace_back(alloc, *bytes);
    else if (alloc.getType().hasStaticShape())
      return alloc.emitError("a buffer has at most 2^63 - 1 bytes, but its "
                             "type is ")
             << alloc.getType() << "; use smaller sizes";
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (auto [alloc, bytes] : buffers)
    if (failed(place(alloc, bytes)))
      return failure();
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
