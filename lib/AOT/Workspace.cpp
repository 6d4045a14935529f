//===- Workspace.cpp - Place static buffers -------------------------------===//
//
// Bump allocation: every buffer has a place of its own, so that the arguments
// may be noalias. A buffer may leave the sequential loops around it if no
// iteration hands it to the next one; BufferViewFlowAnalysis tells. A large
// buffer of a parallel loop has one slice per thread; the slices of a thread
// lie beside each other, with a gap before those of the next one. The size of a
// buffer that a loop computes, such as the levels of a tree, is bounded by its
// integer range.
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
#include "llvm/ADT/MapVector.h"
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

/// A core that comes to the end of a buffer has asked for what lies behind it:
/// by as much as the eighth block of a transform's work tile, for example,
/// whose seven others it has walked through. If those are lines that another
/// thread works on, they go from core to core and back.
static constexpr int64_t kReachPart = 8, kReachBytes = 4096;

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
  struct Buffer {
    memref::AllocOp alloc;
    int64_t bytes;
  };
  using Buffers = SmallVector<Buffer>;

  FailureOr<Buffers> collect();
  Block *getPlacement(memref::AllocOp alloc);
  bool isSliced(Buffer buffer);
  std::optional<int64_t> reserve(int64_t bytes);
  Value addArgument(memref::AllocOp alloc, MemRefType type, int64_t offset);
  LogicalResult moveToArgument(Buffer buffer);
  LogicalResult moveToSlices(Block *block, ArrayRef<Buffer> buffers);
  FailureOr<Value> emitThreadOffset(Block *block, Location loc, int64_t apart);
  LogicalResult place(Buffer buffer);
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

/// Whether each thread has a slice of the workspace for it.
bool Placer::isSliced(Buffer buffer) {
  Block *block = getPlacement(buffer.alloc);
  bool isLarge =
      !buffer.alloc.getType().hasStaticShape() || buffer.bytes > maxStackBytes;
  return block->getParentOp() != func && isLarge &&
         !isInParallelLoop(block->getParentOp());
}

/// Where a buffer begins that follows one at `previous`, whose end is `end`.
static int64_t stagger(int64_t previous, int64_t end) {
  return (end - previous) % kWayBytes == 0 ? end + kStagger : end;
}

static LogicalResult refuse(memref::AllocOp alloc) {
  return alloc.emitError("a workspace has at most 2^63 - 1 bytes, but this "
                         "buffer of type ")
         << alloc.getType() << " exceeds that; use smaller sizes";
}

/// The offset of so many bytes at the end of the workspace.
std::optional<int64_t> Placer::reserve(int64_t bytes) {
  // No overflow: what is placed leaves room for an alignment and a stagger.
  int64_t begin = signature.workspaceBytes, end;
  if (!signature.workspace.empty())
    begin = stagger(signature.workspace.back().offset, begin);
  if (llvm::AddOverflow(begin, bytes, end) ||
      end > INT64_MAX - kAlignment - kStagger)
    return std::nullopt;
  signature.workspaceBytes = llvm::alignTo(end, kAlignment);
  return begin;
}

/// A new argument of the function, in the workspace.
Value Placer::addArgument(memref::AllocOp alloc, MemRefType type,
                          int64_t offset) {
  signature.workspace.push_back({offset, llvm::to_vector<4>(type.getShape())});
  return func.getBody().addArgument(type, alloc.getLoc());
}

/// A buffer outside of parallel loops.
LogicalResult Placer::moveToArgument(Buffer buffer) {
  auto [alloc, bytes] = buffer;
  std::optional<int64_t> offset = reserve(bytes);
  if (!offset)
    return refuse(alloc);
  if (alloc.getType().hasStaticShape()) {
    replaceBuffer(alloc, addArgument(alloc, alloc.getType(), *offset));
    return success();
  }
  OpBuilder b(alloc);
  Value whole =
      addArgument(alloc, MemRefType::get({bytes}, b.getI8Type()), *offset);
  Value zero = arith::ConstantIndexOp::create(b, alloc.getLoc(), 0);
  replaceBuffer(alloc,
                memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(),
                                       whole, zero, alloc.getDynamicSizes()));
  return success();
}

/// Where the slices of the thread that runs `block` start.
FailureOr<Value> Placer::emitThreadOffset(Block *block, Location loc,
                                          int64_t apart) {
  OpBuilder b = OpBuilder::atBlockBegin(block);
  auto threadNumber = func::lookupOrCreateFnDecl(
      b, func->getParentOfType<ModuleOp>(), "omp_get_thread_num", {}, nullptr,
      b.getI32Type());
  if (failed(threadNumber))
    return failure();
  Value number =
      func::CallOp::create(b, loc, *threadNumber, ValueRange()).getResult(0);
  Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
  Value size = arith::ConstantIndexOp::create(b, loc, apart);
  return Value(arith::MulIOp::create(b, loc, index, size));
}

