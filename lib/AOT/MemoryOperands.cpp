//===- MemoryOperands.cpp - Loops that read operands from memory ----------===//
//
// An operation of x86 reads an operand from memory for nothing, as long as two
// things hold that LLVM does not see to:
//
//   - It has no index. LLVM addresses all arrays of a loop by one index,
//
//       vmulps zmm1, zmm0, [rsi + rax]; vmulps zmm2, zmm0, [rsi + rax + 64];
//       ...
//
//     where each is two operations from the start. What reads many operands of
//     one array gets a pointer that walks along, at an addition for each step:
//
//       vmulps zmm1, zmm0, [rsi]; vmulps zmm2, zmm0, [rsi + 64]; ...; add rsi,
//       128
//
//   - It is not loaded before the loop. Where the states of a scan fill the
//     registers, rows of A that every step reads go to the stack and are read
//     from there; but first the scheduler, which sees that the registers do not
//     suffice, puts the operations into an order that waits for itself.
//
// A pointer passes through an assembly of no instructions: what is behind it,
// strength reduction and the choice of addresses, takes it for a register.
//
// Precondition: a loop of one block, and addresses that advance by the same in
// each iteration, or not at all.
//
// Reference: Intel 64 and IA-32 Architectures Optimization Reference Manual,
// on micro-fusion and its exceptions.
//
//===----------------------------------------------------------------------===//
#include "MemoryOperands.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/BasicAliasAnalysis.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/MemoryLocation.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/Analysis/ScopedNoAliasAA.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Analysis/VectorUtils.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"

using namespace llvm;

/// Operands in memory of one array that make a pointer worth its addition.
static constexpr unsigned kOperands = 4;
/// Registers for what a loop computes and does not keep.
static constexpr unsigned kTemporaries = 8;

/// The pointer, in a register.
static Value *hide(IRBuilder<> &b, Value *pointer) {
  auto *type = FunctionType::get(pointer->getType(), {pointer->getType()},
                                 /*isVarArg=*/false);
  return b.CreateCall(
      InlineAsm::get(type, "", "=r,0", /*hasSideEffects=*/false), {pointer});
}

static bool isArithmetic(const User *user) {
  return isa<BinaryOperator>(user) || isa<IntrinsicInst>(user);
}

static void forEachLoop(
    Module &module, TargetMachine &machine,
    function_ref<void(Loop &, Function &, FunctionAnalysisManager &)> body) {
  if (!machine.getTargetTriple().isX86())
    return;
  FunctionAnalysisManager analyses;
  PassBuilder builder(&machine);
  analyses.registerPass([] {
    AAManager aliases;
    aliases.registerFunctionAnalysis<BasicAA>();
    aliases.registerFunctionAnalysis<ScopedNoAliasAA>();
    return aliases;
  });
  builder.registerFunctionAnalyses(analyses);
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    for (Loop *loop :
         analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder())
      if (loop->getNumBlocks() == 1 && loop->getLoopPreheader())
        body(*loop, function, analyses);
  }
}

//===----------------------------------------------------------------------===//
// Pointers that walk
//===----------------------------------------------------------------------===//

namespace {
/// What a loop reads at constant distances.
struct Walk {
  const SCEV *address;
  SmallVector<std::pair<LoadInst *, int64_t>> loads;
  unsigned operands = 0;
};
} // namespace

/// Operations that may take the loaded value, or an element of it for all
/// lanes, from memory.
static unsigned countOperands(const LoadInst &load) {
  if (!load.getType()->isVectorTy())
    return 0;
  if (load.hasOneUse())
    return isArithmetic(*load.user_begin());
  unsigned operands = 0;
  for (const User *user : load.users()) {
    auto *shuffle = dyn_cast<ShuffleVectorInst>(user);
    if (!shuffle || !shuffle->hasOneUse() ||
        !all_equal(shuffle->getShuffleMask()))
      return 0;
    operands += isArithmetic(*shuffle->user_begin());
  }
  return operands;
}

