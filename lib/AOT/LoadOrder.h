//===- LoadOrder.h - Read arrays side by side -------------------*- C++ -*-===//
#ifndef SSM_LIB_AOT_LOADORDER_H
#define SSM_LIB_AOT_LOADORDER_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ssm {

/// Makes scans along contiguous time read their operands line by line in turn.
void orderLoads(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace ssm

#endif // SSM_LIB_AOT_LOADORDER_H
