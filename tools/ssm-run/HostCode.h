//===- HostCode.h - The kernels of a program in this process ----*- C++ -*-===//
#ifndef SSM_TOOLS_RUN_HOSTCODE_H
#define SSM_TOOLS_RUN_HOSTCODE_H

#include "ssm/AOT/Compile.h"

namespace ssm {

/// What a program was compiled to.
struct HostCode {
  std::vector<std::pair<std::string, Signature>> kernels;
  LoadedModule loaded;

  /// Compiles a program for this machine, or takes what was made of it from
  /// the folder that MLIR_SSM_CACHE_DIR names. With `explain` it is always
  /// compiled, for the remarks. A message says why there is none.
  static std::optional<HostCode>
  get(mlir::ModuleOp module, const CompileOptions &options, bool explain);
};

} // namespace ssm

#endif // SSM_TOOLS_RUN_HOSTCODE_H
