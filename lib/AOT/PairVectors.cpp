//===- PairVectors.cpp - Complex numbers to vectors of parts and back -----===//
//
// Vectors hold no complex numbers, so loops take blocks of them apart into two
// buffers, from which vectors are read, and put them together from two buffers.
// A loop over few numbers becomes loads of pairs, shuffles and stores at known
// places:
//
//   for i in 0 .. 64:  re[i], im[i] = parts of in[i]
//   // becomes, four times,
//   z = in[16 k .. 16 k + 16]
//   re[16 k ..], im[16 k ..] = even and odd lanes of z
//
// Buffers on the stack that are accessed at known places only are registers to
// LLVM; a loop would keep them in memory.
//
// LLVM then makes one shuffle of these and of the transposes that follow. Of
// registers of 256 bits that is one of four inputs, which takes more than those
// it was made of; a fence is between them there.
//
//===----------------------------------------------------------------------===//

#include "PairLoops.h"
#include "Target.h"
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace ssm {
#define GEN_PASS_DEF_PAIRVECTORS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Whether the loop is written down: over few numbers, whose parts are whole
/// cache lines.
static bool isWritten(scf::ForOp loop, MemRefType parts) {
  int64_t lanes = 512 / parts.getElementTypeBitWidth();
  return areFew(loop) &&
         *getConstantIntValue(loop.getUpperBound()) % lanes == 0;
}

namespace {
struct PairVectors : ::ssm::impl::PairVectorsBase<PairVectors> {
  using PairVectorsBase::PairVectorsBase;

  void runOnOperation() override {
    bool isFenced = hasVectorPermutes(target) && !hasVectorScaling(target);
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops) {
      if (auto apart = TakeApartLoop::match(loop)) {
        if (isWritten(loop, apart.re.getMemRefType()))
          takeApart(apart, loop, isFenced);
      } else if (auto together = PairLoop::match(loop)) {
        if (isWritten(loop, together.re.getMemRefType()))
          putTogether(together, loop, /*nontemporal=*/false);
      }
    }
  }
};
} // namespace
