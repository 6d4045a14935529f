//===- BFloatBits.h - bfloat16 without arithmetic, as integers --*- C++ -*-===//
#ifndef SSM_LIB_AOT_BFLOATBITS_H
#define SSM_LIB_AOT_BFLOATBITS_H

namespace llvm {
class Module;
} // namespace llvm

namespace ssm {

/// Loads, moves, chooses between and stores numbers of type bfloat as integers.
void moveBFloatBits(llvm::Module &module);

} // namespace ssm

#endif // SSM_LIB_AOT_BFLOATBITS_H
