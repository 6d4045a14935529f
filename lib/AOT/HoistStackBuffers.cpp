//===- HoistStackBuffers.cpp - One place on the stack per buffer ----------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace ssm {
#define GEN_PASS_DEF_HOISTSTACKBUFFERS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// The start of the function or of the parallel loop around `op`: what runs
/// once for each thread's stack.
static Block *getPlacement(Operation *op) {
  Block *block = op->getBlock();
  while (isa<scf::ForOp, scf::IfOp, scf::WhileOp>(block->getParentOp()))
    block = block->getParentOp()->getBlock();
  return block;
}

namespace {
struct HoistStackBuffers
    : ::ssm::impl::HoistStackBuffersBase<HoistStackBuffers> {
  void runOnOperation() override {
    SmallVector<memref::AllocaOp> buffers;
    getOperation()->walk([&](memref::AllocaOp buffer) {
      if (buffer.getType().hasStaticShape() &&
          getPlacement(buffer) != buffer->getBlock())
        buffers.push_back(buffer);
    });
    for (memref::AllocaOp buffer : buffers) {
      Block *block = getPlacement(buffer);
      buffer->moveBefore(block, block->begin());
    }
  }
};
} // namespace
