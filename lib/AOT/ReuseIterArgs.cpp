//===- ReuseIterArgs.cpp - Loops write over their previous values ---------===//
//
// For each scf.for, innermost first: what a yielded tensor's buffer will be is
// asked of bufferization's own interfaces. If following equivalent operands
// leads to the iteration argument of the same position, the value is in place
// already. If following any aliasing operand may lead to another iteration
// argument, writing that one would destroy the value, so it is copied first.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ssm {
#define GEN_PASS_DEF_REUSEITERARGS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// The iteration arguments of `loop` whose buffers `yielded` may live in.
static SetVector<Value>
findIterArgs(scf::ForOp loop, OpOperand &yielded, bool equivalentOnly,
             const bufferization::AnalysisState &state) {
  bufferization::TraversalConfig config;
  config.followEquivalentOnly = equivalentOnly;
  config.alwaysIncludeLeaves = false;
  SetVector<Value> found;
  SmallVector<OpOperand *> worklist = {&yielded};
  while (!worklist.empty()) {
    SetVector<Value> stops = state.findValueInReverseUseDefChain(
        worklist.pop_back_val(),
        [&](Value value) {
          auto arg = dyn_cast<BlockArgument>(value);
          return value.getDefiningOp<scf::ForOp>() ||
                 (arg && arg.getOwner() == loop.getBody());
        },
        config);
    for (Value value : stops) {
      // An inner loop, already treated, ends in the buffer that it began with.
      if (auto inner = value.getDefiningOp<scf::ForOp>())
        worklist.push_back(
            &inner.getInitsMutable()[cast<OpResult>(value).getResultNumber()]);
      else
        found.insert(value);
    }
  }
  return found;
}

/// A copy of a tensor in a buffer of its own.
static Value copyTensor(OpBuilder &b, Location loc, Value tensor) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return linalg::CopyOp::create(b, loc, tensor, empty).getResult(0);
}

static void reuseIterArgs(scf::ForOp loop,
                          const bufferization::AnalysisState &state) {
  auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
  OpBuilder b(yield);
  SmallVector<std::pair<OpOperand *, BlockArgument>> moved;
  for (OpOperand &operand : yield->getOpOperands()) {
    BlockArgument arg = loop.getRegionIterArg(operand.getOperandNumber());
    if (!isa<RankedTensorType>(arg.getType()))
      continue;
    SetVector<Value> same = findIterArgs(loop, operand, true, state);
    if (same.size() == 1 && same.contains(arg))
      continue;
    moved.push_back({&operand, arg});
  }
  // All copies come before the first write to an iteration argument.
  for (auto [operand, arg] : moved) {
    SetVector<Value> aliases = findIterArgs(loop, *operand, false, state);
    aliases.remove(arg);
    if (!aliases.empty())
      operand->set(copyTensor(b, yield.getLoc(), operand->get()));
  }
  for (auto [operand, arg] : moved)
    operand->set(bufferization::MaterializeInDestinationOp::create(
                     b, yield.getLoc(), operand->get(), arg)
                     ->getResult(0));
}

namespace {
struct ReuseIterArgs : ::ssm::impl::ReuseIterArgsBase<ReuseIterArgs> {
  void runOnOperation() override {
    bufferization::BufferizationOptions options;
    bufferization::AnalysisState state(options);
    getOperation()->walk([&](scf::ForOp loop) { reuseIterArgs(loop, state); });
  }
};
} // namespace
