//===- Retargeter.h - The retargeting of one module -------------*- C++ -*-===//
#ifndef SSM_LIB_EMULATOR_RETARGETER_H
#define SSM_LIB_EMULATOR_RETARGETER_H

#include "Retarget.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"

namespace ssm::emulator {

/// Where an instruction is.
std::string describe(const llvm::Instruction &inst);

class Retargeter {
public:
  Retargeter(llvm::Module &module, llvm::StringRef kernel)
      : module(module), context(module.getContext()), kernelName(kernel),
        voidTy(llvm::Type::getVoidTy(context)),
        i32(llvm::Type::getInt32Ty(context)),
        i64(llvm::Type::getInt64Ty(context)),
        ptr(llvm::PointerType::get(context, 0)) {}

  llvm::Expected<Program> run(const llvm::DataLayout &layout,
                              const llvm::Triple &triple);

private:
  // Retarget.cpp
  llvm::Error findKernel();
  void eraseUnused();
  void neutralize(const llvm::DataLayout &layout, const llvm::Triple &triple);
  void placeSharedMemory();
  llvm::Error instrument(llvm::Function &function);
  llvm::Error replaceCall(llvm::CallInst &call);
  void instrumentAccess(llvm::Instruction &inst);
  llvm::Error instrumentMasked(llvm::IntrinsicInst &call);
  void classifyBlocks();
  void countBlocks();
  void emitEntry();

  // Intrinsics.cpp: what the call's value becomes; null: nothing is known.
  llvm::Error replaceIntrinsic(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceShuffle(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceMeeting(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceMatrix(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceCopy(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceScalar(llvm::CallInst &call, llvm::StringRef name);
  llvm::Value *replaceGroupOrder(llvm::CallInst &call, llvm::StringRef name);

  // Assembly.cpp
  llvm::Error replaceAssembly(llvm::CallInst &call);
  llvm::Value *replaceGroupProduct(llvm::CallInst &call, llvm::StringRef code);
  llvm::Value *replaceGroupWait(llvm::CallInst &call, llvm::StringRef code);
  llvm::Value *loadWords(llvm::CallInst &call, llvm::Value *slot);

  llvm::Constant *addSite(Site::Kind kind, const llvm::Instruction &inst) {
    program.sites.push_back({kind, describe(inst)});
    return llvm::ConstantInt::get(i32, program.sites.size() - 1);
  }
  llvm::Value *callMachine(llvm::IRBuilder<> &b, llvm::StringRef name,
                           llvm::Type *result,
                           llvm::ArrayRef<llvm::Value *> args) {
    llvm::SmallVector<llvm::Type *> types;
    for (llvm::Value *arg : args)
      types.push_back(arg->getType());
    llvm::FunctionCallee callee = module.getOrInsertFunction(
        name, llvm::FunctionType::get(result, types, /*isVarArg=*/false));
    return b.CreateCall(callee, args);
  }
  /// Memory of the thread's own.
  llvm::Value *allocate(llvm::CallInst &call, llvm::Type *type) {
    llvm::BasicBlock &entry = call.getFunction()->getEntryBlock();
    return llvm::IRBuilder<>(&*entry.begin()).CreateAlloca(type);
  }

  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::StringRef kernelName;
  llvm::Type *voidTy, *i32, *i64, *ptr;
  llvm::Function *kernel = nullptr;
  llvm::SmallVector<llvm::BasicBlock *> blocks;
  Program program;
};

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_RETARGETER_H
