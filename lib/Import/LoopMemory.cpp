//===- LoopMemory.cpp - Loops on memory as loops on tensors ---------------===//
//
//   scf.for %t {                          %ut = to_tensor %u, %yt = to_tensor
//   %y
//     %v = memref.load %u[%t]         ->  %r = scf.for %t iter_args(%yi = %yt)
//     { memref.store %z, %y[%t]               %v = tensor.extract %ut[%t]
//   }                                       %n = tensor.insert %z into %yi[%t]
//                                           scf.yield %n }
//
// Precondition: what is written is proved to share no memory with anything else
// that the loop touches.
//
// An element that the iteration before has written is then carried on its own,
// and one that no iteration has written yet is what it was before the loop.
//
//===----------------------------------------------------------------------===//
#include "LoopMemory.h"

#include "LoopOverTime.h"
#include "ssm/Analysis/TimeInvariance.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace ssm;

/// Whether the value is an argument that its function says shares no memory.
static bool isNoAliasArgument(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  return function &&
         function.getArgAttr(argument.getArgNumber(), "llvm.noalias");
}

static bool areDistinct(Value x, Value y, AliasAnalysis &aliases) {
  auto isRoot = [](Value value) {
    return isa<BlockArgument>(value) || value.getDefiningOp<memref::AllocOp>();
  };
  if (isRoot(x) && isRoot(y) && (isNoAliasArgument(x) || isNoAliasArgument(y)))
    return true;
  return aliases.alias(x, y).isNo();
}

namespace {
/// What a loop touches by loads and stores of its own block.
struct Accesses {
  llvm::SetVector<Value> all, read, written;
  std::string reason;

  Accesses(scf::ForOp loop, AliasAnalysis &aliases) {
    for (Operation &op : *loop.getBody()) {
      if (auto load = dyn_cast<memref::LoadOp>(op)) {
        all.insert(load.getMemRef());
        read.insert(load.getMemRef());
      } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
        all.insert(store.getMemRef());
        if (!written.insert(store.getMemRef()))
          reason = "it writes the same memory twice: " +
                   describeValue(store.getMemRef());
      }
    }
    for (Value memory : all)
      if (!loop.isDefinedOutsideOfLoop(memory))
        reason =
            "it makes the memory that it touches: " + describeValue(memory);
    for (Value x : written)
      for (Value y : all)
        if (x != y && !areDistinct(x, y, aliases))
          reason = describeValue(x) + " and " + describeValue(y) +
                   " may share memory, of which one is written";
  }
};
} // namespace

/// Makes loads and stores those of the tensors; written ones are arguments.
static void rewriteAccesses(scf::ForOp loop, DenseMap<Value, Value> tensors,
                            ArrayRef<Value> written) {
  unsigned first = loop.getNumRegionIterArgs() - written.size();
  for (auto [i, memory] : llvm::enumerate(written))
    tensors[memory] = loop.getRegionIterArg(first + i);
  for (Operation &op : llvm::make_early_inc_range(*loop.getBody())) {
    OpBuilder b(&op);
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      load.replaceAllUsesWith(
          tensor::ExtractOp::create(b, op.getLoc(), tensors[load.getMemRef()],
                                    load.getIndices())
              .getResult());
      op.erase();
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      Value &tensor = tensors[store.getMemRef()];
      tensor = tensor::InsertOp::create(b, op.getLoc(), store.getValueToStore(),
                                        tensor, store.getIndices());
      op.erase();
    }
  }
  for (auto [i, memory] : llvm::enumerate(written))
    loop.getBody()->getTerminator()->setOperand(first + i, tensors[memory]);
}

/// The loop with one more value that it carries; `yielded` is the next one.
static scf::ForOp carry(scf::ForOp loop, ValueRange inits,
                        ArrayRef<Value> yielded) {
  IRRewriter rewriter(loop.getContext());
  rewriter.setInsertionPoint(loop);
  auto wider = loop.replaceWithAdditionalYields(
      rewriter, inits, /*replaceInitOperandUsesInLoop=*/false,
      [&](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
        return yielded.empty() ? SmallVector<Value>(added)
                               : SmallVector<Value>(yielded);
      });
  return cast<scf::ForOp>(wider->getOperation());
}

