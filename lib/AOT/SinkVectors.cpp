//===- SinkVectors.cpp - Compute vectors right before they are needed -----===//
//
// A tile of several rows is computed operation by operation, each on all rows:
//
//   a0 = f(x0); a1 = f(x1); ...; b0 = g(a0); b1 = g(a1); ...; s = b0 + b1 ...
//
// Between the operations are more vectors than registers. Every computation
// moves down to its first user, so that a row is finished before the next
// begins:
//
//   a0 = f(x0); b0 = g(a0); a1 = f(x1); b1 = g(a1); ...
//
// One that would keep two operands in registers for longer, where its result is
// one, stays: butterflies are such.
//
//===----------------------------------------------------------------------===//
#include "SinkVectors.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;

/// The user that comes first, if all are in the instruction's block.
static Instruction *getFirstUser(Instruction &instruction) {
  Instruction *first = nullptr;
  for (User *user : instruction.users()) {
    auto *other = cast<Instruction>(user);
    if (other->getParent() != instruction.getParent() || isa<PHINode>(other))
      return nullptr;
    if (!first || other->comesBefore(first))
      first = other;
  }
  return first;
}

/// Whether a vector is needed by an instruction other than `but` from `user`
/// on.
static bool isNeededFrom(Instruction &user, Value &vector, Instruction &but) {
  return any_of(vector.users(), [&](User *other) {
    auto *needs = cast<Instruction>(other);
    return needs != &but && (needs->getParent() != user.getParent() ||
                             isa<PHINode>(needs) || !needs->comesBefore(&user));
  });
}

/// Vectors that must be kept for longer if `instruction` moves to `user`.
static unsigned countKept(Instruction &instruction, Instruction &user) {
  SmallPtrSet<Value *, 4> kept;
  for (Value *operand : instruction.operands())
    if (operand->getType()->isVectorTy() && !isa<Constant>(operand) &&
        !isNeededFrom(user, *operand, instruction))
      kept.insert(operand);
  return kept.size();
}

void ssm::sinkVectors(Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : make_early_inc_range(reverse(block))) {
        if (!instruction.getType()->isVectorTy() || isa<PHINode>(instruction) ||
            instruction.mayReadOrWriteMemory())
          continue;
        Instruction *user = getFirstUser(instruction);
        if (user && countKept(instruction, *user) <= 1)
          instruction.moveBefore(user->getIterator());
      }
}
