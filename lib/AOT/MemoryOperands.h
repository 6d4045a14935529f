//===- MemoryOperands.h - Loops that read operands from memory --*- C++ -*-===//
#ifndef SSM_LIB_AOT_MEMORYOPERANDS_H
#define SSM_LIB_AOT_MEMORYOPERANDS_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ssm {

/// Moves loads into loops that have no registers for what they load.
void reloadOperands(llvm::Module &module, llvm::TargetMachine &machine);

/// Gives what a loop reads in many places a pointer that walks along.
void walkPointers(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace ssm

#endif // SSM_LIB_AOT_MEMORYOPERANDS_H
