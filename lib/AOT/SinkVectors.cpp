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
// one, stays: butterflies are such. In a loop that carries vectors, the states
// of a scan, rows have their operands in common; there a computation moves
// together with what is computed for it alone.
//
//===----------------------------------------------------------------------===//
#include "SinkVectors.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;

/// Instructions that are moved together are fewer than these.
static constexpr size_t kTree = 64;

/// Uses of what several rows have in common; a butterfly's inputs have fewer.
static constexpr unsigned kSharing = 3;

/// Whether the block is a loop that takes vectors from step to step.
static bool carriesVectors(BasicBlock &block) {
  return is_contained(successors(&block), &block) &&
         any_of(block.phis(),
                [](PHINode &phi) { return phi.getType()->isVectorTy(); });
}

/// The user that comes first, if all are in the instruction's block. The next
/// step of a loop, and what comes after it, need a value later than all of it.
static Instruction *getFirstUser(Instruction &instruction, bool isScan) {
  Instruction *first = nullptr;
  for (User *user : instruction.users()) {
    auto *other = cast<Instruction>(user);
    if (other->getParent() != instruction.getParent() || isa<PHINode>(other)) {
      if (isScan)
        continue;
      return nullptr;
    }
    if (!first || other->comesBefore(first))
      first = other;
  }
  return first;
}

static bool mayMove(const Instruction &instruction) {
  return instruction.getType()->isVectorTy() && !isa<PHINode>(instruction) &&
         !instruction.mayReadOrWriteMemory();
}

/// The instruction and what is computed for it alone in its block, or for what
/// is computed for it alone; in order, and empty if that is too much.
static SmallVector<Instruction *> findTree(Instruction &root) {
  SmallVector<Instruction *> tree = {&root};
  for (size_t i = 0; i < tree.size() && i < kTree; ++i)
    for (Value *operand : tree[i]->operands()) {
      auto *part = dyn_cast<Instruction>(operand);
      if (part && part->getParent() == root.getParent() && mayMove(*part) &&
          all_of(part->users(),
                 [&](User *user) { return is_contained(tree, user); }) &&
          !is_contained(tree, part))
        tree.push_back(part);
    }
  if (tree.size() >= kTree)
    return {};
  sort(tree, [](Instruction *a, Instruction *b) { return a->comesBefore(b); });
  return tree;
}

/// Whether a vector is needed by an instruction that is not of `tree`, from
/// `user` on.
static bool isNeededFrom(Instruction &user, Value &vector,
                         ArrayRef<Instruction *> tree) {
  return any_of(vector.users(), [&](User *other) {
    auto *needs = cast<Instruction>(other);
    return !is_contained(tree, needs) &&
           (needs->getParent() != user.getParent() || isa<PHINode>(needs) ||
            !needs->comesBefore(&user));
  });
}

static bool isIn(const BasicBlock *block, const Value *value) {
  auto *instruction = dyn_cast<Instruction>(value);
  return instruction && instruction->getParent() == block;
}

/// Vectors that must be kept for longer if `tree` moves to `user`. In a scan
/// these are in registers anyway: what comes from outside, what other rows
/// share and a state that is replaced by the result.
static unsigned countKept(ArrayRef<Instruction *> tree, Instruction &user,
                          bool isScan) {
  auto isAnyway = [&](Value *operand) {
    auto *phi = dyn_cast<PHINode>(operand);
    return (phi && is_contained(phi->incoming_values(), tree.back())) ||
           operand->hasNUsesOrMore(kSharing) ||
           !isIn(user.getParent(), operand);
  };
  SmallPtrSet<Value *, 4> kept;
  for (Instruction *part : tree)
    for (Value *operand : part->operands()) {
      if (operand->getType()->isVectorTy() && !isa<Constant>(operand) &&
          !is_contained(tree, operand) && !(isScan && isAnyway(operand)) &&
          !isNeededFrom(user, *operand, tree))
        kept.insert(operand);
    }
  return kept.size();
}

static void sink(Instruction &instruction, bool isScan) {
  Instruction *user = getFirstUser(instruction, isScan);
  if (!user)
    return;
  SmallVector<Instruction *> tree = {&instruction};
  if (isScan)
    tree = findTree(instruction);
  if (tree.empty() || countKept(tree, *user, isScan) > 1)
    return;
  for (Instruction *part : tree)
    part->moveBefore(user->getIterator());
}

void ssm::sinkVectors(Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function) {
      bool isScan = carriesVectors(block);
      SmallVector<Instruction *> vectors;
      for (Instruction &instruction : reverse(block))
        if (mayMove(instruction))
          vectors.push_back(&instruction);
      for (Instruction *instruction : vectors)
        sink(*instruction, isScan);
    }
}
