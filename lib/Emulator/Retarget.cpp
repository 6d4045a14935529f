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
#include "Retarget.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace ssm::emulator {

static constexpr unsigned kSharedSpace = 3;

static constexpr StringLiteral kClasses[] = {
    "float",  "float64", "special", "integer", "global",
    "shared", "shuffle", "barrier", "control", "other"};
enum Class {
  Float,
  Float64,
  Special,
  Integer,
  Global,
  Shared,
  Shuffle,
  Barrier,
  Control,
  Other
};

ArrayRef<StringLiteral> instructionClasses() { return kClasses; }

/// Which pipe of the machine an instruction occupies.
static Class classify(const Instruction &inst) {
  if (const Value *pointer = getLoadStorePointerOperand(&inst))
    return pointer->getType()->getPointerAddressSpace() == kSharedSpace
               ? Shared
               : Global;
  if (isa<AtomicRMWInst, AtomicCmpXchgInst>(inst))
    return Global;
  if (const auto *call = dyn_cast<CallBase>(&inst)) {
    StringRef name =
        call->getCalledFunction() ? call->getCalledFunction()->getName() : "";
    if (name.contains("nvvm.shfl") || name.contains("nvvm.vote"))
      return Shuffle;
    if (name.contains("nvvm.bar"))
      return Barrier;
    if (name.contains(".approx") || name.starts_with("__nv_") ||
        name.contains("llvm.exp") || name.contains("llvm.sqrt") ||
        name.contains("llvm.log") || name.contains("llvm.sin") ||
        name.contains("llvm.cos"))
      return Special;
  }
  Type *scalar = inst.getType()->getScalarType();
  if (inst.isTerminator())
    return Control;
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

static std::string describe(const Instruction &inst) {
  if (const DILocation *at = inst.getDebugLoc())
    return (at->getFilename() + ":" + Twine(at->getLine()) + ":" +
            Twine(at->getColumn()))
        .str();
  std::string text;
  raw_string_ostream os(text);
  inst.print(os);
  return ("'" + StringRef(text).ltrim() + "'").str();
}

namespace {
class Retargeter {
public:
  Retargeter(Module &module, StringRef kernel)
      : module(module), context(module.getContext()), kernelName(kernel),
        voidTy(Type::getVoidTy(context)), i32(Type::getInt32Ty(context)),
        i64(Type::getInt64Ty(context)), ptr(PointerType::get(context, 0)) {}

  Expected<Program> run(const DataLayout &layout, const Triple &triple);

private:
  Error findKernel();
  void eraseUnused();
  void neutralize(const DataLayout &layout, const Triple &triple);
  void placeSharedMemory();
  Error instrument(Function &function);
  Error replaceCall(CallInst &call);
  Error replaceIntrinsic(CallInst &call, StringRef name);
  void replaceShuffle(CallInst &call, unsigned mode);
  void instrumentAccess(Instruction &inst);
  void classifyBlocks();
  void countBlocks();
  void emitEntry();

  Constant *addSite(Site::Kind kind, const Instruction &inst) {
    program.sites.push_back({kind, describe(inst)});
    return ConstantInt::get(i32, program.sites.size() - 1);
  }
  Value *callMachine(IRBuilder<> &b, StringRef name, Type *result,
                     ArrayRef<Value *> args) {
    SmallVector<Type *> types;
    for (Value *arg : args)
      types.push_back(arg->getType());
    FunctionCallee callee = module.getOrInsertFunction(
        name, FunctionType::get(result, types, /*isVarArg=*/false));
    return b.CreateCall(callee, args);
  }

  Module &module;
  LLVMContext &context;
  StringRef kernelName;
  Type *voidTy, *i32, *i64, *ptr;
  Function *kernel = nullptr;
  SmallVector<BasicBlock *> blocks;
  Program program;
};
} // namespace

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
  program.sharedBytes = alignTo(end, 16);
  for (GlobalVariable *variable : dynamic)
    replace(variable, program.sharedBytes);
}

/// Lanes meet, and each gets the value of another one.
void Retargeter::replaceShuffle(CallInst &call, unsigned mode) {
  IRBuilder<> b(&call);
  Value *value = call.getArgOperand(1);
  Type *type = value->getType();
  Value *slot = IRBuilder<>(&*call.getFunction()->getEntryBlock().begin())
                    .CreateAlloca(i32);
  Value *result = callMachine(
      b, "ssm_emu_shuffle", i32,
      {ConstantInt::get(i32, mode), call.getArgOperand(0),
       b.CreateBitCast(value, i32), call.getArgOperand(2),
       call.getArgOperand(3), slot, addSite(Site::Rendezvous, call)});
  result = b.CreateBitCast(result, type);
  if (call.getType()->isStructTy()) {
    Value *inRange = b.CreateICmpNE(b.CreateLoad(i32, slot), b.getInt32(0));
    Value *pair =
        b.CreateInsertValue(PoisonValue::get(call.getType()), result, {0});
    result = b.CreateInsertValue(pair, inRange, {1});
  }
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
}

