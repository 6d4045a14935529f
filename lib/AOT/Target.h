//===- Target.h - Which machine to compile for ------------------*- C++ -*-===//
#ifndef SSM_LIB_AOT_TARGET_H
#define SSM_LIB_AOT_TARGET_H

#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace ssm {

/// The machine that `target` names: "host", or a CPU of one of the supported
/// architectures.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(llvm::StringRef target);

/// The instructions that this machine has and has not, as LLVM lists them.
std::string getHostFeatures();

/// Whether the target, if it is a CPU, scales vectors of any width by powers of
/// two in one instruction.
bool hasVectorScaling(llvm::StringRef target);

/// Whether the target, if it is a CPU, permutes eight lanes of f32 by others in
/// one instruction, and multiplies and adds in one.
bool hasVectorPermutes(llvm::StringRef target);

/// Whether the target, if it is a CPU of 64 bits, multiplies and adds in one
/// instruction.
bool hasFusedMultiplyAdd(llvm::StringRef target);

/// Whether the target has AVX512-BF16, which adds two products of bf16 to each
/// f32 of a vector.
bool hasPairedDotProduct(llvm::StringRef target);

/// Whether the target has AMX-BF16, which multiplies tiles of bf16.
bool hasTileProduct(llvm::StringRef target);

/// Function attributes that make LLVM use the machine's widest vectors.
void setFunctionAttributes(llvm::Module &module,
                           const llvm::TargetMachine &machine);

} // namespace ssm

#endif // SSM_LIB_AOT_TARGET_H
