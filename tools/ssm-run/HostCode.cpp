//===- HostCode.cpp - The kernels of a program in this process ------------===//
#include "HostCode.h"

#include "ssm/AOT/KernelObject.h"
#include "ssm/AOT/ToolSupport.h"

using namespace mlir;
using namespace ssm;

std::optional<HostCode>
HostCode::get(ModuleOp module, const CompileOptions &options, bool explain) {
  auto object = KernelObject::get("ssm-run", module, options, explain);
  if (!object)
    return std::nullopt;
  bool openmp = options.threads > 1;
  llvm::Error error =
      openmp ? setThreads(options.threads) : llvm::Error::success();
  if (!error) {
    auto loaded = LoadedModule::create(object->code, openmp);
    if (loaded)
      return HostCode{getKernels(*object->declarations), std::move(*loaded)};
    error = loaded.takeError();
  }
  (void)reportError("ssm-run", std::move(error));
  return std::nullopt;
}
