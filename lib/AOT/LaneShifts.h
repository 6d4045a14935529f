//===- LaneShifts.h - Shifts within lanes of 128 bits -----------*- C++ -*-===//
#ifndef SSM_LIB_AOT_LANESHIFTS_H
#define SSM_LIB_AOT_LANESHIFTS_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ssm {

/// Has shuffles that are shifts within lanes done by the instruction for those.
void shiftLanes(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace ssm

#endif // SSM_LIB_AOT_LANESHIFTS_H
