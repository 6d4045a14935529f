//===- StreamStores.cpp - Results that go past the caches -----------------===//
//
// A result that is larger than a core's cache and that the function does not
// read again need not pass through the cache: a non-temporal store of a whole
// cache line saves reading the line first, and what it would have displaced.
// Nor need a buffer that the last cache would not hold until the next loop
// reads it. Such a store must be aligned. Where the IR proves it up to the
// alignment of the caller's memory, a loop that writes such results is doubled:
//
//   if (result is aligned) { loop with non-temporal stores } else { loop }
//
// Complex numbers, which vectors cannot hold, are written by loops that put two
// parts together; in the first loop two vectors of parts are interleaved.
//
// Loops that say so (`ssm.cached`) write through the caches. So do writes of a
// part of a line whose rest does not come at once, with the writes beside it or
// in the next iteration: each of them would be a transfer of its own.
//
// Such stores are ordered by nothing but a fence, which ends each parallel loop
// body, and later each thread's part of that loop (ThreadBuffers.cpp), and each
// loop.
//
//===----------------------------------------------------------------------===//

#include "IndexForms.h"
#include "PairLoops.h"
#include "ssm/AOT/Passes.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <map>
#include <numeric>

namespace ssm {
#define GEN_PASS_DEF_STREAMSTORES
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Bytes of a cache line, and of the widest register.
static constexpr int64_t kLine = 64;

/// More than the last cache keeps from one loop for the next one.
static constexpr int64_t kBeyondCaches = int64_t(1) << 25;

//===----------------------------------------------------------------------===//
// Which stores
//===----------------------------------------------------------------------===//

namespace {
/// A write of vectors into an argument of the function, or a loop that writes
/// complex numbers into it.
struct Candidate {
  Operation *write;
  BlockArgument result;
  int64_t alignment, bytes;
};

struct StreamStores : ::ssm::impl::StreamStoresBase<StreamStores> {
  using Base::Base;
  void runOnOperation() override;

private:
  std::optional<Candidate> classify(vector::TransferWriteOp write);
  std::optional<Candidate> classify(scf::ForOp loop);
  bool isStreamed(BlockArgument result);
  void stream(Operation *loop, ArrayRef<Candidate> candidates);

