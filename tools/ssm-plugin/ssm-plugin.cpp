//===- ssm-plugin.cpp - The dialect and passes for a stock mlir-opt -------===//
//
//   mlir-opt --load-dialect-plugin=ssm_plugin.so --load-pass-plugin=...
//
//===----------------------------------------------------------------------===//
#include "ssm/Init.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;

extern "C" DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "ssm", LLVM_VERSION_STRING,
          [](DialectRegistry *registry) { ssm::registerAll(*registry); }};
}

extern "C" PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "ssm", LLVM_VERSION_STRING,
          ssm::registerPasses};
}
