//===- Retarget.h - NVPTX IR to instrumented host IR ------------*- C++ -*-===//
#ifndef SSM_LIB_EMULATOR_RETARGET_H
#define SSM_LIB_EMULATOR_RETARGET_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ssm::emulator {

/// An instruction that calls the machine.
struct Site {
  enum Kind { Load, Store, AtomicLoad, AtomicWrite, Rendezvous } kind;
  std::string where; ///< file:line:col, or the instruction's text.

  bool isAtomic() const { return kind == AtomicLoad || kind == AtomicWrite; }
  bool isWrite() const { return kind == Store || kind == AtomicWrite; }
};

/// What a retargeted module needs at run time.
struct Program {
  std::vector<Site> sites;
  int64_t sharedBytes = 0; ///< Static; dynamic memory begins here.
  std::vector<std::pair<std::string, int64_t>> globals; ///< Names and bytes.
  std::vector<llvm::Type *> parameters;                 ///< Of the kernel.
  /// Instructions of each class in each basic block.
  std::vector<std::vector<int64_t>> blocks;
};

/// Names of the classes of instructions, in the order of Program::blocks.
llvm::ArrayRef<llvm::StringLiteral> instructionClasses();

/// Names in the retargeted module.
inline constexpr char kEntryName[] = "ssm_emu_entry";
inline constexpr char kCountersName[] = "ssm_emu_counters";

/// Makes `module` a host module whose function kEntryName runs one thread of
/// the kernel. Memory accesses, barriers and shuffles call the machine.
llvm::Expected<Program> retarget(llvm::Module &module, llvm::StringRef kernel,
                                 const llvm::DataLayout &layout,
                                 const llvm::Triple &triple);

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_RETARGET_H
