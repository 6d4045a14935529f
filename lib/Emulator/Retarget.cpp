//===- Retarget.cpp - NVPTX IR to instrumented host IR --------------------===//
//
// Before: ptx_kernel void @k(ptr addrspace(1) %p) {
//           %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
//           store float %x, ptr addrspace(1) %q
// After:  void @k(ptr addrspace(1) %p) {
//           (counter of the basic block + 1)
//           %t = call i32 @ssm_emu_register(i32 0)
//           call void @ssm_emu_access(ptr %q, i32 4, i32 site)
//           store float %x, ptr addrspace(1) %q
//
// Address spaces stay: the host's backend takes them all for one. Nothing is
// optimised here or later, so that what is counted is what the NVPTX backend
// gets.
//
//===----------------------------------------------------------------------===//
#include "Retargeter.h"

#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace ssm::emulator {

static constexpr unsigned kSharedSpace = 3;

static constexpr StringLiteral kClasses[] = {
    "float",  "float64", "special", "tensor",  "integer", "global",
    "shared", "shuffle", "barrier", "control", "other"};
enum Class {
  Float,
  Float64,
  Special,
  Tensor,
  Integer,
  Global,
  Shared,
  Shuffle,
  Barrier,
  Control,
  Other
};

ArrayRef<StringLiteral> instructionClasses() { return kClasses; }

/// Where a vector with gaps is loaded from or stored to; null: it is none.
static Value *findMaskedPointer(const Instruction &inst) {
  auto *call = dyn_cast<IntrinsicInst>(&inst);
  if (!call)
    return nullptr;
  if (call->getIntrinsicID() == Intrinsic::masked_load)
    return call->getArgOperand(0);
  return call->getIntrinsicID() == Intrinsic::masked_store
             ? call->getArgOperand(1)
             : nullptr;
}

/// Which pipe of the machine an instruction occupies.
static Class classify(const Instruction &inst) {
  if (const Value *pointer = getLoadStorePointerOperand(&inst))
    return pointer->getType()->getPointerAddressSpace() == kSharedSpace
               ? Shared
               : Global;
  if (isa<AtomicRMWInst, AtomicCmpXchgInst>(inst))
    return Global;
  if (const Value *pointer = findMaskedPointer(inst))
    return pointer->getType()->getPointerAddressSpace() == kSharedSpace
               ? Shared
               : Global;
  if (const auto *call = dyn_cast<CallBase>(&inst)) {
    if (const auto *code = dyn_cast<InlineAsm>(call->getCalledOperand()))
      return StringRef(code->getAsmString()).contains("wgmma.mma_async")
                 ? Tensor
                 : Other;
    StringRef name =
        call->getCalledFunction() ? call->getCalledFunction()->getName() : "";
    if (name.contains("nvvm.shfl") || name.contains("nvvm.vote"))
      return Shuffle;
    if (name.contains("nvvm.bar"))
      return Barrier;
    if (name.contains("nvvm.mma"))
      return Tensor;
    if (name.contains("nvvm.ldmatrix"))
      return Shared;
    if (name.contains("nvvm.cp.async"))
      return Global;
    if (name.contains(".approx") || name.contains("nvvm.div.") ||
        name.starts_with("__nv_") || name.contains("llvm.exp") ||
        name.contains("llvm.sqrt") || name.contains("llvm.log") ||
        name.contains("llvm.sin") || name.contains("llvm.cos"))
      return Special;
  }
  Type *scalar = inst.getType()->getScalarType();
  if (inst.isTerminator())
    return Control;
  // A sign is part of an operand.
  if (inst.getOpcode() == Instruction::FNeg)
    return Other;
  if (isa<PHINode, CastInst, ExtractElementInst, InsertElementInst,
          ShuffleVectorInst, ExtractValueInst, InsertValueInst>(inst))
    return Other;
  if (scalar->isFloatingPointTy() || isa<FCmpInst>(inst))
    return inst.getOpcode() == Instruction::FDiv ? Special
           : scalar->isDoubleTy()                ? Float64
                                                 : Float;
  return scalar->isIntegerTy() || isa<GetElementPtrInst>(inst) ? Integer
                                                               : Other;
}