  /// The loop of the function that is looked at.
  Operation *outermost = nullptr;
  DenseMap<BlockArgument, bool> streamed;
};
} // namespace

/// A view that begins where its source does.
static bool isSameMemory(Operation *op) {
  return isa<memref::CastOp, memref::ExpandShapeOp, memref::CollapseShapeOp>(
      op);
}

/// The memref that `value` is a view of. Adds the offsets of the views.
static Value rootOf(Value value, int64_t &divisor) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto view = dyn_cast<memref::SubViewOp>(op))
      divisor = std::gcd(
          divisor, divisorOf(view.getMixedOffsets(), view.getSourceType()));
    else if (!isSameMemory(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Nothing but writes in `scope`, through views.
static bool isOnlyWritten(Value memref, Operation *scope) {
  return llvm::all_of(memref.getUses(), [&](OpOperand &use) {
    Operation *op = use.getOwner();
    if (isa<memref::SubViewOp>(op) || isSameMemory(op))
      return isOnlyWritten(op->getResult(0), scope);
    if (!scope->isAncestor(op))
      return true;
    if (isa<vector::TransferWriteOp, vector::StoreOp, memref::StoreOp>(op))
      return true;
    return isa<memref::DimOp>(op);
  });
}

/// Bytes of a number in memory; 0 of another element.
static int64_t bytesOf(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * bytesOf(complex.getElementType());
  return element.isIntOrFloat() ? element.getIntOrFloatBitWidth() / 8 : 0;
}

bool StreamStores::isStreamed(BlockArgument result) {
  auto [it, isNew] = streamed.try_emplace(result, false);
  if (isNew) {
    auto type = cast<MemRefType>(result.getType());
    if (!type.hasStaticShape() || !type.getLayout().isIdentity())
      return false;
    int64_t bytes = type.getNumElements() * bytesOf(type.getElementType());
    Operation *scope = bytes >= kBeyondCaches ? outermost : getOperation();
    it->second = bytes >= minBytes && isOnlyWritten(result, scope);
  }
  return it->second;
}

std::optional<Candidate> StreamStores::classify(vector::TransferWriteOp write) {
  VectorType vector = write.getVectorType();
  if (vector.getRank() != 1 || write.getMask() || write.hasOutOfBoundsDim() ||
      !write.getPermutationMap().isMinorIdentity())
    return std::nullopt;
  auto type = dyn_cast<MemRefType>(write.getBase().getType());
  if (!type || !type.isLastDimUnitStride())
    return std::nullopt;
  int64_t divisor = divisorOf(getAsOpFoldResult(write.getIndices()), type);
  auto result = dyn_cast<BlockArgument>(rootOf(write.getBase(), divisor));
  if (!result || !isa<func::FuncOp>(result.getOwner()->getParentOp()) ||
      !isStreamed(result))
    return std::nullopt;
  int64_t element = type.getElementTypeBitWidth() / 8;
  int64_t alignment = std::gcd(vector.getNumElements() * element, kLine);
  if (alignment < 16 || divisor * element % alignment != 0)
    return std::nullopt;
  return Candidate{write, result, alignment, vector.getNumElements() * element};
}

/// Elements by which the innermost loop moves a write.
static Slope advanceOf(vector::TransferWriteOp write) {
  auto loop = dyn_cast<scf::ForOp>(write->getParentOp());
  std::optional<int64_t> step =
      loop ? getConstantIntValue(loop.getStep()) : std::nullopt;
  if (!step)
    return std::nullopt;
  Value variable = loop.getInductionVar(), memref = write.getBase();
  Slope total = slopeOf(getAsOpFoldResult(write.getIndices()),
                        cast<MemRefType>(memref.getType()), variable);
  while (Operation *op = memref.getDefiningOp()) {
    if (auto view = dyn_cast<memref::SubViewOp>(op))
      total = sum(total, slopeOf(view.getMixedOffsets(), view.getSourceType(),
                                 variable));
    memref = op->getOperand(0);
  }
  return total ? Slope(*total * *step) : total;
}

/// Leaves out writes of parts of lines, unless those of an iteration fill what
/// the loop moves by.
static void keepWholeLines(SmallVectorImpl<Candidate> &candidates) {
  std::map<std::pair<Block *, unsigned>, int64_t> bytes;
  auto key = [](const Candidate &candidate) {
    return std::make_pair(candidate.write->getBlock(),
                          candidate.result.getArgNumber());
  };
  for (const Candidate &candidate : candidates)
    bytes[key(candidate)] += candidate.bytes;
  llvm::erase_if(candidates, [&](const Candidate &candidate) {
    if (candidate.alignment == kLine)
      return false;
    auto write = cast<vector::TransferWriteOp>(candidate.write);
    Slope advance = advanceOf(write);
    int64_t element = bytesOf(write.getVectorType().getElementType());
    return !advance || std::abs(*advance) * element != bytes[key(candidate)];
  });
}

std::optional<Candidate> StreamStores::classify(scf::ForOp loop) {
  PairLoop pairs = PairLoop::match(loop);
  std::optional<int64_t> count = getConstantIntValue(loop.getUpperBound());
  if (!pairs || !count)
    return std::nullopt;
  int64_t bytes = bytesOf(pairs.re.getType());
  int64_t divisor = 0;
  auto result =
      dyn_cast<BlockArgument>(rootOf(pairs.store.getMemRef(), divisor));
  if (!result || !isa<func::FuncOp>(result.getOwner()->getParentOp()) ||
      !isStreamed(result) || bytes == 0 || *count * bytes % kLine != 0 ||
      divisor * 2 * bytes % kLine != 0)
    return std::nullopt;
  return Candidate{loop, result, kLine, 2 * bytes * *count};
}

//===----------------------------------------------------------------------===//
// The doubled loop
//===----------------------------------------------------------------------===//

static Value isAligned(OpBuilder &b, Location loc, Value memref) {
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(b, loc, memref);
  Value mask = arith::ConstantIndexOp::create(b, loc, kLine - 1);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value low = arith::AndIOp::create(b, loc, address, mask);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, low, zero);
}

static void buildFence(OpBuilder &b, Location loc) {
  LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::seq_cst);
}

