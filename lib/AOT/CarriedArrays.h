//===- CarriedArrays.h - Rows that loops carry as one value -----*- C++ -*-===//
#ifndef SSM_LIB_AOT_CARRIEDARRAYS_H
#define SSM_LIB_AOT_CARRIEDARRAYS_H

namespace llvm {
class Module;
} // namespace llvm

namespace ssm {

/// Makes loops carry each row of an array of vectors as a value of its own.
void splitCarriedArrays(llvm::Module &module);

} // namespace ssm

#endif // SSM_LIB_AOT_CARRIEDARRAYS_H
