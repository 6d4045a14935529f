//===- KeepOrder.cpp - Loops that touch memory in their own order ---------===//
//
// LLVM's schedulers read and write the lines of a loop's body in whatever order
// suits the registers. Where the order decides the speed (`ssm.in_order`), a
// fence for the compiler, of which no instruction is made, stands behind the
// requests of the body and behind each write.
//
//===----------------------------------------------------------------------===//

#include "ssm/AOT/Passes.h"
#include "ssm/Utils/Threads.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace ssm {
#define GEN_PASS_DEF_KEEPORDER
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// A write, or a loop of writes. A request says that it writes, too.
static bool writesMemory(Operation &op) {
  return isa<scf::ForOp>(op) || hasEffect<MemoryEffects::Write>(&op);
}

static void keepOrder(scf::ForOp loop) {
  for (Operation &op : llvm::make_early_inc_range(*loop.getBody())) {
    bool isRequest = isa<memref::PrefetchOp>(op);
    if (isRequest ? isa<memref::PrefetchOp>(op.getNextNode())
                  : !writesMemory(op))
      continue;
    OpBuilder b(op.getContext());
    b.setInsertionPointAfter(&op);
    LLVM::FenceOp::create(b, op.getLoc(), LLVM::AtomicOrdering::seq_cst,
                          "singlethread");
  }
}

namespace {
struct KeepOrder : ::ssm::impl::KeepOrderBase<KeepOrder> {
  using Base::Base;
  void runOnOperation() override {
    getOperation().walk([](scf::ForOp loop) {
      if (loop->removeDiscardableAttr(::ssm::kInOrderAttrName))
        keepOrder(loop);
    });
  }
};
} // namespace
