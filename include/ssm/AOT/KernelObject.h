//===- KernelObject.h - The object file of a program ------------*- C++ -*-===//
#ifndef SSM_AOT_KERNELOBJECT_H
#define SSM_AOT_KERNELOBJECT_H

#include "ssm/AOT/Compile.h"

#include "mlir/IR/OwningOpRef.h"

namespace ssm {

/// An object file, and a module with the declarations of its kernels.
struct KernelObject {
  std::string code;
  mlir::OwningOpRef<mlir::ModuleOp> declarations;

  /// Compiles a program, or takes what was made of it from the folder that
  /// MLIR_SSM_CACHE_DIR names. For its remarks a program has to be compiled:
  /// `remarks`. If there is nothing, messages of `tool` have said why.
  static std::optional<KernelObject> get(llvm::StringRef tool,
                                         mlir::ModuleOp module,
                                         const CompileOptions &options,
                                         bool remarks);
};

} // namespace ssm

#endif // SSM_AOT_KERNELOBJECT_H