/// The index as it is in the first iteration.
static Value cloneBefore(OpBuilder &b, scf::ForOp loop, Value index,
                         IRMapping &mapping,
                         SmallVectorImpl<Operation *> &prelude) {
  if (mapping.contains(index) || loop.isDefinedOutsideOfLoop(index))
    return mapping.lookupOrDefault(index);
  Operation *op = index.getDefiningOp();
  for (Value operand : op->getOperands())
    cloneBefore(b, loop, operand, mapping, prelude);
  prelude.push_back(b.clone(*op, mapping));
  return mapping.lookup(index);
}

/// Reads of what the iteration before has written become values that are
/// carried, reads of what is not written yet those of the initial tensor.
static void forwardElements(TensorLoop &result) {
  scf::ForOp &loop = result.loop;
  for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i) {
    auto insert = loop.getYieldedValues()[i].getDefiningOp<tensor::InsertOp>();
    if (!insert || insert.getDest() != loop.getRegionIterArg(i))
      continue;
    SmallVector<Operation *> readers(insert.getResult().getUsers());
    llvm::append_range(readers, loop.getRegionIterArg(i).getUsers());
    for (Operation *reader : readers) {
      auto extract = dyn_cast<tensor::ExtractOp>(reader);
      if (!extract || extract->getParentOp() != loop)
        continue;
      std::optional<int64_t> lag =
          findLag(loop, extract.getIndices(), insert.getIndices());
      if (!lag)
        continue;
      Value init = loop.getInitArgs()[i];
      if (extract.getTensor() == insert.getResult()) {
        if (*lag == 0)
          extract.replaceAllUsesWith(insert.getScalar());
      } else if (*lag == 0) {
        extract.getTensorMutable().assign(init);
      } else if (*lag == 1) {
        OpBuilder b(loop);
        IRMapping mapping;
        mapping.map(loop.getInductionVar(), loop.getLowerBound());
        SmallVector<Value> first;
        for (Value index : extract.getIndices())
          first.push_back(cloneBefore(b, loop, index, mapping, result.prelude));
        auto before =
            tensor::ExtractOp::create(b, extract.getLoc(), init, first);
        result.prelude.push_back(before);
        unsigned number = loop.getNumRegionIterArgs();
        loop = carry(loop, before.getResult(), insert.getScalar());
        extract.replaceAllUsesWith(Value(loop.getRegionIterArg(number)));
      }
      if (extract.use_empty())
        extract.erase();
    }
  }
}

TensorLoop TensorLoop::copy(scf::ForOp original, AliasAnalysis &aliases) {
  TensorLoop result;
  Accesses accesses(original, aliases);
  OpBuilder b(original);
  result.loop = cast<scf::ForOp>(b.clone(*original));
  result.reason = accesses.reason;
  if (!result.reason.empty())
    return result;
  b.setInsertionPoint(result.loop);
  DenseMap<Value, Value> tensors;
  for (Value memory : accesses.all) {
    Value tensor = bufferization::ToTensorOp::create(
        b, memory.getLoc(),
        memref::getTensorTypeFromMemRefType(memory.getType()), memory,
        /*restrict=*/true);
    result.prelude.push_back(tensor.getDefiningOp());
    // What it was before is read after parts of it have been written.
    if (accesses.read.contains(memory) && accesses.written.contains(memory)) {
      tensor = bufferization::AllocTensorOp::create(
          b, memory.getLoc(), cast<RankedTensorType>(tensor.getType()),
          /*dynamicSizes=*/ValueRange(), /*copy=*/tensor);
      result.prelude.push_back(tensor.getDefiningOp());
    }
    tensors[memory] = tensor;
  }
  result.written = accesses.written.takeVector();
  result.firstWritten = original.getNumResults();
  if (!result.written.empty())
    result.loop = carry(
        result.loop,
        llvm::map_to_vector(result.written,
                            [&](Value memory) { return tensors[memory]; }),
        {});
  rewriteAccesses(result.loop, tensors, result.written);
  forwardElements(result);
  return result;
}

void TensorLoop::erase() {
  loop.erase();
  for (Operation *op : llvm::reverse(prelude))
    if (op->use_empty())
      op->erase();
}
