//===- CapturedPointers.cpp - Pointers that threads share -----------------===//
//
// The body of a parallel region is a function of its own, which loads what it
// uses from a structure. That its pointers were `noalias` arguments is lost,
// and with it what LLVM moves out of loops: the rows of a matrix that every
// step reads. Here the accesses through each get a scope of their own:
//
//   %a = load ptr, ptr %context         ; where f stored its argument %A
//   %x = load float, ptr %a, !alias.scope {A}, !noalias {others}
//
//===----------------------------------------------------------------------===//
#include "CapturedPointers.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

/// The place in `structure` that `pointer` is, if it is one.
static std::optional<int64_t> getPlace(const DataLayout &layout, Value *pointer,
                                       Value *structure) {
  APInt offset(layout.getIndexTypeSizeInBits(pointer->getType()), 0);
  Value *base = pointer->stripAndAccumulateConstantOffsets(
      layout, offset, /*AllowNonInbounds=*/true);
  if (base != structure)
    return std::nullopt;
  return offset.getSExtValue();
}

/// The arguments without aliases that the caller stores in `structure`, by
/// place.
static DenseMap<int64_t, Argument *> findArguments(Function &caller,
                                                   Value *structure) {
  const DataLayout &layout = caller.getDataLayout();
  DenseMap<int64_t, Argument *> arguments;
  for (Instruction &instruction : instructions(caller)) {
    auto *store = dyn_cast<StoreInst>(&instruction);
    if (!store || !store->getValueOperand()->getType()->isPointerTy())
      continue;
    auto place = getPlace(layout, store->getPointerOperand(), structure);
    auto *argument = dyn_cast<Argument>(
        getUnderlyingObject(store->getValueOperand(), /*MaxLookup=*/0));
    if (!place)
      continue;
    // A place that is stored to twice says nothing.
    bool known = argument && argument->hasNoAliasAttr();
    if (!arguments.try_emplace(*place, known ? argument : nullptr).second)
      arguments[*place] = nullptr;
  }
  return arguments;
}

static void separate(Function &body, Value *structure,
                     const DenseMap<int64_t, Argument *> &arguments) {
  MDBuilder builder(body.getContext());
  MDNode *domain = builder.createAnonymousAliasScopeDomain(body.getName());
  MapVector<Argument *, Metadata *> scopes;
  SmallVector<std::pair<Instruction *, Argument *>> accesses;
  for (Instruction &instruction : instructions(body)) {
    auto *root = dyn_cast_or_null<LoadInst>(
        getLoadStorePointerOperand(&instruction)
            ? getUnderlyingObject(getLoadStorePointerOperand(&instruction),
                                  /*MaxLookup=*/0)
            : nullptr);
    if (!root)
      continue;
    auto place =
        getPlace(body.getDataLayout(), root->getPointerOperand(), structure);
    Argument *argument = place ? arguments.lookup(*place) : nullptr;
    if (!argument)
      continue;
    if (!scopes.count(argument))
      scopes[argument] = builder.createAnonymousAliasScope(domain);
    accesses.emplace_back(&instruction, argument);
  }
  for (auto [access, argument] : accesses) {
    SmallVector<Metadata *> others;
    for (auto [other, scope] : scopes)
      if (other != argument)
        others.push_back(scope);
    access->setMetadata(LLVMContext::MD_alias_scope,
                        MDNode::get(body.getContext(), scopes[argument]));
    access->setMetadata(LLVMContext::MD_noalias,
                        MDNode::get(body.getContext(), others));
  }
}

void ssm::separateCapturedPointers(Module &module) {
  Function *fork = module.getFunction("__kmpc_fork_call");
  if (!fork)
    return;
  for (User *user : fork->users()) {
    // (place in the source, number of arguments, body, structure)
    auto *call = dyn_cast<CallInst>(user);
    if (!call || call->arg_size() != 4)
      continue;
    auto *body = dyn_cast<Function>(call->getArgOperand(2));
    if (!body || body->isDeclaration() || body->arg_size() != 3 ||
        !body->hasOneUse())
      continue;
    Value *structure = call->getArgOperand(3);
    separate(*body, body->getArg(2),
             findArguments(*call->getFunction(), structure));
  }
}