/// Adds a load to the walk that it has a known distance to.
static void addTo(SmallVector<Walk> &walks, LoadInst &load,
                  ScalarEvolution &evolution) {
  const SCEV *address = evolution.getSCEV(load.getPointerOperand());
  for (Walk &walk : walks)
    if (auto distance =
            evolution.computeConstantDifference(address, walk.address)) {
      walk.loads.emplace_back(&load, distance->getSExtValue());
      walk.operands += countOperands(load);
      return;
    }
  walks.push_back({address, {{&load, 0}}, countOperands(load)});
}

static void readFrom(Value *pointer, const Walk &walk) {
  for (auto [load, distance] : walk.loads) {
    IRBuilder<> b(load);
    load->setOperand(LoadInst::getPointerOperandIndex(),
                     b.CreatePtrAdd(pointer, b.getInt64(distance)));
  }
}

static void startWalk(const Walk &walk, Loop &loop,
                      ScalarEvolution &evolution) {
  SCEVExpander expander(evolution, "walk");
  BasicBlock *body = loop.getHeader(), *before = loop.getLoopPreheader();
  Instruction *end = before->getTerminator();
  auto *address = cast<SCEVAddRecExpr>(walk.address);
  if (!expander.isSafeToExpandAt(address->getStart(), end))
    return;
  Type *type = walk.loads.front().first->getPointerOperandType();
  Value *start = expander.expandCodeFor(address->getStart(), type, end);
  Value *step = expander.expandCodeFor(address->getOperand(1), nullptr, end);
  IRBuilder<> b(body, body->begin());
  PHINode *pointer = b.CreatePHI(type, 2);
  readFrom(pointer, walk);
  b.SetInsertPoint(body->getTerminator());
  Value *next = hide(b, b.CreatePtrAdd(pointer, step));
  pointer->addIncoming(start, before);
  pointer->addIncoming(next, body);
}

void ssm::walkPointers(Module &module, TargetMachine &machine) {
  forEachLoop(
      module, machine,
      [](Loop &loop, Function &function, FunctionAnalysisManager &analyses) {
        auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
        SmallVector<Walk> walks;
        for (Instruction &instruction : *loop.getHeader())
          if (auto *load = dyn_cast<LoadInst>(&instruction)) {
            auto *address = dyn_cast<SCEVAddRecExpr>(
                evolution.getSCEV(load->getPointerOperand()));
            if (address && address->getLoop() == &loop && address->isAffine())
              addTo(walks, *load, evolution);
          }
        for (const Walk &walk : walks)
          if (walk.operands >= kOperands)
            startWalk(walk, loop, evolution);
      });
}

//===----------------------------------------------------------------------===//
// Loads that return to their loop
//===----------------------------------------------------------------------===//

static bool isWrittenIn(iterator_range<BasicBlock::iterator> range,
                        const LoadInst &load, AAResults &aliases) {
  return any_of(range, [&](Instruction &instruction) {
    return isModSet(
        aliases.getModRefInfo(&instruction, MemoryLocation::get(&load)));
  });
}

/// What comes from before the loop for one operation in it.
static SmallVector<Instruction *> findInvariants(Loop &loop) {
  SetVector<Instruction *> invariants;
  for (Instruction &instruction : *loop.getHeader())
    for (Use &use : instruction.operands()) {
      auto *vector = dyn_cast<Instruction>(use);
      auto isInLoop = [&](User *user) {
        return loop.contains(cast<Instruction>(user));
      };
      if (vector && isa<FixedVectorType>(vector->getType()) &&
          loop.isLoopInvariant(vector) && isArithmetic(&instruction) &&
          count_if(vector->users(), isInLoop) == 1)
        invariants.insert(vector);
    }
  return invariants.takeVector();
}

/// Whether the loop itself can load what the instruction loads before it.
static bool isLoadFor(Instruction &instruction, Loop &loop,
                      AAResults &aliases) {
  auto *load = dyn_cast<LoadInst>(&instruction);
  BasicBlock *body = loop.getHeader(), *before = loop.getLoopPreheader();
  return load && load->isSimple() && load->hasOneUse() &&
         load->getParent() == before &&
         !isWrittenIn({std::next(load->getIterator()), before->end()}, *load,
                      aliases) &&
         !isWrittenIn({body->begin(), body->end()}, *load, aliases);
}