/// The register's number: tid 0-2, ntid 3-5, ctaid 6-8, nctaid 9-11, laneid 12,
/// warpid 13, warpsize 14; -1 for others.
static int getRegister(StringRef name) {
  auto [base, axis] = name.split('.');
  int group = StringSwitch<int>(base)
                  .Case("tid", 0)
                  .Case("ntid", 3)
                  .Case("ctaid", 6)
                  .Case("nctaid", 9)
                  .Default(-1);
  if (group >= 0 && axis.size() == 1 && axis[0] >= 'x' && axis[0] <= 'z')
    return group + (axis[0] - 'x');
  return StringSwitch<int>(name)
      .Case("laneid", 12)
      .Case("warpid", 13)
      .Case("warpsize", 14)
      .Default(-1);
}

/// Functions of the C library for those of the special function unit.
static StringRef getSpecialFunction(StringRef name) {
  for (auto [prefix, function] :
       {std::pair<StringRef, StringRef>{"ex2.approx", "exp2f"},
        {"lg2.approx", "log2f"},
        {"sin.approx", "sinf"},
        {"cos.approx", "cosf"},
        {"tanh.approx", "tanhf"},
        {"sqrt.", "sqrtf"},
        {"rcp.", "ssm_emu_rcp"},
        {"rsqrt.", "ssm_emu_rsqrt"}})
    if (name.starts_with(prefix))
      return function;
  return "";
}

Error Retargeter::replaceIntrinsic(CallInst &call, StringRef name) {
  IRBuilder<> b(&call);
  Value *result = nullptr;
  StringRef rest = name;
  SmallVector<Value *> args(call.args());
  if (rest.consume_front("read.ptx.sreg.") && getRegister(rest) >= 0) {
    result = callMachine(b, "ssm_emu_register", i32,
                         {ConstantInt::get(i32, getRegister(rest))});
  } else if (rest.consume_front("shfl.sync.")) {
    int mode = StringSwitch<int>(rest.split('.').first)
                   .Case("up", 0)
                   .Case("down", 1)
                   .Case("bfly", 2)
                   .Case("idx", 3)
                   .Default(-1);
    if (mode >= 0) {
      replaceShuffle(call, mode);
      return Error::success();
    }
  } else if (name == "barrier.cta.sync.aligned.all" ||
             name == "barrier.cta.sync.all" || name == "barrier0" ||
             name == "barrier.cta.sync.aligned.count" ||
             name == "barrier.cta.sync.count") {
    Value *id = args.empty() ? b.getInt32(0) : args[0];
    Value *count = args.size() > 1 ? args[1] : b.getInt32(0);
    result = callMachine(b, "ssm_emu_barrier", voidTy,
                         {id, count, addSite(Site::Rendezvous, call)});
  } else if (name == "bar.warp.sync") {
    result = callMachine(b, "ssm_emu_warp_barrier", voidTy,
                         {args[0], addSite(Site::Rendezvous, call)});
  } else if (name == "vote.ballot.sync" || name == "vote.any.sync" ||
             name == "vote.all.sync") {
    Value *ballot = callMachine(
        b, "ssm_emu_ballot", i32,
        {args[0], b.CreateZExt(args[1], i32), addSite(Site::Rendezvous, call)});
    result = name == "vote.ballot.sync" ? ballot
             : name == "vote.any.sync"
                 ? b.CreateICmpNE(ballot, b.getInt32(0))
                 : b.CreateICmpEQ(b.CreateAnd(ballot, args[0]), args[0]);
  } else if (name.starts_with("membar.") || name.starts_with("fence.") ||
             name == "nanosleep") {
    result = callMachine(b, "ssm_emu_yield", voidTy, {});
  } else if (StringRef function = getSpecialFunction(name);
             !function.empty() && call.getType()->isFloatTy()) {
    result = callMachine(b, function, call.getType(), {args[0]});
  }
  if (!result)
    return createStringError("llvm.nvvm." + name + " cannot be emulated, in '" +
                             call.getFunction()->getName() + "'");
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return Error::success();
}

Error Retargeter::replaceCall(CallInst &call) {
  if (call.isInlineAsm())
    return createStringError("inline PTX cannot be emulated: " +
                             describe(call));
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