/// The buffers of a parallel loop, whose body is `block`. Each is an argument
/// that begins in the slices of the first thread and ends in those of the last.
LogicalResult Placer::moveToSlices(Block *block, ArrayRef<Buffer> buffers) {
  // 1. Where they begin, and how far apart two threads are.
  SmallVector<int64_t> begins;
  int64_t end = 0, apart = 0, behind;
  for (auto [alloc, bytes] : buffers) {
    begins.push_back(begins.empty() ? 0 : stagger(begins.back(), end));
    int64_t reach = bytes / kReachPart + kReachBytes;
    if (llvm::AddOverflow(begins.back(), bytes, end) ||
        llvm::AddOverflow(end, reach + kAlignment + kStagger, behind))
      return refuse(alloc);
    end = llvm::alignTo<kAlignment>(end);
    apart = std::max<int64_t>(apart, llvm::alignTo<kAlignment>(end + reach));
  }
  memref::AllocOp last = buffers.back().alloc;
  int64_t before;
  std::optional<int64_t> first;
  if (!llvm::MulOverflow(apart, threads - 1, before) &&
      !llvm::AddOverflow(before, end, behind))
    first = reserve(behind);
  if (!first)
    return last.emitError("a workspace has at most 2^63 - 1 bytes, but ")
           << threads << " threads with a buffer of type " << last.getType()
           << " exceed that; use smaller sizes or fewer threads";

  // 2. The thread's part of each.
  FailureOr<Value> offset = emitThreadOffset(block, last.getLoc(), apart);
  if (failed(offset))
    return failure();
  for (auto [buffer, begin] : llvm::zip_equal(buffers, begins)) {
    auto [alloc, bytes] = buffer;
    OpBuilder b(alloc);
    Value all =
        addArgument(alloc, MemRefType::get({before + bytes}, b.getI8Type()),
                    *first + begin);
    replaceBuffer(alloc, memref::ViewOp::create(b, alloc.getLoc(),
                                                alloc.getType(), all, *offset,
                                                alloc.getDynamicSizes()));
  }
  return success();
}

LogicalResult Placer::place(Buffer buffer) {
  auto [alloc, bytes] = buffer;
  Block *block = getPlacement(alloc);
  bool isStatic = alloc.getType().hasStaticShape();
  bool isBlock = alloc->getBlock() != block &&
                 bytes <= std::min(kBlockBytes, maxStackBytes);
  bool isOnStack = isStatic && bytes <= maxStackBytes;
  if (block->getParentOp() == func && !(isOnStack && isBlock))
    return moveToArgument(buffer);
  if (!isOnStack)
    return success();
  OpBuilder b = OpBuilder::atBlockBegin(block);
  replaceBuffer(alloc,
                memref::AllocaOp::create(b, alloc.getLoc(), alloc.getType(),
                                         b.getI64IntegerAttr(kAlignment)));
  return success();
}

FailureOr<Placer::Buffers> Placer::collect() {
  BufferViewFlowAnalysis views(func);
  DataLayout layout = DataLayout::closest(func);
  DataFlowSolver ranges;
  dataflow::loadBaselineAnalyses(ranges);
  ranges.load<dataflow::IntegerRangeAnalysis>();
  if (failed(ranges.initializeAndRun(func)))
    return func.emitError("the sizes of the buffers cannot be analysed");
  Buffers buffers;
  WalkResult walked = func.walk([&](memref::AllocOp alloc) -> WalkResult {
    if (!alloc.getType().getLayout().isIdentity() || isCarried(alloc, views))
      return WalkResult::advance();
    if (std::optional<int64_t> bytes = getBytes(alloc, layout, ranges))
      buffers.push_back({alloc, *bytes});
    else if (alloc.getType().hasStaticShape())
      return alloc.emitError("a buffer has at most 2^63 - 1 bytes, but its "
                             "type is ")
             << alloc.getType() << "; use smaller sizes";
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  return buffers;
}

LogicalResult Placer::run() {
  FailureOr<Buffers> buffers = collect();
  if (failed(buffers))
    return failure();
  llvm::MapVector<Block *, Buffers> slices;
  for (Buffer buffer : *buffers)
    if (isSliced(buffer))
      slices[getPlacement(buffer.alloc)].push_back(buffer);
    else if (failed(place(buffer)))
      return failure();
  for (auto &[block, parts] : slices)
    if (failed(moveToSlices(block, parts)))
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
