//===- CapturedPointers.h - Pointers that threads share --------*- C++ -*-===//
#ifndef SSM_LIB_AOT_CAPTUREDPOINTERS_H
#define SSM_LIB_AOT_CAPTUREDPOINTERS_H

namespace llvm {
class Module;
}

namespace ssm {

/// Tells the bodies of parallel regions which of their function's arguments do
/// not alias.
void separateCapturedPointers(llvm::Module &module);

} // namespace ssm

#endif // SSM_LIB_AOT_CAPTUREDPOINTERS_H