static void replaceWrite(OpBuilder &b, vector::TransferWriteOp write,
                         int64_t alignment) {
  vector::StoreOp::create(b, write.getLoc(), write.getVector(), write.getBase(),
                          write.getIndices(), /*nontemporal=*/true,
                          llvm::MaybeAlign(alignment));
}

void StreamStores::stream(Operation *loop, ArrayRef<Candidate> candidates) {
  OpBuilder b(loop);
  Location loc = loop->getLoc();
  Value condition;
  llvm::SmallSetVector<BlockArgument, 2> results;
  for (const Candidate &candidate : candidates)
    results.insert(candidate.result);
  for (BlockArgument result : results) {
    Value aligned = isAligned(b, loc, result);
    condition =
        condition ? arith::AndIOp::create(b, loc, condition, aligned) : aligned;
  }
  auto choice = scf::IfOp::create(b, loc, loop->getResultTypes(), condition,
                                  /*withElseRegion=*/true);
  loop->replaceAllUsesWith(choice.getResults());
  b.setInsertionPointToStart(choice.elseBlock());
  Operation *other = b.clone(*loop);
  if (loop->getNumResults())
    scf::YieldOp::create(b, loc, other->getResults());
  loop->moveBefore(choice.thenBlock(), choice.thenBlock()->begin());
  b.setInsertionPointAfter(loop);
  buildFence(b, loc);
  if (loop->getNumResults())
    scf::YieldOp::create(b, loc, loop->getResults());
  for (const Candidate &candidate : candidates) {
    b.setInsertionPoint(candidate.write);
    if (auto write = dyn_cast<vector::TransferWriteOp>(candidate.write)) {
      replaceWrite(b, write, candidate.alignment);
      write.erase();
    } else {
      auto pairs = cast<scf::ForOp>(candidate.write);
      putTogether(PairLoop::match(pairs), pairs, /*nontemporal=*/true);
    }
  }
  loop->walk([&](scf::ParallelOp parallel) {
    b.setInsertionPoint(parallel.getBody()->getTerminator());
    buildFence(b, loc);
  });
}

void StreamStores::runOnOperation() {
  func::FuncOp function = getOperation();
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return;
  SmallVector<std::pair<Operation *, SmallVector<Candidate>>> loops;
  for (Operation &op : function.front()) {
    if (!isa<scf::ForOp, scf::ParallelOp>(op))
      continue;
    SmallVector<Candidate> candidates;
    outermost = &op;
    streamed.clear();
    op.walk<WalkOrder::PreOrder>([&](Operation *nested) {
      if (nested->hasAttr(::ssm::kCachedAttrName))
        return WalkResult::skip();
      std::optional<Candidate> candidate;
      if (auto write = dyn_cast<vector::TransferWriteOp>(nested))
        candidate = classify(write);
      else if (auto pairs = dyn_cast<scf::ForOp>(nested))
        if (nested != &op)
          candidate = classify(pairs);
      if (candidate)
        candidates.push_back(*candidate);
      return WalkResult::advance();
    });
    keepWholeLines(candidates);
    if (!candidates.empty())
      loops.push_back({&op, candidates});
  }
  for (auto &[loop, candidates] : loops)
    stream(loop, candidates);
}