/// Whether what the loop keeps of vectors fits the registers beside what it
/// computes.
static bool fitsRegisters(Loop &loop, TargetTransformInfo &target) {
  unsigned width =
      target.getRegisterBitWidth(TargetTransformInfo::RGK_FixedWidthVector)
          .getFixedValue();
  SmallPtrSet<Value *, 32> kept;
  unsigned needed = kTemporaries, registers = 0;
  auto keep = [&](Value *value) {
    auto *type = dyn_cast<FixedVectorType>(value->getType());
    if (!type || isa<UndefValue>(value) || !kept.insert(value).second)
      return;
    // All registers of a splat are the same one.
    needed += isSplatValue(value)
                  ? 1
                  : divideCeil(type->getPrimitiveSizeInBits(), width);
    registers = target.getNumberOfRegisters(
        target.getRegisterClassForType(/*Vector=*/true, type));
  };
  for (Instruction &instruction : *loop.getHeader()) {
    if (isa<PHINode>(instruction))
      keep(&instruction);
    for (Value *operand : instruction.operands())
      if (loop.isLoopInvariant(operand))
        keep(operand);
  }
  return needed <= registers;
}

/// Moves the loads of an array into the loop.
static void reload(const Walk &array, Loop &loop) {
  IRBuilder<> b(loop.getLoopPreheader()->getTerminator());
  LoadInst *first = array.loads.front().first;
  Value *pointer = hide(b, first->getPointerOperand());
  for (auto [load, distance] : array.loads)
    load->moveBefore(cast<Instruction>(*load->user_begin())->getIterator());
  readFrom(pointer, array);
}

/// Puts vectors on the stack before the loop, which loads them from there.
static void spill(ArrayRef<Instruction *> vectors, Loop &loop) {
  BasicBlock *body = loop.getHeader();
  Function &function = *body->getParent();
  const DataLayout &layout = function.getDataLayout();
  IRBuilder<> b(&function.getEntryBlock(),
                function.getEntryBlock().getFirstInsertionPt());
  int64_t bytes = 0;
  for (Instruction *vector : vectors)
    bytes += layout.getTypeAllocSize(vector->getType());
  AllocaInst *stack = b.CreateAlloca(ArrayType::get(b.getInt8Ty(), bytes));
  stack->setAlignment(Align(64));
  b.SetInsertPoint(loop.getLoopPreheader()->getTerminator());
  Value *pointer = hide(b, stack);
  int64_t at = 0;
  for (Instruction *vector : vectors) {
    b.SetInsertPoint(loop.getLoopPreheader()->getTerminator());
    Align align = commonAlignment(Align(64), at);
    b.CreateAlignedStore(vector, b.CreatePtrAdd(pointer, b.getInt64(at)),
                         align);
    Use &use = *find_if(vector->uses(), [&](Use &use) {
      return cast<Instruction>(use.getUser())->getParent() == body;
    });
    b.SetInsertPoint(cast<Instruction>(use.getUser()));
    use.set(b.CreateAlignedLoad(
        vector->getType(), b.CreatePtrAdd(pointer, b.getInt64(at)), align));
    at += layout.getTypeAllocSize(vector->getType());
  }
}

void ssm::reloadOperands(Module &module, TargetMachine &machine) {
  forEachLoop(
      module, machine,
      [](Loop &loop, Function &function, FunctionAnalysisManager &analyses) {
        if (fitsRegisters(loop, analyses.getResult<TargetIRAnalysis>(function)))
          return;
        auto &aliases = analyses.getResult<AAManager>(function);
        auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
        SmallVector<Walk> arrays;
        SmallVector<Instruction *> others;
        for (Instruction *vector : findInvariants(loop))
          if (isLoadFor(*vector, loop, aliases))
            addTo(arrays, *cast<LoadInst>(vector), evolution);
          else
            others.push_back(vector);
        for (const Walk &array : arrays)
          if (array.loads.size() >= kOperands)
            reload(array, loop);
          else
            for (auto [load, distance] : array.loads)
              others.push_back(load);
        if (others.size() >= kOperands)
          spill(others, loop);
      });
}
