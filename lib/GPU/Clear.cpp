//===- Clear.cpp - Zeros in the workspace ---------------------------------===//
//
// A kernel whose words must be zero, and that is not the only one of its
// function, has this one in front of it: the caller would have to zero what the
// other kernels keep, too.
//
//   block = the bytes of a block of that kernel; the first one also those that
//           all blocks share
//
//===----------------------------------------------------------------------===//
#include "Clear.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kWordBytes = 8;

Launch emitClear(OpBuilder &b, const KernelFrame &frame, Location loc,
                 const Launch &launch) {
  Kernel k(b, frame, loc, {}, b.getF32Type(), kWarp);
  Value thread = k.threadIndex(), zero = k.constant(0);
  auto clear = [&](Value firstByte, int64_t bytes) {
    k.loop(thread, k.constant(bytes / kWordBytes), kWarp, {},
           [&](Value word, SmallVector<Value> none) {
             Value offset =
                 k.add(firstByte, k.mul(word, k.constant(kWordBytes)));
             Value place = LLVM::GEPOp::create(b, loc, k.workspace().getType(),
                                               b.getI8Type(), k.workspace(),
                                               ArrayRef<LLVM::GEPArg>{offset});
             LLVM::StoreOp::create(b, loc, zero, place, kWordBytes);
             return none;
           });
  };
  Value block = k.blockIndex();
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, block,
                                        k.constant(0));
  k.when(isFirst, [&] { clear(zero, launch.workspaceBytes); });
  int64_t perBlock = launch.workspaceBytesPerBlock;
  clear(k.add(k.constant(launch.workspaceBytes),
              k.mul(block, k.constant(perBlock))),
        perBlock);
  gpu::ReturnOp::create(b, loc);
  Launch cleared;
  cleared.kernel = "clear";
  cleared.threads = kWarp;
  cleared.grid = launch.grid;
  return cleared;
}

} // namespace ssm
