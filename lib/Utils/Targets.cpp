//===- Targets.cpp - LLVM's code generators -------------------------------===//
#include "ssm/Utils/Targets.h"

#include "llvm/Support/TargetSelect.h"
#include <mutex>

void ssm::registerTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers(); // of assemblies in line
  });
}