std::string describe(const Instruction &inst) {
  if (const DILocation *at = inst.getDebugLoc())
    return (at->getFilename() + ":" + Twine(at->getLine()) + ":" +
            Twine(at->getColumn()))
        .str();
  std::string text;
  raw_string_ostream os(text);
  inst.print(os);
  return ("'" + StringRef(text).ltrim() + "'").str();
}

Error Retargeter::findKernel() {
  std::string known;
  for (Function &function : module)
    if (!function.isDeclaration() &&
        (function.getCallingConv() == CallingConv::PTX_Kernel ||
         function.hasFnAttribute("nvvm.kernel")))
      known += (known.empty() ? "" : ", ") + function.getName().str();
  kernel = module.getFunction(kernelName);
  if (!kernel || kernel->isDeclaration())
    return createStringError(
        "there is no kernel '" + kernelName +
        "'; the module has: " + (known.empty() ? "none" : known));
  for (Argument &arg : kernel->args()) {
    Type *type = arg.getType();
    bool fits = type->isPointerTy() || type->isFloatTy() ||
                type->isDoubleTy() ||
                (type->isIntegerTy() && type->getIntegerBitWidth() <= 64);
    if (!fits || arg.hasByValAttr())
      return createStringError("argument " + Twine(arg.getArgNo()) + " of '" +
                               kernelName +
                               "' must be a pointer, an integer of at most 64 "
                               "bits, a float or a double to be emulated");
    program.parameters.push_back(type);
  }
  return Error::success();
}

/// Erases what the kernel does not reach: other kernels, and their memory.
void Retargeter::eraseUnused() {
  bool changed = true;
  auto erase = [&](auto &&values) {
    for (GlobalValue &value : make_early_inc_range(values)) {
      value.removeDeadConstantUsers();
      if (&value == kernel || !value.use_empty() ||
          value.getName().starts_with("llvm."))
        continue;
      value.eraseFromParent();
      changed = true;
    }
  };
  while (std::exchange(changed, false)) {
    erase(module.functions());
    erase(module.globals());
  }
}

/// Drops everything that only the NVPTX backend understands.
void Retargeter::neutralize(const DataLayout &layout, const Triple &triple) {
  module.setDataLayout(layout);
  module.setTargetTriple(triple);
  for (Function &function : module) {
    function.setCallingConv(CallingConv::C);
    function.removeFnAttr("target-cpu");
    function.removeFnAttr("target-features");
    for (Instruction &inst : instructions(function))
      if (auto *call = dyn_cast<CallBase>(&inst))
        call->setCallingConv(CallingConv::C);
  }
  for (GlobalVariable &global : module.globals())
    if (global.getAddressSpace() != kSharedSpace && !global.isDeclaration() &&
        !global.getName().starts_with("llvm.")) {
      global.setLinkage(GlobalValue::ExternalLinkage);
      program.globals.emplace_back(
          global.getName(), layout.getTypeAllocSize(global.getValueType()));
    }
}

/// Variables in shared memory become offsets from the block's base. Dynamic
/// memory, of unknown size, comes last.
void Retargeter::placeSharedMemory() {
  SmallVector<GlobalVariable *> variables, dynamic;
  const DataLayout &layout = module.getDataLayout();
  for (GlobalVariable &global : module.globals())
    if (global.getAddressSpace() == kSharedSpace)
      (global.isDeclaration() ||
               layout.getTypeAllocSize(global.getValueType()) == 0
           ? dynamic
           : variables)
          .push_back(&global);
  for (GlobalVariable *variable : variables)
    convertUsersOfConstantsToInstructions({variable});
  for (GlobalVariable *variable : dynamic)
    convertUsersOfConstantsToInstructions({variable});
  auto replace = [&](GlobalVariable *variable, int64_t offset) {
    DenseMap<Function *, Value *> bases;
    for (Use &use : make_early_inc_range(variable->uses())) {
      auto *user = cast<Instruction>(use.getUser());
      Value *&base = bases[user->getFunction()];
      if (!base) {
        IRBuilder<> b(&*user->getFunction()->getEntryBlock().begin());
        base = b.CreatePtrAdd(
            callMachine(b, "ssm_emu_shared", variable->getType(), {}),
            ConstantInt::get(i64, offset));
      }
      use.set(base);
    }
    variable->eraseFromParent();
  };
  int64_t end = 0;
  for (GlobalVariable *variable : variables) {
    Align align =
        variable->getAlign().value_or(layout.getPreferredAlign(variable));
    int64_t offset = alignTo(end, align);
    end = offset + layout.getTypeAllocSize(variable->getValueType());
    replace(variable, offset);
  }
  Align align(16);
  for (GlobalVariable *variable : dynamic)
    align = std::max(align, variable->getAlign().valueOrOne());
  program.sharedBytes = alignTo(end, align);
  for (GlobalVariable *variable : dynamic)
    replace(variable, program.sharedBytes);
}

