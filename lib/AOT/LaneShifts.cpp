//===- LaneShifts.cpp - Shifts within lanes of 128 bits -------------------===//
//
// In each four elements of a vector of 16 floats, the last of one vector and
// the first three of another, or the last three of that and the first of the
// one:
//
//   x3 y0 y1 y2   x7 y4 y5 y6   ...        y1 y2 y3 x0   y5 y6 y7 x4   ...
//
// vpalignr does it in two cycles. LLVM has no name for that instruction and
// takes a table for the shuffle, vpermt2ps, which takes five, a register more,
// and on a Zen 5 one of the two places where multiplications begin. It is an
// assembly here.
//
// Precondition: AVX-512 with instructions for bytes.
//
//===----------------------------------------------------------------------===//
#include "LaneShifts.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

static constexpr int kElements = 16, kLane = 4;

/// The element that comes to place i when each moves one place down, by -1, or
/// up.
static int sourceOf(int i, int by) {
  int place = i % kLane + by;
  return place < 0 || place == kLane ? i + by - kLane * by : kElements + i + by;
}

static bool shifts(const ShuffleVectorInst &shuffle, int by) {
  auto *type = dyn_cast<FixedVectorType>(shuffle.getOperand(0)->getType());
  return type && type->getNumElements() == kElements &&
         type->getElementType()->isFloatTy() &&
         shuffle.getShuffleMask().size() == kElements &&
         all_of(enumerate(shuffle.getShuffleMask()), [&](auto element) {
           return element.value() == sourceOf(element.index(), by);
         });
}

static void replace(ShuffleVectorInst &shuffle, StringRef code) {
  Type *vector = shuffle.getType();
  auto *type = FunctionType::get(vector, {vector, vector}, /*isVarArg=*/false);
  IRBuilder<> b(&shuffle);
  shuffle.replaceAllUsesWith(b.CreateCall(
      InlineAsm::get(type, code, "=v,v,v", /*hasSideEffects=*/false),
      {shuffle.getOperand(0), shuffle.getOperand(1)}));
  shuffle.eraseFromParent();
}

void ssm::shiftLanes(Module &module, TargetMachine &machine) {
  if (!machine.getTargetTriple().isX86() ||
      !machine.getMCSubtargetInfo()->checkFeatures("+avx512bw"))
    return;
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : make_early_inc_range(block))
        if (auto *shuffle = dyn_cast<ShuffleVectorInst>(&instruction)) {
          if (shifts(*shuffle, -1))
            replace(*shuffle, "vpalignr $$12, $1, $2, $0");
          else if (shifts(*shuffle, 1))
            replace(*shuffle, "vpalignr $$4, $2, $1, $0");
        }
}