/// What only hides a value from optimizations: no instructions, of one operand
/// that is also the result.
static bool isOpaqueCopy(const CallInst &call) {
  const auto *code = dyn_cast<InlineAsm>(call.getCalledOperand());
  return code && code->getAsmString().empty() && call.arg_size() == 1 &&
         call.getType() == call.getArgOperand(0)->getType();
}

Error Retargeter::replaceCall(CallInst &call) {
  if (isOpaqueCopy(call)) {
    call.replaceAllUsesWith(call.getArgOperand(0));
    call.eraseFromParent();
    return Error::success();
  }
  if (call.isInlineAsm())
    return replaceAssembly(call);
  if (findMaskedPointer(call))
    return instrumentMasked(cast<IntrinsicInst>(call));
  Function *callee = call.getCalledFunction();
  if (!callee)
    return createStringError("an indirect call cannot be emulated: " +
                             describe(call));
  StringRef name = callee->getName();
  if (name.consume_front("llvm.nvvm."))
    return replaceIntrinsic(call, name);
  if (isa<AnyMemIntrinsic>(call))
    return createStringError(name +
                             " cannot be emulated; expand it into "
                             "loads and stores: " +
                             describe(call));
  // libdevice, where it has not been linked in, is the C library.
  if (callee->isDeclaration() && name.consume_front("__nv_")) {
    name.consume_front("fast_");
    call.setCalledFunction(
        module.getOrInsertFunction(name, callee->getFunctionType()));
  }
  return Error::success();
}

void Retargeter::instrumentAccess(Instruction &inst) {
  Value *pointer;
  Type *type;
  Site::Kind kind;
  if (auto *load = dyn_cast<LoadInst>(&inst)) {
    pointer = load->getPointerOperand();
    type = load->getType();
    kind =
        load->isAtomic() || load->isVolatile() ? Site::AtomicLoad : Site::Load;
  } else if (auto *store = dyn_cast<StoreInst>(&inst)) {
    pointer = store->getPointerOperand();
    type = store->getValueOperand()->getType();
    kind = store->isAtomic() || store->isVolatile() ? Site::AtomicWrite
                                                    : Site::Store;
  } else if (auto *rmw = dyn_cast<AtomicRMWInst>(&inst)) {
    pointer = rmw->getPointerOperand();
    type = rmw->getType();
    kind = Site::AtomicWrite;
  } else {
    auto &exchange = cast<AtomicCmpXchgInst>(inst);
    pointer = exchange.getPointerOperand();
    type = exchange.getNewValOperand()->getType();
    // A failed one writes nothing: a loop of them is a poll.
    kind = Site::AtomicLoad;
  }
  IRBuilder<> b(&inst);
  int64_t size = module.getDataLayout().getTypeStoreSize(type);
  callMachine(b, "ssm_emu_access", voidTy,
              {b.CreateAddrSpaceCast(pointer, ptr), ConstantInt::get(i32, size),
               addSite(kind, inst)});
}

/// A vector with gaps, which the backend makes of accesses that are not quite
/// neighbours: each element is one.
Error Retargeter::instrumentMasked(IntrinsicInst &call) {
  bool isStore = call.getIntrinsicID() == Intrinsic::masked_store;
  Value *pointer = findMaskedPointer(call);
  auto *mask = dyn_cast<Constant>(call.getArgOperand(isStore ? 2 : 1));
  Type *type = isStore ? call.getArgOperand(0)->getType() : call.getType();
  auto *vector = dyn_cast<FixedVectorType>(type);
  if (!mask || !vector)
    return createStringError("an access by a mask that is computed cannot be "
                             "emulated: " +
                             describe(call));
  IRBuilder<> b(&call);
  int64_t size =
      module.getDataLayout().getTypeStoreSize(vector->getElementType());
  for (unsigned i = 0; i < vector->getNumElements(); ++i)
    if (mask->getAggregateElement(i)->isOneValue())
      callMachine(
          b, "ssm_emu_access", voidTy,
          {b.CreateAddrSpaceCast(
               b.CreateConstGEP1_64(vector->getElementType(), pointer, i), ptr),
           ConstantInt::get(i32, size),
           addSite(isStore ? Site::Store : Site::Load, call)});
  return Error::success();
}

Error Retargeter::instrument(Function &function) {
  SmallVector<Instruction *> accesses;
  SmallVector<CallInst *> calls;
  for (Instruction &inst : instructions(function)) {
    if (auto *call = dyn_cast<CallInst>(&inst))
      calls.push_back(call);
    else if (isa<LoadInst, StoreInst, AtomicRMWInst, AtomicCmpXchgInst>(inst))
      accesses.push_back(&inst);
  }
  for (Instruction *inst : accesses)
    instrumentAccess(*inst);
  for (CallInst *call : calls)
    if (Error error = replaceCall(*call))
      return error;
  return Error::success();
}

/// Counts instructions of each class, as the module came.
void Retargeter::classifyBlocks() {
  for (Function &function : module)
    for (BasicBlock &block : function) {
      blocks.push_back(&block);
      std::vector<int64_t> mix(std::size(kClasses));
      for (Instruction &inst : block)
        if (!isa<DbgInfoIntrinsic>(inst) && !inst.isLifetimeStartOrEnd())
          ++mix[classify(inst)];
      program.blocks.push_back(std::move(mix));
    }
}

/// One counter for each basic block.
void Retargeter::countBlocks() {
  auto *type = ArrayType::get(i64, blocks.size());
  auto *counters = new GlobalVariable(
      module, type, /*isConstant=*/false, GlobalValue::ExternalLinkage,
      ConstantAggregateZero::get(type), kCountersName);
  for (auto [i, block] : enumerate(blocks)) {
    IRBuilder<> b(block, block->getFirstInsertionPt());
    Value *counter = b.CreateConstGEP2_64(type, counters, 0, i);
    b.CreateStore(b.CreateAdd(b.CreateLoad(i64, counter), b.getInt64(1)),
                  counter);
  }
}

/// void ssm_emu_entry(ptr %slots): calls the kernel with arguments of 8 bytes.
void Retargeter::emitEntry() {
  auto *entry =
      Function::Create(FunctionType::get(voidTy, {ptr}, false),
                       GlobalValue::ExternalLinkage, kEntryName, module);
  IRBuilder<> b(BasicBlock::Create(context, "", entry));
  SmallVector<Value *> args;
  for (auto [i, type] : enumerate(program.parameters))
    args.push_back(
        b.CreateLoad(type, b.CreateConstGEP1_64(i64, entry->getArg(0), i)));
  b.CreateCall(kernel, args);
  b.CreateRetVoid();
}

Expected<Program> Retargeter::run(const DataLayout &layout,
                                  const Triple &triple) {
  if (Error error = findKernel())
    return error;
  eraseUnused();
  neutralize(layout, triple);
  classifyBlocks();
  for (Function &function : module)
    if (Error error = instrument(function))
      return error;
  placeSharedMemory();
  // Last, since the counters are no memory of the kernel.
  countBlocks();
  emitEntry();
  return std::move(program);
}

Expected<Program> retarget(Module &module, StringRef kernel,
                           const DataLayout &layout, const Triple &triple) {
  return Retargeter(module, kernel).run(layout, triple);
}

} // namespace ssm::emulator
